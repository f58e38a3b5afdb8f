/** The library's functions of a level of noise at a step of a schedule, as plain numbers, and the errors they throw. */
import { ConfigError } from "@fromnoise/tensor";
import { expect } from "chai";
import { predictionCoefficients as coefficients, type PredictionName } from "../src/denoisers/prediction.js";
import { lossWeight as weight, type LossWeighting } from "../src/losses/weighting.js";
import type { Amounts } from "../src/process/level.js";
import { discreteProcess } from "../src/process/process.js";
import type { NoiseSchedule } from "../src/process/schedules.js";
import { ddimSigma } from "../src/samplers/ddim.js";

/** [a, b] of  to = a x_t + b from  at step t. */
export const predictionCoefficients = (s: NoiseSchedule, t: number, from: PredictionName, to: PredictionName): [number, number] =>
  coefficients(discreteProcess(s).at(t), from, to);
/** The weight of an image at step t. */
export const lossWeight = (s: NoiseSchedule, t: number, prediction: PredictionName, weighting: LossWeighting, gamma?: number): number =>
  weight(discreteProcess(s).at(t), prediction, weighting, gamma);
const amounts = (alphaBar: number): Amounts => ({ alpha: Math.sqrt(alphaBar), sigma: Math.sqrt(1 - alphaBar) });

/** Factors of x0, eps and z in a DDIM step from one alphaBar to another, as the sampler takes it. */
export function ddimCoefficients(alphaBar: number, alphaBarNext: number, eta: number): { x0: number; eps: number; sigma: number } {
  const sigma = ddimSigma(amounts(alphaBar), amounts(alphaBarNext), eta);
  return { x0: Math.sqrt(alphaBarNext), eps: Math.sqrt(Math.max(0, 1 - alphaBarNext - sigma * sigma)), sigma };
}

/** The call throws a ConfigError with exactly this message. */
export function expectConfigError(run: () => unknown, message: string): void {
  expect(run).to.throw(ConfigError).with.property("message", message);
}
