/** Samplers with one mistake each. */
import { add, concat, multiply, split, type Tensor } from "@fromnoise/tensor";
import { ancestral, ddim, type AnySampler,  ddimSigma, isClean, posterior, posteriorMean, type Sampler } from "@fromnoise/diffusion";

/** Steps of the samplers that go over some of the levels. */
export const STEPS = 50;

/** The mistakes are made over the levels that DDIM visits: `ancestral`'s own fields would ask for a variance. */
const { fields, path } = ddim;
type Options = Parameters<typeof path>[1];

/**
 * Over strides, from t to the next t that is visited, it takes the step to t - 1: what `prev_timestep = timestep - 1` does when fewer than all steps
 * are taken. x keeps nearly all of its noise until the end.
 */
export const wrongPrevious: Sampler<Options> = {
  name: "wrong-previous", summary: "steps to t - 1, then asks at the next of its levels", fields, path,
  step(xt, i, levels, { denoise }) {
    const at = levels[i], next = levels[i + 1];
    const to = isClean(next) ? next : between(at, next);
    const { x0, eps } = denoise(xt, at);
    const mean = add(multiply(x0, to.alpha), multiply(eps, to.sigma));
    return { at, to: next, xt, x0, eps, mean, sigma: 0, next: mean };
  },
};

/** The level a twentieth of the way from one to another: t - 1 where strides are of 20 steps. */
function between(at: { alpha: number; sigma: number; time: number }, to: { alpha: number; sigma: number }): { alpha: number; sigma: number; time: number } {
  const alpha = at.alpha + (to.alpha - at.alpha) / 20;
  return { ...at, alpha, sigma: Math.sqrt(1 - alpha * alpha) };
}

/** Adds noise in the last step too, as much as its stride would have: the sample is never clean. */
export const noiseAtTheEnd: Sampler<Options> = {
  name: "noise-at-the-end", summary: "adds noise in every step, the last one too", fields, path,
  step(xt, i, levels, { denoise, noise }) {
    const at = levels[i], to = levels[i + 1];
    const { x0, eps } = denoise(xt, at);
    if (!isClean(to)) {
      const sigma = ddimSigma(at, to, 1);
      const mean = add(multiply(x0, to.alpha), multiply(eps, Math.sqrt(Math.max(0, to.sigma ** 2 - sigma ** 2))));
      return { at, to, xt, x0, eps, mean, sigma, next: add(mean, multiply(noise(), sigma)) };
    }
    const mean = posteriorMean(x0, xt, at, to);
    const sigma = Math.sqrt(posterior(at, to).large);
    return { at, to, xt, x0, eps, mean, sigma, next: add(mean, multiply(noise(), sigma)) };
  },
};

/** Ancestral sampling over all steps, without its noise: a step back that is never random blurs. */
export const withoutNoise: Sampler<Parameters<typeof ancestral.path>[1]> = {
  ...ancestral, name: "without-noise", summary: "the mean of every step",
  step(xt, i, levels, { denoise }) {
    const at = levels[i], to = levels[i + 1];
    const { x0, eps } = denoise(xt, at);
    const mean = posteriorMean(x0, xt, at, to);
    return { at, to, xt, x0, eps, mean, sigma: 0, next: mean };
  },
};

/** A sampler whose samples have their channels in the opposite order: BGR for RGB. */
export function reversed(sampler: AnySampler): AnySampler {
  return {
    ...sampler, name: "reversed",
    step(xt, i, levels, context, memory) {
      const made = sampler.step(xt, i, levels, context, memory);
      if (!isClean(levels[i + 1])) return made;
      const swapped = { ...("shown" in made ? made.shown : made) };
      return { ...swapped, next: otherWay(swapped.next) };
    },
  };
}

function otherWay(x: Tensor): Tensor {
  return concat(split(x, x.shape.at(-1)!, -1).reverse(), -1);
}
