/** What each sampler can be told: the flags of `sample` under its name, and the options that `sampleImages` checks. */
import { ConfigError } from "@fromnoise/tensor";
import { checkFields, field, optional } from "../config/fields.js";
import { checkValue, integer, number, oneOf } from "../config/kinds.js";
import { VARIANCES } from "../process/schedules.js";
import { SPACINGS } from "../process/timesteps.js";

export const samplerFields = {
  ddim: {
    steps: field(integer({ from: 1 }), 50, "steps taken out of T", { value: "S" }),
    eta: field(number({ from: 0, to: 1 }), 0, "0 deterministic .. 1 as noisy as ancestral"),
    spacing: field(oneOf(SPACINGS), "trailing", "which steps"),
  },
  ancestral: {
    variance: optional(oneOf(VARIANCES), "of every step", { shown: "the model's" }),
  },
};

export type SamplerName = keyof typeof samplerFields;
export const SAMPLERS = Object.keys(samplerFields) as SamplerName[];

/** Options of sampling that had another name. */
const renamed: Readonly<Record<string, string>> = { objective: "prediction", clip: "clipX0" };

/** Throws ConfigError with today's name where an option is given under the one that it had before. */
export function refuseRenamed(given: object): void {
  const old = Object.keys(renamed).find((name) => Object.hasOwn(given, name));
  if (old !== undefined) throw new ConfigError(`sampling: there is no option ${old}`, [`now      ${renamed[old]}`]);
}

/** Throws ConfigError for a sampler that is none, one of its options out of range, or an option under an earlier name. */
export function checkSampling(options: { readonly sampler: { readonly name: string } }): void {
  refuseRenamed(options);
  const { name, ...own } = options.sampler;
  checkValue(oneOf(SAMPLERS), "sampler.name", name);
  checkFields<unknown>(samplerFields[name], own, name);
}
