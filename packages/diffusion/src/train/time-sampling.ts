/** How a run draws the levels of noise of its images: the field `timeSampling`. */
import { ConfigError, type Random } from "@fromnoise/tensor";
import type { NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import { logitNormalTimes, lowDiscrepancyTimes, uniformTimes, type Times } from "../process/times.js";

const times = {
  "uniform": uniformTimes, "low-discrepancy": lowDiscrepancyTimes, "logit-normal": logitNormalTimes,
} as const satisfies Readonly<Record<string, Times>>;

/** `own` is what the process does by itself, and `loss-aware` is drawByLoss, with a history in the run. */
export const TIME_SAMPLINGS = ["own", "uniform", "low-discrepancy", "logit-normal", "loss-aware"] as const;
export type TimeSampling = (typeof TIME_SAMPLINGS)[number];

/** Most steps of a process whose levels are drawn by loss: checkpoints hold ten losses of each, in their header. */
const MOST_REMEMBERED = 100_000;

/**
 * Throws ConfigError for draws by loss on a process without steps, whose losses would never be of the same level, and on one with more
 * than 100,000.
 */
export function checkTimeSampling({ name, levels }: Process, sampling: TimeSampling): void {
  if (sampling === "loss-aware" && levels !== undefined && levels.length > MOST_REMEMBERED) {
    throw new ConfigError(`timeSampling: loss-aware is not for ${levels.length} steps`, [`allowed  schedule.timesteps up to ${MOST_REMEMBERED}`]);
  }
  if (sampling !== "loss-aware" || levels !== undefined) return;
  throw new ConfigError(`timeSampling: loss-aware is not for the process ${name}`, [
    `allowed  ${TIME_SAMPLINGS.filter((other) => other !== "loss-aware").join(", ")}; loss-aware for schedules of steps`,
  ]);
}

/** n levels of a process, drawn as the field says, but for loss-aware. Of a discrete process the times are steps: floor(u), u in 0 .. T. */
export function drawLevels(sampling: Exclude<TimeSampling, "loss-aware">, n: number, process: Process, random: Random): NoiseLevel[] {
  if (sampling === "own") return process.draw(n, random);
  const { levels, range: [noisiest, cleanest] } = process;
  if (levels !== undefined) {
    return Array.from(times[sampling](n, random, [0, levels.length]), (u) => levels[Math.min(Math.floor(u), levels.length - 1)]);
  }
  if (process.atTime === undefined || noisiest.u === undefined || cleanest.u === undefined) {
    throw new ConfigError(`timeSampling: the process ${process.name} has neither steps nor times`, ["allowed  own"]);
  }
  const [low, high] = [cleanest.u, noisiest.u];
  return Array.from(times[sampling](n, random, [low, high]), (u) => process.atTime!(Math.min(Math.max(u, low), high)));
}
