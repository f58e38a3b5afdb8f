/** y = ln(1 + e^x), written so that nothing overflows. */
export function forward(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** dy/dx = e^x / (1 + e^x) = 1 / (1 + e^-x): of the two forms the one in which an overflow ends as 1 / Infinity = 0. */
export function backward(dy: number, x: number): number {
  return dy / (1 + Math.exp(-x));
}
