import { copyFloats } from "./copy";

/** Most axes that `permute` takes, after the host has merged neighbours that stay neighbours. */
@inline const AXES: i32 = 8;

/**
 * y [size0, ..., size7] in order; a step along axis j of y is a step of stride_j floats in x. Arrays with fewer axes have sizes 1
 * in front.
 */
@unmanaged
class Permute {
  x: usize;
  y: usize;
  size0: i32;
  size1: i32;
  size2: i32;
  size3: i32;
  size4: i32;
  size5: i32;
  size6: i32;
  size7: i32;
  stride0: i32;
  stride1: i32;
  stride2: i32;
  stride3: i32;
  stride4: i32;
  stride5: i32;
  stride6: i32;
  stride7: i32;
}

@inline
function size(args: Permute, axis: i32): i32 {
  return i32.load(changetype<usize>(args) + (<usize>axis << 2), offsetof<Permute>("size0"));
}

@inline
function stride(args: Permute, axis: i32): i32 {
  return i32.load(changetype<usize>(args) + (<usize>axis << 2), offsetof<Permute>("stride0"));
}

/**
 * Copies y's rows, which are strided in x. A unit is a row of y: size7 elements. Workspace: AXES counters, the place of the row
 * along each axis but the last.
 */
export function permute(args: Permute, from: i32, to: i32, counters: usize): void {
  const n = args.size7, step = <usize>args.stride7 << 2;
  let rest = from, at = 0;
  for (let axis = AXES - 2; axis >= 0; axis--) {
    const place = rest % size(args, axis);
    i32.store(counters + (<usize>axis << 2), place);
    at += place * stride(args, axis);
    rest /= size(args, axis);
  }
  let y = args.y + (<usize>(from * n) << 2);
  for (let row = from; row < to; row++, y += <usize>n << 2) {
    let x = args.x + (<usize>at << 2);
    if (step == 4) {
      copyFloats(y, x, n);
    } else {
      for (let i: usize = 0; i < <usize>n; i++, x += step) f32.store(y + (i << 2), f32.load(x));
    }
    for (let axis = AXES - 2; axis >= 0; axis--) { // on to the next row: like an odometer
      const counter = counters + (<usize>axis << 2), place = i32.load(counter) + 1;
      at += stride(args, axis);
      if (place < size(args, axis)) {
        i32.store(counter, place);
        break;
      }
      i32.store(counter, 0);
      at -= place * stride(args, axis);
    }
  }
}

/** y [batch, n, m] = the transposes of x [batch, m, n]. */
@unmanaged
class Transpose {
  x: usize;
  y: usize;
  m: i32;
  n: i32;
}

/** A unit is 4 rows of one matrix of y (or the rest of them); blocks of 4 x 4 are transposed in registers. */
export function transpose(args: Transpose, from: i32, to: i32, _workspace: usize): void {
  const m = args.m, n = args.n, strips = (n + 3) / 4;
  const xRow = <usize>n << 2, yRow = <usize>m << 2;
  for (let unit = from; unit < to; unit++) {
    const matrix = <usize>(unit / strips * m * n) << 2, column = unit % strips * 4, rows = min(4, n - column);
    let x = args.x + matrix + (<usize>column << 2), y = args.y + matrix + <usize>column * yRow;
    let i = 0;
    if (rows == 4) {
      for (; i + 4 <= m; i += 4, x += 4 * xRow, y += 16) {
        const x0 = v128.load(x), x1 = v128.load(x + xRow), x2 = v128.load(x + 2 * xRow), x3 = v128.load(x + 3 * xRow);
        const ab0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
        const cd0 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
        v128.store(y, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
        v128.store(y + yRow, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
        v128.store(y + 2 * yRow, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
        v128.store(y + 3 * yRow, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
      }
    }
    for (; i < m; i++, x += xRow, y += 4) {
      for (let r: usize = 0; r < <usize>rows; r++) f32.store(y + r * yRow, f32.load(x + (r << 2)));
    }
  }
}
