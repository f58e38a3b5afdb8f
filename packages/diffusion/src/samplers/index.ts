/** The samplers there are: one line each. */
import type { FieldTable } from "../config/fields.js";
import { ancestral } from "./ancestral.js";
import { ddim } from "./ddim.js";
import { euler } from "./euler.js";
import type { Sampler } from "./sampler.js";

/** A sampler whatever its options and memory: what lists and the command go by. */
export interface AnySampler extends Sampler<object, unknown> { readonly fields: FieldTable }

/** In the order of the help; the first is the one unless another is asked for. */
export const samplers: readonly AnySampler[] = [
  ddim,
  ancestral,
  euler,
];

export { ancestral, ddim, euler };
