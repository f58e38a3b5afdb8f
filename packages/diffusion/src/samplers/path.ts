/** Paths over the steps of a discrete process, or over even times of a continuous one. */
import { ConfigError } from "@fromnoise/tensor";
import { CLEAN, type NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import { evenTimes, respacedTimesteps, stridedTimesteps, type Spacing, type StepCount } from "../process/timesteps.js";

/** What a continuous process, which has no number of steps, is taken for where a sampler goes by one. */
const STEPS = 1000;

/**
 * Some of the T levels from the noisiest on, as many as `count` says, then CLEAN: a number is spaced by one of the rules of
 * `stridedTimesteps`, a text says itself which (`respacedTimesteps`). Of a continuous process any number of levels, evenly in its time by
 * `evenTimes`; `count` is given T = 1000.
 * Throws ConfigError for a process with neither steps nor times, for a text where there are no steps, and as those do.
 */
export function stridedPath(
  sampler: string, process: Process, count: (T: number) => StepCount, spacing: Spacing,
): NoiseLevel[] {
  const { name, levels, range: [noisiest, cleanest] } = process;
  const steps = count(levels?.length ?? STEPS);
  if (levels !== undefined) {
    const T = levels.length;
    const visited = typeof steps === "string" ? respacedTimesteps(T, steps) : stridedTimesteps(T, steps, spacing);
    return [...Array.from(visited, (t) => levels[t]), CLEAN];
  }
  if (process.atTime === undefined || noisiest.u === undefined || cleanest.u === undefined) {
    throw new ConfigError(`${sampler}: the process ${name} has neither steps nor times to visit`, ["allowed  processes with levels or atTime"]);
  }
  if (typeof steps === "string") {
    throw new ConfigError(`${sampler}: ${JSON.stringify(steps)} names steps, and the process ${name} has none`, ["allowed  whole numbers from 1"]);
  }
  return [...Array.from(evenTimes([cleanest.u, noisiest.u], steps, spacing), (u) => process.atTime!(u)), CLEAN];
}
