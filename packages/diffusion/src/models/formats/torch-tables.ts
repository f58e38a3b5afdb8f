/** Tables of a process as files hold them, in f32: which schedule they are of, and what the network was taught. */
import { CheckpointError } from "@fromnoise/tensor";
import type { PredictionName } from "../../denoisers/prediction.js";
import { isSchedule, type ProcessOptions } from "../../process/named.js";
import { makeSchedule, type ScheduleName } from "../../process/schedules.js";

/** What f32 does to a beta, and to what stands beyond 1 - alphaBar, with room for the order of operations. */
const BETA_TOLERANCE = 1e-5, WEIGHT_TOLERANCE = 1e-2;

/** All fields of a schedule of steps. */
export function plainProcess(name: ScheduleName, timesteps: number): Required<Omit<ProcessOptions, "betas">> {
  return { name, timesteps, betaStart: 1e-4, betaEnd: 0.02, zeroTerminalSnr: false, timeScale: 1, logSnrShift: 0, sigmaData: 0.5 };
}

/** The schedule among `names` whose betas these are; where they are of none, they themselves. */
export function matchBetas(betas: ArrayLike<number>, names: readonly ScheduleName[]): ProcessOptions {
  for (const name of names) {
    const process = plainProcess(name, betas.length);
    const own = name === "scaled-linear" && betas.length <= 20 ? undefined : isSchedule(process) ? makeSchedule(process).betas : undefined;
    if (own?.every((beta, t) => Math.abs(beta - betas[t]!) <= BETA_TOLERANCE * beta) === true) return process;
  }
  return { ...plainProcess("linear", betas.length), name: "betas", betas: Array.from(betas) };
}

/** What a network predicts, and the bound of the signal-to-noise ratio in its loss weights where there is one. */
export interface Objective { readonly prediction: PredictionName; readonly gamma: number | undefined }

/**
 * The objective that loss weights tell (lucidrains): min(SNR, gamma) times 1 / SNR for eps, 1 for x0, 1 / (SNR + 1) for v, where
 * SNR = alphaBar / (1 - alphaBar) and gamma may be infinite. Throws CheckpointError for weights that are none of these.
 */
export function objectiveOf(alphaBar: ArrayLike<number>, weights: ArrayLike<number>, source: string): Objective {
  const snr = Array.from(alphaBar, (a) => a / (1 - a));
  const factors: readonly [PredictionName, (snr: number) => number][] = [["eps", (s) => s], ["x0", () => 1], ["v", (s) => s + 1]];
  for (const [prediction, factor] of factors) {
    const bounded = snr.map((s, t) => weights[t]! * factor(s));
    const gamma = Math.max(...bounded);
    if (!snr.every((s, t) => Math.abs(bounded[t]! - Math.min(s, gamma)) <= WEIGHT_TOLERANCE * Math.min(s, gamma))) continue;
    return { prediction, gamma: gamma < Math.max(...snr) * (1 - WEIGHT_TOLERANCE) ? Number(gamma.toPrecision(4)) : undefined };
  }
  throw new CheckpointError(`${source}: its loss_weight tells no objective`, ["allowed  those of pred_noise, pred_x0 and pred_v, with or without a bound of the signal-to-noise ratio"]);
}
