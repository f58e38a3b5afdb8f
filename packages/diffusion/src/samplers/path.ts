/** Paths over the steps of a discrete process. */
import { ConfigError } from "@fromnoise/tensor";
import { CLEAN, type NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import { stridedTimesteps, type Spacing } from "../process/timesteps.js";

/**
 * Some of the T levels from the noisiest on, as many as `count` says and by one of the rules of `stridedTimesteps`, then CLEAN.
 * Throws ConfigError for a process without steps, and as stridedTimesteps.
 */
export function stridedPath(sampler: string, { name, levels }: Process, count: (T: number) => number, spacing: Spacing): NoiseLevel[] {
  if (levels === undefined) {
    throw new ConfigError(`${sampler}: the process ${name} has no steps to visit`, ["allowed  processes of T steps"]);
  }
  const T = levels.length;
  return [...Array.from(stridedTimesteps(T, count(T), spacing), (t) => levels[t]), CLEAN];
}
