/** The T steps back of a discrete process as the bound needs them. */
import { ConfigError } from "@fromnoise/tensor";
import { CLEAN } from "../process/level.js";
import { posterior, type Posterior } from "../process/posterior.js";
import type { Process } from "../process/process.js";

/** The step from level t to the one before it; from the first one to x_0 itself, of which t = 0. */
export interface StepBack {
  readonly t: number;
  /** q(x_(t-1) | x_t, x_0). */
  readonly posterior: Posterior;
  /** ln betaTilde_t; at t = 0, where that is ln 0, the one of t = 1, as NoiseSchedule.posteriorLogVarianceClipped has it. */
  readonly logSmall: number;
  /** ln beta_t. */
  readonly logLarge: number;
}

/** What stands for ln 0 where a process has one step only. */
const LEAST = Math.log(1e-20);

/** The steps back of a process by t. Throws ConfigError, in the name of who asks, for a process without steps. */
export function stepsBack(who: string, { name, levels }: Process): readonly StepBack[] {
  if (levels === undefined) {
    throw new ConfigError(`${who}: the process ${name} has no steps to sum over`, ["allowed  processes of T steps"]);
  }
  const posteriors = levels.map((at, t) => posterior(at, levels[t - 1] ?? CLEAN));
  const logSmall = posteriors.map((_, t) => (levels.length === 1 ? LEAST : Math.log(posteriors[Math.max(t, 1)].small)));
  return posteriors.map((q, t) => ({ t, posterior: q, logSmall: logSmall[t], logLarge: Math.log(q.large) }));
}
