/** Steps drawn by how much their losses vary: the importance sampling of Nichol and Dhariwal 2021, section 3.3. */
import type { Random } from "@fromnoise/tensor";
import type { DrawnLevel } from "../losses/loss.js";
import type { NoiseLevel } from "../process/level.js";

/** The last losses of each step of a process, oldest first; plain JSON, never changed once it is made. */
export type LossHistory = readonly (readonly number[])[];

/** Losses remembered of each step. */
const REMEMBERED = 10;
/** How much of the probability is uniform, so that every step goes on being drawn. */
const UNIFORM = 0.001;

/** The history of T steps at the beginning of a run. */
export function emptyHistory(T: number): LossHistory {
  return new Array<readonly number[]>(T).fill([]);
}

/** The history with the losses of a batch, image by image, at its levels. */
export function remembering(history: LossHistory, levels: readonly NoiseLevel[], losses: readonly number[]): LossHistory {
  const next = [...history];
  levels.forEach(({ index }, i) => void (next[index!] = [...next[index!], losses[i]].slice(-REMEMBERED)));
  return next;
}

/**
 * The probabilities of the steps: p_t = 0.999 sqrt(E[L_t^2]) / sum of these + 0.001 / T, E over the last ten losses of step t, and 1 / T
 * until each step has ten, and where all of them are 0.
 */
export function stepProbabilities(history: LossHistory): Float64Array {
  const T = history.length;
  const uniform = new Float64Array(T).fill(1 / T);
  if (history.some(({ length }) => length < REMEMBERED)) return uniform;
  const roots = Float64Array.from(history, (losses) => Math.sqrt(losses.reduce((sum, loss) => sum + loss * loss, 0) / losses.length));
  const sum = roots.reduce((a, b) => a + b);
  return sum === 0 ? uniform : roots.map((root) => (1 - UNIFORM) * root / sum + UNIFORM / T);
}

/**
 * n levels drawn by `stepProbabilities`, each with the weight 1 / (T p_t) that leaves the expected loss what it is under uniform draws.
 * `levels` are the T of the process.
 */
export function drawByLoss(history: LossHistory, levels: readonly NoiseLevel[], n: number, random: Random): DrawnLevel[] {
  const p = stepProbabilities(history);
  let sum = 0;
  const below = p.map((value) => (sum += value));                                       // P(step <= t)
  below[below.length - 1] = Infinity;                                                    // whatever the rounding
  return Array.from(random.uniform(n), (u) => {
    const t = below.findIndex((bound) => u * sum < bound);
    return { ...levels[t], weight: 1 / (p.length * p[t]) };
  });
}
