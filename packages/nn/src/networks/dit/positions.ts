import { timestepEmbedding } from "../../layers/timestep-embedding.js";

/**
 * Fixed embedding of the places of a grid of h x w tokens, [h w, D] in row-major order, in f64: of each place the sinusoids of its
 * column in the first D / 2 channels, those of its row in the others, each [sin(k f_i) .., cos(k f_i) ..], f_i = 10000^(-4 i / D),
 * i < D / 4. D is a multiple of 4. Source: He et al. (2022), Masked autoencoders, in their code; Vaswani et al. (2017), section
 * 3.5.
 */
export function gridPositions(h: number, w: number, dim: number): Float64Array {
  const half = dim / 2;
  const sinusoids = (count: number): Float64Array =>
    timestepEmbedding(Array.from({ length: count }, (_, k) => k), half, { flipSinToCos: false });
  const columns = sinusoids(w), rows = sinusoids(h);
  const out = new Float64Array(h * w * dim);
  for (let row = 0; row < h; row++) {
    for (let column = 0; column < w; column++) {
      const at = (row * w + column) * dim;
      out.set(columns.subarray(column * half, (column + 1) * half), at);
      out.set(rows.subarray(row * half, (row + 1) * half), at + half);
    }
  }
  return out;
}
