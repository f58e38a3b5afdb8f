import { ConfigError } from "@fromnoise/tensor";
import { discreteProcess, type DiscreteProcess } from "./process.js";
import { scheduleFromBetas } from "./schedules.js";
import { rescaleZeroSnr } from "./zero-snr.js";

export interface BetasOptions {
  /** T, the number of noising steps. */
  readonly timesteps: number;
  /** beta_t of every step, strictly between 0 and 1; the last one may be 1. */
  readonly betas?: readonly number[] | undefined;
  /** Whether they are rescaled so that nothing is left of the image at the last step, see `rescaleZeroSnr`; default false. */
  readonly zeroTerminalSnr?: boolean;
  /** What the network is told of step t is t times this, see `discreteProcess`; default 1. */
  readonly timeScale?: number;
}

/**
 * The process of a schedule that has no name here, given by its betas, as other programs' files hold it.
 * Throws ConfigError where there are not as many betas as steps, and as scheduleFromBetas and rescaleZeroSnr do.
 */
export function betasProcess({ timesteps, betas = [], zeroTerminalSnr = false, timeScale = 1 }: BetasOptions): DiscreteProcess {
  if (betas.length !== timesteps) {
    throw new ConfigError(`betas: there are ${betas.length} of them`, [`allowed    ${timesteps}, as many as timesteps`]);
  }
  const schedule = scheduleFromBetas(betas, "betas");
  return discreteProcess(zeroTerminalSnr ? scheduleFromBetas(rescaleZeroSnr(schedule.betas), "betas") : schedule, timeScale);
}
