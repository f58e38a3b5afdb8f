/** How far results are from the reference. */

/**
 * The largest of max |y - r| / max |r| over the tensors, r the reference repeated to the length of y (equal images give equal
 * results). Infinity where the sizes do not fit or a value is not finite.
 */
export function maxError(results: readonly Float64Array[], reference: readonly Float64Array[]): number {
  if (results.length !== reference.length) return Infinity;
  return Math.max(...results.map((y, i) => tensorError(y, reference[i])));
}

function tensorError(y: Float64Array, r: Float64Array): number {
  if (y.length === 0 || y.length % r.length !== 0) return Infinity;
  let difference = 0, largest = 0;
  for (let j = 0; j < y.length; j++) {
    const expected = r[j % r.length];
    difference = Math.max(difference, Math.abs(y[j] - expected)); // NaN stays NaN
    largest = Math.max(largest, Math.abs(expected));
  }
  return Number.isFinite(difference) ? difference / largest : Infinity;
}
