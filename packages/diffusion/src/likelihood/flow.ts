/** The likelihood of points, exact but for the steps of a solver: by the probability flow, which moves density without noise. */
import { add, ConfigError, multiply, reshape, square, sum, zeros, type NumberArray, type Tensor } from "@fromnoise/tensor";
import { logSnr, type NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import { combine } from "../process/q-sample.js";
import type { Divergence } from "./divergence.js";

/** In how many steps the probability flow is followed, and who watches. */
export interface FlowOptions {
  /** Steps of the solver from the least noise to the most; default 100. */
  steps?: number;
  /** Called after each step with those done and in all. */
  onStep?: (done: number, total: number) => void;
  /** Ends the work before the next step. */
  signal?: AbortSignal;
}

/** y = x / alpha and the integral of its divergence so far. */
interface FlowState { readonly y: Tensor; readonly integral: Tensor }

/**
 * ln p(x) of points x [N, ...] in nats, a number each (Song et al. 2021, equation 39). With s = sigma / alpha and y = x / alpha the
 * flow is dy/ds = eps (see `euler`), and along it
 *   ln p(y at s_0) = ln p(y at s_1) + the integral of div_y eps ds from s_0 to s_1,   div_y = alpha div_x,
 * with s_0, s_1 the process's least and largest, and x_T ~ N(0, (alpha^2 + sigma^2) I). Runge-Kutta's method of order 4 in ln s:
 * where eps is smooth, twice the steps leave a 16th of the error. What comes out is the density of the data with the noise of s_0
 * in it.
 * Throws ConfigError for a process without steps, or whose last level has no signal, and for steps that are no whole number from 1;
 * the signal's reason. The tensors it made are freed whatever happens.
 */
export async function flowLogLikelihood(
  divergence: Divergence, process: Process, x: Tensor, { steps = 100, onStep, signal }: FlowOptions = {},
): Promise<NumberArray> {
  if (!Number.isSafeInteger(steps) || steps < 1) throw refusal(`steps is ${steps}`, "whole numbers from 1");
  const path = pathOf(process, 2 * steps);
  const { device } = x;
  const h = (Math.log(path[2 * steps].s) - Math.log(path[0].s)) / steps;
  let state: FlowState = device.scope(() => ({ y: multiply(x, 1), integral: zeros([x.shape[0]], x) }));
  const free = ({ y, integral }: FlowState): void => [y, integral].forEach((t) => t.dispose());
  try {
    for (let i = 0; i < steps; i++) {
      signal?.throwIfAborted();
      const next = device.scope(() => rungeKutta(state, h, path.slice(2 * i, 2 * i + 3), divergence));
      free(state);
      state = next;
      await device.sync();
      onStep?.(i + 1, steps);
    }
    const logs = device.scope(() => add(priorLogDensity(state.y, path[2 * steps].at), state.integral));
    return await logs.data().finally(() => logs.dispose());
  } finally {
    free(state);
  }
}

/** A place on the way: the level, and its s. */
interface Place { readonly at: NoiseLevel; readonly s: number }

/** n + 1 levels from the least noise to the most, evenly spaced in ln s. */
function pathOf({ name, levels, levelAt }: Process, n: number): Place[] {
  if (levels === undefined) throw refusal(`the process ${name} has no noisiest step`, "processes of T steps");
  const first = levels[0], last = levels[levels.length - 1];
  if (last.alpha === 0) throw refusal("sigma / alpha is infinite where alpha is 0", "processes that leave some signal");
  if (levels.length === 1) throw refusal(`the process ${name} has one level only`, "processes of T steps, T from 2");
  return Array.from({ length: n + 1 }, (_, i) => {
    const at = i === 0 ? first : i === n ? last : levelAt(logSnr(first) + (i / n) * (logSnr(last) - logSnr(first)));
    return { at, s: at.sigma / at.alpha };
  });
}

function refusal(what: string, allowed: string): ConfigError {
  return new ConfigError(`flow: ${what}`, [`allowed  ${allowed}`]);
}

/** One step of length h in ln s over the three places of its beginning, middle and end. */
function rungeKutta(
  { y, integral }: FlowState, h: number, [from, middle, to]: readonly Place[], divergence: Divergence,
): FlowState {
  /** dy / d ln s = s eps, and s alpha div_x eps. */
  const slope = (at: Tensor, { at: level, s }: Place): FlowState => {
    const { eps, divergence: div } = divergence(multiply(at, level.alpha), level);
    return { y: multiply(eps, s), integral: multiply(div, s * level.alpha) };
  };
  const k1 = slope(y, from);
  const k2 = slope(combine(1, y, h / 2, k1.y), middle);
  const k3 = slope(combine(1, y, h / 2, k2.y), middle);
  const k4 = slope(combine(1, y, h, k3.y), to);
  const change = (of: (k: FlowState) => Tensor): Tensor =>
    multiply(add(add(of(k1), of(k4)), multiply(add(of(k2), of(k3)), 2)), h / 6);
  return { y: add(y, change((k) => k.y)), integral: add(integral, change((k) => k.integral)) };
}

/** ln of the density of y where alpha y ~ N(0, (alpha^2 + sigma^2) I), [N]. */
function priorLogDensity(y: Tensor, { alpha, sigma }: NoiseLevel): Tensor {
  const D = y.size / y.shape[0], v = (alpha * alpha + sigma * sigma) / (alpha * alpha);
  return add(multiply(sum(square(reshape(y, [y.shape[0], D])), { axes: 1 }), -0.5 / v), -0.5 * D * Math.log(2 * Math.PI * v));
}
