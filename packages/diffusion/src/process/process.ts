/** A noising process: the levels of noise there are, which of them training draws, and the level of a given signal-to-noise ratio. */
import { ConfigError, elementary, type Random } from "@fromnoise/tensor";
import { logSnr, type NoiseLevel } from "./level.js";
import { checkTimestep, makeSchedule, type NoiseSchedule, type ScheduleOptions } from "./schedules.js";

/** How images are noised: which levels there are, in steps or in continuous time, and how training draws them. */
export interface Process {
  readonly name: string;
  /** Where samplers start, and the last level before the clean image: all levels lie between the two. alpha may be 0 at the noisiest. */
  readonly range: readonly [noisiest: NoiseLevel, cleanest: NoiseLevel];
  /** The levels of a discrete process by index, noisier and noisier; absent where the process is continuous. */
  readonly levels?: readonly NoiseLevel[];
  /** The level of a continuous process at a time u of its range; absent on discrete ones. Throws ConfigError for another time. */
  atTime?(u: number): NoiseLevel;
  /** The levels of n images, drawn independently for a step of training. */
  draw(n: number, random: Random): NoiseLevel[];
  /**
   * The level with this ln(alpha^2 / sigma^2), for solvers that choose their own; its index is absent unless it is a step.
   * Throws ConfigError outside of what the process reaches.
   */
  levelAt(logSnr: number): NoiseLevel;
}

/** A process of T steps, with the tables of its schedule. */
export interface DiscreteProcess extends Process {
  readonly levels: readonly NoiseLevel[];
  readonly schedule: NoiseSchedule;
  /** The level of step t. Throws ConfigError when t is not an integer in 0 .. T - 1. */
  at(t: number): NoiseLevel;
}

/**
 * The process of Ho et al. 2020 over a schedule, or the options of one: alpha = sqrt(alphaBar_t), sigma = sqrt(1 - alphaBar_t), the
 * network is told t timeScale (1000 / T in improved-diffusion: no whole number then), and training draws t uniformly. Between two steps
 * `levelAt` interpolates t linearly in the log-SNR (as k-diffusion does in ln sigma), before a last step without signal linearly in
 * alpha; alpha^2 + sigma^2 = 1. Throws ConfigError as makeSchedule does.
 */
export function discreteProcess(given: NoiseSchedule | ScheduleOptions, timeScale = 1): DiscreteProcess {
  const schedule = "alphaBar" in given ? given : makeSchedule(given);
  const { name, T, sqrtAlphaBar, sqrtOneMinusAlphaBar } = schedule;
  const levels = Array.from({ length: T }, (_, t): NoiseLevel => (
    { index: t, time: t * timeScale, alpha: sqrtAlphaBar[t], sigma: sqrtOneMinusAlphaBar[t] }
  ));
  const logSnrs = levels.map(logSnr);                                          // falling
  return {
    name, schedule, levels, range: [levels[T - 1], levels[0]],
    at(t) {
      checkTimestep(schedule, t);
      return levels[t];
    },
    draw: (n, random) => Array.from(random.integers(n, T), (t) => levels[t]),
    levelAt(wanted) {
      if (!(wanted <= logSnrs[0] && wanted >= logSnrs[T - 1])) {
        throw new ConfigError(`log-SNR: ${wanted} is not on the schedule ${name}`, [
          `allowed    numbers from ${logSnrs[T - 1]} to ${logSnrs[0]}`,
        ]);
      }
      let [low, high] = [0, T - 1];
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (logSnrs[middle] >= wanted) low = middle;
        else high = middle;
      }
      const step = [low, high].find((t) => logSnrs[t] === wanted);
      if (step !== undefined) return levels[step];
      const alpha = Math.sqrt(1 / (1 + elementary.exp(-wanted))), sigma = Math.sqrt(1 / (1 + elementary.exp(wanted)));
      const way = levels[high].alpha === 0 ? 1 - alpha / levels[low].alpha : (logSnrs[low] - wanted) / (logSnrs[low] - logSnrs[high]);
      return { time: (low + way) * timeScale, alpha, sigma };
    },
  };
}
