/** y_i = x_i / rms, rms = sqrt(mean(x^2)). */
export function forward(x: readonly number[]): number[] {
  const rms = Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length);
  return x.map((v) => v / rms);
}

/** d rms / dx_j = x_j / (m rms), so dx_j = (dy_j - y_j mean(dy y)) / rms: the part along y goes, for stretching x changes nothing. */
export function backward(dy: readonly number[], x: readonly number[]): number[] {
  const rms = Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length);
  const y = forward(x);
  const along = dy.reduce((sum, d, i) => sum + d * y[i], 0) / x.length;
  return dy.map((d, i) => (d - y[i] * along) / rms);
}
