/** y_i = x_i / rms, rms = sqrt(mean(x^2)). */
export function forward(x: readonly number[]): number[] {
  const rms = Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length);
  return x.map((v) => v / rms);
}

/** Task: dx. What stands here takes rms for a constant, and it depends on every x. */
export function backward(dy: readonly number[], x: readonly number[]): number[] {
  const rms = Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length);
  return dy.map((d) => d / rms);
}
