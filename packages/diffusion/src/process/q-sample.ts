/** The forward process and its posterior on tensors: every image of a batch at its own step t. */
import { add, multiply, ShapeError, tensor, type Tensor } from "@fromnoise/tensor";
import { checkPrediction, predictionCoefficients, type Prediction } from "../denoisers/prediction.js";
import { checkTimestep, type NoiseSchedule } from "./schedules.js";

/** One step index per image, or one for the whole batch. */
export type Timesteps = Int32Array | readonly number[] | number;

/** The step of every image of the batch. Throws ShapeError when there are not as many as images. */
export function timestepsOf(x: Tensor, t: Timesteps): readonly number[] {
  const batch = x.shape[0];
  const steps = typeof t === "number" ? new Array<number>(batch).fill(t) : Array.from(t);
  if (steps.length !== batch) throw new ShapeError(`${steps.length} timesteps for a batch of ${batch}`, [`x        [${x.shape.join(", ")}]`]);
  return steps;
}

/** Throws ShapeError where two tensors that belong together image by image differ in shape: nothing is repeated silently. */
export function sameShape(op: string, nameA: string, a: Tensor, nameB: string, b: Tensor): void {
  if (a.shape.length === b.shape.length && a.shape.every((n, i) => n === b.shape[i])) return;
  const width = Math.max(nameA.length, nameB.length, 8);
  throw new ShapeError(`${op}: ${nameA} and ${nameB} differ in shape`, [
    `${nameA.padEnd(width)} [${a.shape.join(", ")}]`, `${nameB.padEnd(width)} [${b.shape.join(", ")}]`,
  ]);
}

/** a[n] x[n] + b[n] y[n] for every image n, x and y of one shape [N, ...]. */
export function combineEach(a: readonly number[], x: Tensor, b: readonly number[], y: Tensor): Tensor {
  return x.device.scope(() => add(multiply(perImage(a, x), x), multiply(perImage(b, y), y)));
}

/** The values as a tensor [N, 1, ..., 1] that broadcasts over x [N, ...]. */
export function perImage(values: readonly number[], x: Tensor): Tensor {
  return tensor(Float64Array.from(values), { device: x.device, dtype: x.dtype, shape: [values.length, ...x.shape.slice(1).map(() => 1)] });
}

/**
 * A sample of q(x_t | x_0) = N(sqrt(alphaBar_t) x0, (1 - alphaBar_t) I):  x_t = sqrt(alphaBar_t) x0 + sqrt(1 - alphaBar_t) eps.
 * x0 and eps [N, ...] of one shape, eps standard normal. Ho et al. 2020, equation 4.
 * Throws ConfigError for a t outside 0 .. T-1, ShapeError where the shapes differ.
 */
export function qSample(schedule: NoiseSchedule, x0: Tensor, t: Timesteps, eps: Tensor): Tensor {
  sameShape("qSample", "x0", x0, "eps", eps);
  const steps = checked(schedule, timestepsOf(x0, t));
  return combineEach(steps.map((s) => schedule.sqrtAlphaBar[s]), x0, steps.map((s) => schedule.sqrtOneMinusAlphaBar[s]), eps);
}

/**
 * Mean of q(x_{t-1} | x_t, x_0): sqrt(alphaBar_{t-1}) beta_t / (1 - alphaBar_t) x0 + sqrt(alpha_t) (1 - alphaBar_{t-1}) / (1 - alphaBar_t) x_t.
 * Ho et al. 2020, equation 7. Throws ConfigError for a t outside 0 .. T-1, ShapeError where the shapes differ.
 */
export function posteriorMean(schedule: NoiseSchedule, x0: Tensor, xT: Tensor, t: Timesteps): Tensor {
  sameShape("posteriorMean", "x0", x0, "x_t", xT);
  const steps = checked(schedule, timestepsOf(x0, t));
  return combineEach(steps.map((s) => schedule.posteriorMeanCoef1[s]), x0, steps.map((s) => schedule.posteriorMeanCoef2[s]), xT);
}

/**
 * What a network predicts, expressed as another prediction: eps, x0 or v (predictions.ts holds the algebra).
 * Throws ConfigError for a t outside 0 .. T-1 or an unknown prediction, ShapeError where the shapes differ.
 */
export function convertPrediction(
  schedule: NoiseSchedule, prediction: Tensor, xT: Tensor, t: Timesteps, from: Prediction, to: Prediction,
): Tensor {
  sameShape("convertPrediction", "x_t", xT, "prediction", prediction);
  const coefficients = timestepsOf(xT, t).map((s) => predictionCoefficients(schedule, s, from, to));
  return combineEach(coefficients.map(([a]) => a), xT, coefficients.map(([, b]) => b), prediction);
}

/**
 * What the network should predict: eps, x0 or v = sqrt(alphaBar_t) eps - sqrt(1 - alphaBar_t) x0 (Salimans and Ho 2022).
 * Throws ConfigError for a t outside 0 .. T-1 or an unknown prediction, ShapeError where the shapes differ.
 */
export function predictionTarget(schedule: NoiseSchedule, x0: Tensor, eps: Tensor, t: Timesteps, prediction: Prediction): Tensor {
  checkPrediction(prediction);
  sameShape("predictionTarget", "x0", x0, "eps", eps);
  if (prediction === "eps") return eps;
  if (prediction === "x0") return x0;
  const steps = checked(schedule, timestepsOf(x0, t));
  return combineEach(steps.map((s) => schedule.sqrtAlphaBar[s]), eps, steps.map((s) => -schedule.sqrtOneMinusAlphaBar[s]), x0);
}

function checked(schedule: NoiseSchedule, steps: readonly number[]): readonly number[] {
  for (const t of steps) checkTimestep(schedule, t);
  return steps;
}
