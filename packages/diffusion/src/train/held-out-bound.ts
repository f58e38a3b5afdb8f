import { NumericError } from "@fromnoise/tensor";
import type { Dataset } from "../data/dataset.js";
import { variationalBound } from "../likelihood/variational-bound.js";
import type { Trainer } from "./trainer.js";

const IMAGES = 16;

/**
 * The variational bound of a run's averaged weights on a few held-out images, in bits per dimension: always the same images, steps
 * and noise, drawn from none of the run's streams. All steps up to t = 15 are computed, and some 35 of the others. null where it is
 * not finite.
 */
export async function heldOutBound({ model, device, config: { seed } }: Trainer, heldOut: Dataset): Promise<number | null> {
  const every = model.process.levels?.length ?? 1;
  try {
    const count = Math.min(IMAGES, heldOut.count);
    return (await variationalBound({ model, device, data: heldOut, count, batch: IMAGES, every, seed })).total;
  } catch (error) {
    if (error instanceof NumericError) return null;                     // as good as infinite, which ends no run
    throw error;
  }
}
