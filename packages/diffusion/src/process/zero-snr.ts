import { ConfigError } from "@fromnoise/tensor";

/**
 * Betas of the same course whose last step leaves nothing of the image, so that a sampler starts from what training ended in (Lin, Liu,
 * Li, Yang 2023, algorithm 1): with s_t = sqrt(alphaBar_t), which falls from s_0 to s_T,
 *   s'_t = (s_t - s_T) s_0 / (s_0 - s_T),   beta'_t = 1 - (s'_t / s'_{t-1})^2,   s'_{-1} = 1.
 * The first beta stays what it was, the last one is 1. Throws ConfigError for fewer than two steps.
 */
export function rescaleZeroSnr(betas: ArrayLike<number>): Float64Array {
  if (betas.length < 2) {
    throw new ConfigError(`timesteps: ${betas.length} are too few to end without signal`, ["allowed    integers from 2 with zeroTerminalSnr"]);
  }
  let product = 1;
  const s = Float64Array.from(betas, (beta) => Math.sqrt(product *= 1 - beta));
  const last = s[s.length - 1], scale = s[0] / (s[0] - last);
  return s.map((value, t) => {
    const ratio = (value - last) * scale / (t === 1 ? s[0] : (s[t - 1] - last) * scale);
    return t === 0 ? betas[0] : 1 - ratio * ratio;
  });
}
