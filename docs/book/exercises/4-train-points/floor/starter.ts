/**
 * Task: predict the loss, the mean of (eps - guess)^2, of a perfect network at one level of noise, for data N(0, sdData^2). Whoever
 * thinks that a perfect network has the loss 0 writes what stands here. Hint: eps and x_t are Gaussian together; what is left of the
 * variance of eps when x_t is known?
 */
export function floor(_alpha: number, _sigma: number, _sdData: number): number {
  return 0;
}
