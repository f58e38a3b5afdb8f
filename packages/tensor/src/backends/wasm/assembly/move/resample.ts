import { addFloats, copyFloats } from "./copy";
import { ceilDiv, rowsInChunk } from "../variant";

/** x [n, h, w, c] and y with sides `scale` times as long (upsampleNearest) or as short (sumPool); h and w are those of x. */
@unmanaged
export class Resample {
  x: usize;
  y: usize;
  n: i32;
  h: i32;
  w: i32;
  c: i32;
  scale: i32;
}

/** Rows of pixels of x in a chunk of `upsampleNearest`, and of y in one of `sumPool`. */
@inline function upsampleRows(args: Resample): i32 { return rowsInChunk(args.w * args.c * args.scale * args.scale); }
@inline function poolRows(args: Resample): i32 { return rowsInChunk(args.w * args.c * args.scale); }

export function upsampleNearestChunks(args: Resample): i32 {
  return ceilDiv(args.n * args.h, upsampleRows(args));
}

/** y[n, p, q, :] = x[n, p / scale, q / scale, :]. */
export function upsampleNearest(args: Resample, from: i32, to: i32, _workspace: usize): void {
  const end = min(to * upsampleRows(args), args.n * args.h);
  const w = args.w, c = args.c, scale = args.scale, pixel = <usize>c << 2, rowFloats = w * scale * c;
  for (let row = from * upsampleRows(args); row < end; row++) {
    const first = args.y + (<usize>(row * scale * rowFloats) << 2);
    let x = args.x + (<usize>(row * w * c) << 2), y = first;
    for (let q = 0; q < w; q++, x += pixel) {
      for (let j = 0; j < scale; j++, y += pixel) copyFloats(y, x, c);
    }
    for (let i = 1; i < scale; i++, y += <usize>rowFloats << 2) copyFloats(y, first, rowFloats);
  }
}

export function sumPoolChunks(args: Resample): i32 {
  return ceilDiv(args.n * args.h / args.scale, poolRows(args));
}

/** y[n, p, q, :] = sum over i, j < scale of x[n, scale p + i, scale q + j, :]. */
export function sumPool(args: Resample, from: i32, to: i32, _workspace: usize): void {
  const end = min(to * poolRows(args), args.n * args.h / args.scale);
  const w = args.w, c = args.c, scale = args.scale, pixel = <usize>c << 2, columns = w / scale;
  for (let row = from * poolRows(args); row < end; row++) {
    let y = args.y + (<usize>(row * columns * c) << 2);
    for (let q = 0; q < columns; q++, y += pixel) {
      for (let i = 0; i < scale; i++) {
        let x = args.x + (<usize>(((row * scale + i) * w + q * scale) * c) << 2);
        for (let j = 0; j < scale; j++, x += pixel) {
          if (i + j == 0) copyFloats(y, x, c);
          else addFloats(y, x, c);
        }
      }
    }
  }
}
