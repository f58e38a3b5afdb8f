/**
 * Tests on random inputs. Each run of the tests draws others; a failure prints the seed and the smallest input found that fails, and
 * SEED=that-seed draws the same again.
 */
import fc from "fast-check";
import { ConfigError } from "../src/index.js";

/** Of whatever this process draws: the environment's SEED, a whole number, or the time it began. */
export const seed = seedOf(process.env["SEED"]);

function seedOf(given: string | undefined): number {
  if (given === undefined) return Math.floor(performance.timeOrigin) % 2 ** 31;
  if (!/^\d{1,10}$/.test(given)) throw new ConfigError(`SEED=${given} is no seed`, ["allowed  whole numbers of at most 10 digits"]);
  return Number(given);
}

/** Checks a property on so many inputs. */
export async function holds(property: fc.IRawProperty<unknown>, inputs = 200): Promise<void> {
  await fc.assert(property, { seed, numRuns: inputs });
}
