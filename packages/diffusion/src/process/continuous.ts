/** Noising processes without steps: any time u between a cleanest and a noisiest one. */
import { ConfigError } from "@fromnoise/tensor";
import { logSnr, type Amounts, type NoiseLevel } from "./level.js";
import type { Process } from "./process.js";
import { uniformTimes, type Times } from "./times.js";

/** A process in continuous time. */
export interface ContinuousProcess extends Process {
  atTime(u: number): NoiseLevel;
}

/** What a continuous process may be told beside its curve. */
export interface ContinuousOptions {
  /** How training draws times; default as the process's authors did. */
  readonly times?: Times;
  /** Only the levels whose ln(alpha^2 / sigma^2) lies between these two; default all that the process has. */
  readonly logSnrRange?: readonly [lowest: number, highest: number];
}

/** A course from image to noise: how much there is of both at a time u, from 0 to 1, and its inverse. */
export interface Curve {
  readonly name: string;
  amounts(u: number): Amounts;
  /** The time of a log-SNR. */
  timeAt(logSnr: number): number;
  /** What the network is told; default 1000 u, the range in which it is told the steps of a discrete process. */
  told?(u: number, amounts: Amounts): number;
}

/**
 * The process of a curve whose log-SNR falls in u. Training draws times by `times`, default uniformly; `levelAt` is the inverse of the
 * curve. Throws ConfigError for a range of log-SNRs that does not rise.
 */
export function continuousProcess(
  { name, amounts, timeAt, told = (u) => 1000 * u }: Curve, { times = uniformTimes, logSnrRange: [least, most] }: Required<ContinuousOptions>,
): ContinuousProcess {
  if (!(least < most)) {
    throw new ConfigError(`logSnrRange: ${least}, ${most} is no range of log-SNRs`, ["allowed    two numbers, the lowest first"]);
  }
  const low = timeAt(most), high = timeAt(least);
  const level = (u: number): NoiseLevel => {
    const { alpha, sigma } = amounts(u);
    return { u, time: told(u, { alpha, sigma }), alpha, sigma };
  };
  const within = (u: number): number => Math.min(Math.max(u, low), high);
  const range = [level(high), level(low)] as const;
  const [lowest, highest] = range.map(logSnr);
  return {
    name, range,
    atTime(u) {
      if (u >= low && u <= high) return level(u);
      throw new ConfigError(`u: ${u} is not a time of the process ${name}`, [`allowed    numbers from ${low} to ${high}`]);
    },
    draw: (n, random) => Array.from(times(n, random, [low, high]), (u) => level(within(u))),
    levelAt(wanted) {
      if (wanted >= lowest && wanted <= highest) return level(within(timeAt(wanted)));
      throw new ConfigError(`log-SNR: ${wanted} is not on the process ${name}`, [`allowed    numbers from ${lowest} to ${highest}`]);
    },
  };
}
