import { ConfigError } from "@fromnoise/tensor";
import { field } from "../config/fields.js";
import { integer, number } from "@fromnoise/nn/kinds";
import { CLEAN, logSnr } from "../process/level.js";
import { combine } from "../process/q-sample.js";
import type { Sampler } from "./sampler.js";

export interface EulerOptions {
  /** Steps from the noisiest level to the image. */
  steps: number;
  /** How the steps crowd towards little noise. */
  rho: number;
}

/**
 * Euler's method on the probability-flow equation in s = sigma / alpha: y = x / alpha obeys dy/ds = eps (Karras et al. 2022, equation 4
 * with s(t) = 1), so  x' = alpha' (x / alpha + (s' - s) eps)  from the process's largest s to its smallest and then to 0, spaced by
 *   s_i = (smax^(1/rho) + i / (n - 1) (smin^(1/rho) - smax^(1/rho)))^rho,  i = 0 .. n - 1  (equation 5).
 */
export const euler: Sampler<EulerOptions> = {
  name: "euler",
  summary: "Euler's method in sigma, its steps spaced as Karras et al. do",
  fields: {
    steps: field(integer({ from: 1 }), 30, "steps from noise to image", { value: "S" }),
    rho: field(number({ from: 1 }), 7, "crowding of the steps towards little noise"),
  },

  path({ range: [first, last], levelAt }, { steps, rho }) {
    if (first.alpha === 0) throw new ConfigError("euler: sigma / alpha is infinite where alpha is 0", ["allowed  ddim, ancestral"]);
    const [high, low] = [first, last].map(({ alpha, sigma }) => (sigma / alpha) ** (1 / rho));
    const between = Array.from({ length: Math.max(0, steps - 2) }, (_, i) => {
      const s = (high + ((i + 1) / (steps - 1)) * (low - high)) ** rho;
      return levelAt(-2 * Math.log(s));
    });
    return steps === 1 ? [first, CLEAN] : [first, ...between, levelAt(logSnr(last)), CLEAN];
  },

  step(xt, i, path, { denoise }) {
    const at = path[i], to = path[i + 1];
    const { x0, eps } = denoise(xt, at);
    const next = combine(to.alpha / at.alpha, xt, to.alpha * (to.sigma / to.alpha - at.sigma / at.alpha), eps);
    return { at, to, xt, x0, eps, mean: next, sigma: 0, next };
  },
};
