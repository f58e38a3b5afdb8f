/** How samples are drawn: what flags say of sampler, its own options and guidance, and a recipe where they say nothing. */
import { ConfigError } from "@fromnoise/tensor";
import { checkValue } from "@fromnoise/nn/kinds";
import { flagsOf, givenFields, type FlagValues } from "../config/flags.js";
import { guidanceFields, type Guidance } from "../denoisers/guided.js";
import { samplers, type AnySampler } from "../samplers/index.js";
import { recipes } from "../train/recipes.js";

/** How samples are drawn. */
export interface Sampling { readonly sampler: AnySampler; readonly options: object; readonly guidance: Guidance | undefined }

/**
 * As the flags say, else as the recipe of this name does, else by the first sampler with its defaults.
 * Throws ConfigError for flags that mean nothing to the sampler, and for options of guidance without a scale.
 */
export function samplingIn(flags: FlagValues, recipe: string | undefined): Sampling {
  const said = recipes.find(({ name }) => name === recipe)?.sampling;
  const wanted = flags.get("sampler") ?? said?.sampler ?? samplers[0].name;
  const sampler = samplers.find(({ name }) => name === wanted)!;
  refuseOtherSamplers(sampler, flags);
  const own = said?.sampler === sampler.name ? said.options : {};
  return { sampler, options: { ...own, ...givenFields(sampler.fields, flags) }, guidance: guidanceIn(flags) ?? said?.guidance };
}

/** The guidance that the flags ask for, if any. Throws ConfigError for options of guidance without a scale. */
function guidanceIn(flags: FlagValues): Guidance | undefined {
  const [scale, ...others] = flagsOf(guidanceFields).map(({ name }) => name);
  if (flags.has(scale)) return givenFields(guidanceFields, flags) as Guidance;
  const lonely = others.find((name) => flags.has(name));
  if (lonely === undefined) return undefined;
  throw new ConfigError(`--${lonely} means nothing without --${scale}`, [`pass     --${scale} W`]);
}

/** Throws ConfigError for a value that only another sampler's flag of this name allows, and for a flag that only other samplers have. */
function refuseOtherSamplers({ name, fields }: AnySampler, flags: FlagValues): void {
  const own = flagsOf(fields).map((flag) => flag.name);
  for (const { name: flag, field: { kind } } of flagsOf(fields)) if (flags.has(flag)) checkValue(kind, `--${flag}`, flags.get(flag));
  for (const other of samplers) {
    const clash = flagsOf(other.fields).find((flag) => flags.has(flag.name) && !own.includes(flag.name));
    if (clash === undefined) continue;
    throw new ConfigError(`--${clash.name} means nothing to the ${name} sampler`, [`hint     it is for --sampler ${other.name}`]);
  }
}
