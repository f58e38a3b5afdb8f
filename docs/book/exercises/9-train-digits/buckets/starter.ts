/**
 * Task: extend the loss of a batch to one number for each tenth of the T steps, as the figure of the chapter shows it: the mean error of the
 * images whose t fell there, null where none did. What stands here gives the whole batch's mean ten times.
 */
export function bucketMeans(errors: readonly number[], _times: readonly number[], _T: number): (number | null)[] {
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  return new Array<number | null>(10).fill(mean);
}
