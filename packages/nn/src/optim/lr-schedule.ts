/** Learning rates as functions of the number of steps already done, 0 for the first step. */
import { elementary } from "@fromnoise/tensor";
/** The learning rate of a step, counted from 0. */
export type LrSchedule = (step: number) => number;

/** lr at every step. */
export function constantLr(lr: number): LrSchedule {
  return () => lr;
}

/** lr min(step / warmupSteps, 1): from 0 up to lr, then constant (Ho et al. 2020, 5000 steps). */
export function warmupLr(lr: number, { warmupSteps }: { warmupSteps: number }): LrSchedule {
  return (step) => (step < warmupSteps ? (lr * step) / warmupSteps : lr);
}

/**
 * The same warm-up, then lr (1 + cos(pi u)) / 2, u = (step - warmupSteps) / (totalSteps - warmupSteps): down to 0 at totalSteps
 * (Loshchilov, Hutter 2016, equation 5).
 */
export function cosineLr(lr: number, { warmupSteps = 0, totalSteps }: { warmupSteps?: number; totalSteps: number }): LrSchedule {
  return (step) => {
    if (step < warmupSteps) return (lr * step) / warmupSteps;
    const u = Math.min((step - warmupSteps) / Math.max(1, totalSteps - warmupSteps), 1);
    return (lr * (1 + elementary.cos(Math.PI * u))) / 2;
  };
}
