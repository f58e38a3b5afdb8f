/** The samplers there are: one line each. */
import type { FieldTable } from "../config/fields.js";
import { ancestral } from "./ancestral.js";
import { ddim } from "./ddim.js";
import { ddimHeun } from "./ddim-heun.js";
import { dpm2mSde } from "./dpm-2m-sde.js";
import { dpm2m } from "./dpm-2m.js";
import { euler } from "./euler.js";
import { heun } from "./heun.js";
import type { Sampler } from "./sampler.js";

/** A sampler whatever its options and memory: what lists and the command go by. */
export interface AnySampler extends Sampler<object, unknown> { readonly fields: FieldTable }

/** In the order of the help; the first is the one unless another is asked for. */
export const samplers: readonly AnySampler[] = [
  ddim,
  ancestral,
  ddimHeun,
  euler,
  heun,
  dpm2m,
  dpm2mSde,
];

export { ancestral, ddim, ddimHeun, dpm2m, dpm2mSde, euler, heun };
