import { addFloats, copyFloats } from "./copy";

/** x [n, h, w, c] and y with sides `scale` times as long (upsampleNearest) or as short (sumPool); h and w are those of x. */
@unmanaged
class Resample {
  x: usize;
  y: usize;
  h: i32;
  w: i32;
  c: i32;
  scale: i32;
}

/** y[n, p, q, :] = x[n, p / scale, q / scale, :]. A unit is a row of pixels of x: `scale` rows of y. */
export function upsampleNearest(args: Resample, from: i32, to: i32, _workspace: usize): void {
  const w = args.w, c = args.c, scale = args.scale, pixel = <usize>c << 2, rowFloats = w * scale * c;
  for (let row = from; row < to; row++) {
    const first = args.y + (<usize>(row * scale * rowFloats) << 2);
    let x = args.x + (<usize>(row * w * c) << 2), y = first;
    for (let q = 0; q < w; q++, x += pixel) {
      for (let j = 0; j < scale; j++, y += pixel) copyFloats(y, x, c);
    }
    for (let i = 1; i < scale; i++, y += <usize>rowFloats << 2) copyFloats(y, first, rowFloats);
  }
}

/** y[n, p, q, :] = sum over i, j < scale of x[n, scale p + i, scale q + j, :]. A unit is a row of pixels of y. */
export function sumPool(args: Resample, from: i32, to: i32, _workspace: usize): void {
  const w = args.w, c = args.c, scale = args.scale, pixel = <usize>c << 2, columns = w / scale;
  for (let row = from; row < to; row++) {
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
