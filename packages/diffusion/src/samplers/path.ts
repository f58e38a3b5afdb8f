/** Paths over the steps of a discrete process, or over even times of a continuous one. */
import { ConfigError } from "@fromnoise/tensor";
import { CLEAN, type NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import { evenTimes, stridedTimesteps, type Spacing } from "../process/timesteps.js";

/** What a continuous process, which has no number of steps, is taken for where a sampler goes by one. */
const STEPS = 1000;

/**
 * Some of the T levels from the noisiest on, as many as `count` says and by one of the rules of `stridedTimesteps`, then CLEAN. Of a
 * continuous process any number of levels, evenly in its time by `evenTimes`; `count` is given T = 1000.
 * Throws ConfigError for a process with neither steps nor times, and as those two do.
 */
export function stridedPath(sampler: string, process: Process, count: (T: number) => number, spacing: Spacing): NoiseLevel[] {
  const { name, levels, range: [noisiest, cleanest] } = process;
  if (levels !== undefined) {
    const T = levels.length;
    return [...Array.from(stridedTimesteps(T, count(T), spacing), (t) => levels[t]), CLEAN];
  }
  if (process.atTime === undefined || noisiest.u === undefined || cleanest.u === undefined) {
    throw new ConfigError(`${sampler}: the process ${name} has neither steps nor times to visit`, ["allowed  processes with levels or atTime"]);
  }
  return [...Array.from(evenTimes([cleanest.u, noisiest.u], count(STEPS), spacing), (u) => process.atTime!(u)), CLEAN];
}
