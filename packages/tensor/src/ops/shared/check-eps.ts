import { ConfigError } from "../../core/errors.js";

/** Throws ConfigError unless eps, which is added to a variance, is a number >= 0. */
export function checkEps(op: string, eps: number): void {
  if (!(eps >= 0)) throw new ConfigError(`${op}: eps is ${eps}`, ["allowed  >= 0"]);
}
