/**
 * How many steps a training may have to end within a given time: a few are run by a trainer that is thrown away, before the first step
 * of the run. From then on the number stands in the run's configuration, and nothing reads the clock any more.
 */
import { ConfigError, type Device } from "@fromnoise/tensor";
import type { FileLayer, NetworkKinds } from "@fromnoise/nn";
import type { Dataset } from "../data/dataset.js";
import { sampleImages, samplingSteps } from "../models/sample-images.js";
import { averageName, saveAverages } from "./averages.js";
import { saveCheckpoint } from "./checkpoint.js";
import type { TrainConfig } from "./config.js";
import { heldOutBound } from "./held-out-bound.js";
import { Trainer } from "./trainer.js";

/** Seconds since some moment. */
export type Clock = () => number;

/** Steps until caches are filled and code is compiled: not counted. */
const WARM_UP = 3;
/** Steps are timed until the mean is known to this share of itself (its standard error), from so many of them on. */
const ENOUGH = 0.01, LEAST = 8;
/** Share of the time that measuring may take, and of that the part before anything is counted. */
const MOST = 0.1, BEFORE = 0.5;
/** Reverse steps of a preview that are timed. */
const REVERSE_STEPS = 4;

export interface BudgetOptions {
  readonly config: TrainConfig;
  readonly device: Device;
  readonly dataset: Dataset;
  readonly heldOut?: Dataset | undefined;
  readonly networks?: NetworkKinds;
  /** Seconds for all that comes, measuring included. */
  readonly seconds: number;
  readonly clock?: Clock;
}

/** Seconds that the parts of a training take. */
export interface Costs {
  /** A step. */
  readonly step: number;
  /** What happens every so many steps: pictures, checkpoints, kept averages, bounds. */
  readonly others: readonly { readonly every: number; readonly seconds: number }[];
  /** Once: the first and the last checkpoint. */
  readonly once: number;
}

export interface Budget {
  /** How many steps there is time for. */
  readonly steps: number;
  readonly costs: Costs;
  /** Steps that were timed, and seconds that measuring took. */
  readonly timed: number;
  readonly took: number;
}

/**
 * Measures a step, and what is done every so many steps, with a trainer of this configuration that is then thrown away; a checkpoint is
 * encoded but not written. At most some 10 % of the time is used for it, but one step at least.
 * Throws ConfigError where there is no time for a single step, and what the steps throw.
 */
export async function stepsWithin({ config, device, dataset, heldOut, networks = {}, seconds, clock = now }: BudgetOptions): Promise<Budget> {
  if (!(seconds > 0)) throw new ConfigError("there is no time for a single step: it was over when data and device were open");
  const began = clock(), used = (): number => (clock() - began) / seconds;
  const trainer = new Trainer(config, device, dataset, { networks });
  try {
    for (let i = 0; i < WARM_UP && used() < BEFORE * MOST; i++) await trainer.trainStep();
    const times: number[] = [];
    while (times.length === 0 || (used() < MOST && !isKnown(times))) times.push(await timeOf(clock, () => trainer.trainStep()));
    const checkpoint = await timeOf(clock, () => saveCheckpoint("checkpoint", trainer, nowhere));
    const others = [{ every: config.checkpointEvery, seconds: checkpoint }];
    const { previewEvery, previewImages, profiles, boundEvery, seed } = config;
    if (previewEvery > 0) {
      const of = { model: trainer.model, device, count: previewImages, seed };
      const part = await timeOf(clock, () => sampleImages({ ...of, options: { steps: REVERSE_STEPS } }));
      others.push({ every: previewEvery, seconds: part / REVERSE_STEPS * samplingSteps(of) });
    }
    if (profiles.every > 0) others.push({ every: profiles.every, seconds: await timeOf(clock, () => saveAverages(averageName, trainer, nowhere)) });
    if (boundEvery > 0 && heldOut !== undefined) others.push({ every: boundEvery, seconds: await timeOf(clock, () => heldOutBound(trainer, heldOut)) });
    const costs = { step: mean(times), others, once: 2 * checkpoint }, took = clock() - began;
    return { steps: stepsIn(seconds - took, costs), costs, timed: times.length, took };
  } finally {
    trainer.dispose();
  }
}

/** Seconds that so many steps take. */
export function secondsOf(steps: number, { step, others, once }: Costs): number {
  return once + steps * step + others.reduce((sum, { every, seconds }) => sum + Math.floor(steps / every) * seconds, 0);
}

/** The most steps that end within so many seconds, by halving. Throws ConfigError where there is no time for one. */
export function stepsIn(seconds: number, costs: Costs): number {
  let [within, beyond] = [0, 1];
  while (beyond < MOST_STEPS && secondsOf(beyond, costs) <= seconds) [within, beyond] = [beyond, 2 * beyond];
  while (beyond - within > 1) {
    const middle = Math.floor((within + beyond) / 2);
    if (secondsOf(middle, costs) <= seconds) within = middle;
    else beyond = middle;
  }
  if (within > 0) return Math.min(within, MOST_STEPS);
  throw new ConfigError("there is no time for a single step", [
    `a step   takes ${costs.step.toPrecision(2)} s, its checkpoints ${costs.once.toPrecision(2)} s`, `left     ${Math.max(0, seconds).toPrecision(2)} s`,
  ]);
}

/** As many as a configuration may ask for. */
const MOST_STEPS = 1_000_000_000;

/** Whether the standard error of the mean is a small share of it. */
function isKnown(times: readonly number[]): boolean {
  const n = times.length, m = mean(times);
  const variance = times.reduce((sum, t) => sum + (t - m) ** 2, 0) / Math.max(1, n - 1);
  return n >= LEAST && Math.sqrt(variance / n) <= ENOUGH * m;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

async function timeOf(clock: Clock, work: () => Promise<unknown>): Promise<number> {
  const began = clock();
  await work();
  return clock() - began;
}

function now(): number {
  return performance.now() / 1000;
}

const done = async (): Promise<void> => undefined;
const writer = { write: async (bytes: Uint8Array): Promise<number> => bytes.length, sync: done, close: done };

/** Files that take everything and keep nothing. */
const nowhere: FileLayer = {
  temporaryName: (path) => path, create: async () => writer, append: async () => writer, rename: done, remove: done, syncFolderOf: done,
  open: async (path) => { throw new Error(`${path} was written nowhere`); },
};
