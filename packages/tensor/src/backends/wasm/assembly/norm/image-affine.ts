/*
 * gamma and beta as an image has them. With `time` [n, 2, c], scale and shift of each image:
 *   (gamma xhat + beta) (1 + scale) + shift = gamma' xhat + beta',   gamma' = gamma (1 + scale),   beta' = beta (1 + scale) + shift.
 */

/** 1 + scale; 1 without `time`. */
@inline
export function factorOf(time: usize, image: i32, c: i32, channel: i32): f32 {
  return time == 0 ? 1 : 1 + f32.load(time + (<usize>(2 * image * c + channel) << 2));
}

/** gamma'. */
@inline
export function gammaOf(gamma: usize, time: usize, image: i32, c: i32, channel: i32): f32 {
  return f32.load(gamma + (<usize>channel << 2)) * factorOf(time, image, c, channel);
}

/** beta'. */
@inline
export function betaOf(beta: usize, time: usize, image: i32, c: i32, channel: i32): f32 {
  const own = f32.load(beta + (<usize>channel << 2));
  if (time == 0) return own;
  return own * factorOf(time, image, c, channel) + f32.load(time + (<usize>((2 * image + 1) * c + channel) << 2));
}
