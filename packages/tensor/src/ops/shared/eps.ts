import { ConfigError } from "../../core/errors.js";
import { givenOptions } from "../../core/expect-options.js";

/** What is added to a variance. Throws ConfigError unless the options have it and it is a number >= 0. */
export function epsOf(op: string, options: { readonly eps: number }): number {
  const { eps } = givenOptions(op, options, { eps: 1e-5 });
  if (eps >= 0) return eps;
  throw new ConfigError(`${op}: eps is ${eps}`, ["allowed  >= 0"]);
}
