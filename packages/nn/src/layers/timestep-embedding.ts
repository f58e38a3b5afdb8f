import { ConfigError, elementary } from "@fromnoise/tensor";

/** Order of sines and cosines, spacing of frequencies, and what the time is multiplied by. */
export interface TimestepEmbeddingOptions {
  /** True: cosines first (diffusers' default); false: sines first (the paper). Default true. */
  readonly flipSinToCos?: boolean;
  /** Frequencies 10000^(-i / (half - freqShift)): 1 in the paper, 0 in diffusers' default and improved-diffusion. Default 0. */
  readonly freqShift?: number;
  /** Longest period over 2 pi; default 10000. */
  readonly maxPeriod?: number;
}

/** Angles up to here have the same bits everywhere, see `elementary`. */
const FARTHEST = 2 ** 20;

/**
 * Sinusoidal embedding of timesteps (Vaswani et al. 2017, section 3.5), in f64 on the host: row n is
 * [sin(t_n f_0) .. sin(t_n f_{half-1}), cos(t_n f_0) ..], f_i = maxPeriod^(-i / (half - freqShift)), half = floor(dim / 2);
 * the two halves change places with flipSinToCos, and an odd dim ends in a zero. Returns [N, dim] in row-major order.
 * Throws ConfigError when dim leaves no frequency, that is, unless half > freqShift, and for times beyond 2^20 in size.
 */
export function timestepEmbedding(
  timesteps: ArrayLike<number>, dim: number, options: TimestepEmbeddingOptions = {},
): Float64Array {
  const { flipSinToCos = true, freqShift = 0, maxPeriod = 10000 } = options;
  const half = Math.floor(dim / 2);
  if (!(half > freqShift)) {
    throw new ConfigError(`timestep embedding: ${dim} channels are too few`, [`allowed  more than ${2 * freqShift + 1}`]);
  }
  const far = Array.from(timesteps).find((t) => Math.abs(t) > FARTHEST);
  if (far !== undefined) throw new ConfigError(`timestep embedding: a time of ${far} is too large`, [`allowed  -${FARTHEST} .. ${FARTHEST}`]);
  const [sines, cosines] = flipSinToCos ? [half, 0] : [0, half];
  const frequencies = Float64Array.from({ length: half }, (_, i) => elementary.exp(-elementary.log(maxPeriod) * i / (half - freqShift)));
  const out = new Float64Array(timesteps.length * dim);
  for (let n = 0; n < timesteps.length; n++) {
    if (n > 0 && timesteps[n] === timesteps[n - 1]) {        // as in sampling, where all images are at one time
      out.copyWithin(n * dim, (n - 1) * dim, n * dim);
      continue;
    }
    for (let i = 0; i < half; i++) {
      const angle = timesteps[n] * frequencies[i];
      out[n * dim + sines + i] = elementary.sin(angle);
      out[n * dim + cosines + i] = elementary.cos(angle);
    }
  }
  return out;
}
