/** t lies in the tenth floor(10 t / T), for t = 0 .. T - 1 one of 0 .. 9. */
export function bucketMeans(errors: readonly number[], times: readonly number[], T: number): (number | null)[] {
  return Array.from({ length: 10 }, (_, tenth) => {
    const mine = errors.filter((_, i) => Math.floor((10 * times[i]) / T) === tenth);
    return mine.length === 0 ? null : mine.reduce((sum, error) => sum + error, 0) / mine.length;
  });
}
