/** Paths over the steps of a discrete process. */
import { ConfigError } from "@fromnoise/tensor";
import { CLEAN, type NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import { respacedTimesteps, stridedTimesteps, type Spacing, type StepCount } from "../process/timesteps.js";

/**
 * Some of the T levels from the noisiest on, as many as `count` says, then CLEAN: a number is spaced by one of the rules of
 * `stridedTimesteps`, a text says itself which (`respacedTimesteps`).
 * Throws ConfigError for a process without steps, and as these.
 */
export function stridedPath(
  sampler: string, { name, levels }: Process, count: (T: number) => StepCount, spacing: Spacing,
): NoiseLevel[] {
  if (levels === undefined) {
    throw new ConfigError(`${sampler}: the process ${name} has no steps to visit`, ["allowed  processes of T steps"]);
  }
  const T = levels.length, steps = count(T);
  const visited = typeof steps === "string" ? respacedTimesteps(T, steps) : stridedTimesteps(T, steps, spacing);
  return [...Array.from(visited, (t) => levels[t]), CLEAN];
}
