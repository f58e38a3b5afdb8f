import { copyFloats } from "./copy";
import { ceilDiv, rowsInChunk } from "../variant";

/** An axis of y: its size, and floats between neighbours along it in x. */
@unmanaged
export class PermutedAxis {
  size: i32;
  stride: i32;
}

/** y = x with its axes in another order. */
@unmanaged
export class Permute {
  x: usize;
  y: usize;
  /** Rows PermutedAxis: y's axes but the last. */
  list: usize;
  axes: i32;
  /** Product of their sizes. */
  rows: i32;
  /** The last axis of y. */
  length: i32;
  stride: i32;
}

@inline
function axisOf(args: Permute, i: i32): PermutedAxis {
  return changetype<PermutedAxis>(args.list + <usize>i * offsetof<PermutedAxis>());
}

export function permuteChunks(args: Permute): i32 {
  return ceilDiv(args.rows, rowsInChunk(args.length));
}

/** A counter for each axis but the last: the place of the row along it. */
export function permuteWorkspace(args: Permute): f64 {
  return <f64>args.axes * 4;
}

/** Copies y's rows, which are strided in x. */
export function permute(args: Permute, from: i32, to: i32, counters: usize): void {
  const n = args.length, step = <usize>args.stride << 2, first = from * rowsInChunk(n), end = min(to * rowsInChunk(n), args.rows);
  let rest = first, at = 0;
  for (let i = args.axes - 1; i >= 0; i--) {
    const axis = axisOf(args, i), place = rest % axis.size;
    i32.store(counters + (<usize>i << 2), place);
    at += place * axis.stride;
    rest /= axis.size;
  }
  let y = args.y + (<usize>(first * n) << 2);
  for (let row = first; row < end; row++, y += <usize>n << 2) {
    let x = args.x + (<usize>at << 2);
    if (step == 4) {
      copyFloats(y, x, n);
    } else {
      for (let i: usize = 0; i < <usize>n; i++, x += step) f32.store(y + (i << 2), f32.load(x));
    }
    for (let i = args.axes - 1; i >= 0; i--) { // on to the next row: like an odometer
      const axis = axisOf(args, i), counter = counters + (<usize>i << 2), place = i32.load(counter) + 1;
      at += axis.stride;
      if (place < axis.size) {
        i32.store(counter, place);
        break;
      }
      i32.store(counter, 0);
      at -= place * axis.stride;
    }
  }
}
