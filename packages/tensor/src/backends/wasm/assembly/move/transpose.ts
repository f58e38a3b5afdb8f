import { GRAIN, ceilDiv } from "../variant";

/** y [batch, n, m] = the transposes of x [batch, m, n]. */
@unmanaged
export class Transpose {
  x: usize;
  y: usize;
  batch: i32;
  m: i32;
  n: i32;
}

/** A strip is 4 rows of one matrix of y, or the rest of them; so many are a chunk. */
@inline function strips(args: Transpose): i32 { return ceilDiv(args.n, 4); }
@inline function chunkStrips(args: Transpose): i32 { return ceilDiv(GRAIN / 4, args.m); }

export function transposeChunks(args: Transpose): i32 {
  return ceilDiv(args.batch * strips(args), chunkStrips(args));
}

/** Blocks of 4 x 4 are transposed in registers. */
export function transpose(args: Transpose, from: i32, to: i32, _workspace: usize): void {
  const m = args.m, n = args.n, count = strips(args), end = min(to * chunkStrips(args), args.batch * count);
  const xRow = <usize>n << 2, yRow = <usize>m << 2;
  for (let strip = from * chunkStrips(args); strip < end; strip++) {
    const matrix = <usize>(strip / count * m * n) << 2, column = strip % count * 4, rows = min(4, n - column);
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
