import { add, ConfigError, multiply, where, type Tensor } from "@fromnoise/tensor";
import { integer } from "@fromnoise/nn/kinds";
import { field } from "../config/fields.js";
import { isClean, type NoiseLevel } from "../process/level.js";
import { assertSameShape, combine } from "../process/q-sample.js";
import { ancestral, type AncestralOptions } from "./ancestral.js";
import { noiseToSignal } from "./sigma.js";
import type { Sampler, SamplerStep } from "./sampler.js";

/** Options of RePaint: what is known, and how often it goes back. */
export interface RepaintOptions extends AncestralOptions {
  /** Steps that the path climbs before it goes down again. */
  jump: number;
  /** How often each part of the path is gone down; 1 does not climb. */
  resamplings: number;
}

/** What is known of the samples, [N, ...] as they are. */
export interface Known {
  /** Clean values, of which those that the mask does not name are not looked at. */
  readonly x0: Tensor;
  /** 1 where a value is known, else 0. */
  readonly mask: Tensor;
}

/** The last guess, which a step up shows again: it asks no network. */
interface Guess { readonly x0: Tensor; readonly eps: Tensor }

/**
 * The levels of RePaint (Lugmayr et al. 2022, section 4.2 and their schedule of jumps): down the given ones, and at every `jump`-th level
 * from the cleanest on, but for the last `jump` at the noisy end, up again by `jump` levels, `resamplings` - 1 times.
 */
export function repaintPath(down: readonly NoiseLevel[], jump: number, resamplings: number): NoiseLevel[] {
  const levels = down.slice(0, -1).reverse(), S = levels.length;                  // levels[k], noisier and noisier
  const left = new Map(Array.from({ length: Math.max(0, Math.ceil((S - jump) / jump)) }, (_, i) => [i * jump, resamplings - 1]));
  const path: NoiseLevel[] = [];
  for (let k = S - 1; k >= 0; k--) {
    path.push(levels[k]);
    const again = left.get(k) ?? 0;
    if (again === 0) continue;
    left.set(k, again - 1);
    for (let up = 1; up <= jump; up++) path.push(levels[k + up]);
    k += jump;
  }
  return [...path, down[down.length - 1]];
}

/**
 * Inpainting with a model that was not trained for it (Lugmayr et al. 2022, algorithm 1): after each ancestral step the known values are
 * replaced by themselves, noised to the level that was reached, and the path climbs again and again so that the rest can follow them;
 * a step up adds the noise of q(x_t | x_s). In a step shown, sigma is that of the values that are not known.
 * Throws ShapeError where x0, mask and samples differ in shape.
 */
export function repaint({ x0: known, mask }: Known): Sampler<RepaintOptions, Guess> {
  return {
    name: "repaint",
    summary: "inpainting: what is known is put back after every step",
    fields: {
      ...ancestral.fields,
      jump: field(integer({ from: 1, to: 10_000 }), 10, "steps that the path climbs"),
      resamplings: field(integer({ from: 1, to: 10_000 }), 10, "how often each part of the path is gone down"),
    },
    path: (process, options) => repaintPath(ancestral.path(process, options), options.jump, options.resamplings),

    step(xt, i, path, context, memory) {
      assertSameShape("repaint", { samples: xt, x0: known, mask });
      const at = path[i], to = path[i + 1];
      if (noiseToSignal(to) > noiseToSignal(at)) return up(xt, at, to, context.noise(), memory);
      const down = ancestral.step(xt, i, path, context, undefined) as SamplerStep;
      const here = isClean(to) ? known : combine(to.alpha, known, to.sigma, context.noise());
      const put = (there: Tensor, value: Tensor): Tensor => where(mask, value, there);
      const shown = { ...down, mean: put(down.mean, multiply(known, to.alpha)), next: put(down.next, here) };
      return { shown, memory: { x0: down.x0, eps: down.eps } };
    },
  };
}

/** q(x_to | x_at), from less noise to more: a x_at + sqrt(sigma_to^2 - a^2 sigma_at^2) z, a = alpha_to / alpha_at. */
function up(
  xt: Tensor, at: NoiseLevel, to: NoiseLevel, z: Tensor, guess: Guess | undefined,
): { shown: SamplerStep; memory: Guess } {
  if (guess === undefined) throw new ConfigError("repaint: a path that begins with a climb", ["allowed  down first"]);
  const a = to.alpha / at.alpha;
  const sigma = Math.sqrt(to.sigma ** 2 - (a * at.sigma) ** 2);
  const mean = multiply(xt, a);
  return { shown: { at, to, xt, ...guess, mean, sigma, next: add(mean, multiply(z, sigma)) }, memory: guess };
}
