import { field } from "../config/fields.js";
import { oneOf } from "@fromnoise/nn/kinds";
import { CLEAN, isClean } from "../process/level.js";
import { combine } from "../process/q-sample.js";
import { SPACINGS } from "../process/timesteps.js";
import { ddim, type DdimOptions } from "./ddim.js";
import type { Sampler } from "./sampler.js";

/** Options of the way from an image to its noise: those of DDIM, without noise. */
export type DdimInversionOptions = Omit<DdimOptions, "eta">;

/**
 * DDIM's map with eta 0 gone backwards (Song, Meng, Ermon 2021, section 4.3): the run starts at images and ends at the noise from which
 * `ddim` with the same steps comes back to them, but for an error that falls with the number of steps. From the image itself, where there
 * is no noise that a network could tell, the first step takes the eps that is said of it at the first level above.
 */
export const ddimInversion: Sampler<DdimInversionOptions> = {
  name: "ddim-inversion",
  summary: "from images to the noise that DDIM makes them of",
  fields: { steps: ddim.fields.steps, spacing: field(oneOf(SPACINGS), "trailing", "which steps") },
  path: (process, options) => [CLEAN, ...ddim.path(process, { ...options, eta: 0 }).slice(0, -1).reverse()],

  step(xt, i, path, { denoise }) {
    const at = path[i], to = path[i + 1];
    const { x0, eps } = denoise(xt, isClean(at) ? to : at);
    const next = combine(to.alpha, isClean(at) ? xt : x0, to.sigma, eps);
    return { at, to, xt, x0, eps, mean: next, sigma: 0, next };
  },
};
