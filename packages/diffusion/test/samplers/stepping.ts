/** Single steps of samplers, and networks that say what they are told to. */
import type { Shape, Tensor } from "@fromnoise/tensor";
import type { Network } from "@fromnoise/nn";
import { checkFields } from "../../src/config/fields.js";
import { CLEAN, type Denoiser, type NoiseLevel, type Sampler, type SamplerStep } from "../../src/index.js";

/** A network without parameters that says f(x, t) of samples of this shape. */
export function saying(f: (x: Tensor, t: number) => Tensor, sample: Shape = [1]): Network {
  const refuse = (): never => {
    throw new Error("not trained");
  };
  return {
    name: "", parameters: [], spec: { kind: "saying", config: {}, sample, outputs: sample[sample.length - 1] },
    create: refuse, forward: refuse, backward: refuse, apply: (x, t) => f(x, t[0]),
  };
}

export interface OneStep<O> {
  denoise: Denoiser;
  xt: Tensor;
  at: NoiseLevel;
  /** Default the clean end. */
  to?: NoiseLevel | undefined;
  options?: Partial<O>;
  noise?: () => Tensor;
}

/** The step of a sampler from one level to another. */
export function takeStep<O extends object>(
  sampler: Sampler<O, unknown>, { denoise, xt, at, to = CLEAN, options = {}, noise = () => { throw new Error("no noise is drawn"); } }: OneStep<O>,
): SamplerStep {
  const made = sampler.step(xt, 0, [at, to], {
    denoise, noise, variance: "fixed-small", options: checkFields(sampler.fields, options, sampler.name),
    levelAt: () => { throw new Error("no other level is asked for"); },
  }, undefined);
  return "shown" in made ? made.shown : made;
}
