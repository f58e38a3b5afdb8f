/**
 * Averages of a run's weights by powers of time: kept while it trains, each a model in a file of its own, and one of any length rebuilt
 * from them when it is over. docs/averages.md says what for.
 */
import { CheckpointError, ConfigError, type NumberArray } from "@fromnoise/tensor";
import { AVERAGE_LENGTHS, rebuildWeights, stateDict, type FileLayer, type Profile, type StateDict } from "@fromnoise/nn";
import { shortList } from "../models/model-formats.js";
import { splitConfig, type CheckpointInfo } from "../models/formats/checkpoint-info.js";
import { checkpointStep, withCheckpointFile, writeCheckpoint } from "../models/formats/checkpoint.js";
import type { Source } from "../models/source.js";
import { averagePrefix } from "./checkpoint.js";
import type { Trainer } from "./trainer.js";

/** The average that a file holds which was kept while a run trained, by its name; undefined for other files. */
export function averageOf(name: string): Profile | undefined {
  const [, length, step] = /^average-(0\.\d+)-(\d+)\.safetensors$/.exec(name) ?? [];
  return length === undefined ? undefined : { length: Number(length), step: Number(step) };
}

/** The name of the file of an average that is kept. */
export function averageName({ length, step }: Profile): string {
  return `average-${length}-${step}.safetensors`;
}

/**
 * Writes the averages of a run from which others can be rebuilt, in the run's dtype: half precision would be smaller, but rebuilding
 * multiplies its rounding, and a length that is kept would no longer be what training had. `path` says where.
 * Throws as saveCheckpoint does.
 */
export async function saveAverages(path: (average: Profile) => string, trainer: Trainer, files?: FileLayer): Promise<void> {
  const { config: training, network: { spec }, step, profiles } = trainer;
  const { model } = splitConfig(spec, training);
  trainer.assertWhole();
  for (const { length, network } of profiles) {
    const average: Profile = { length, step }, tensors = await stateDict(network);
    trainer.assertWhole();                                   // a step may have broken off while the tensors were read
    await writeCheckpoint(path(average), { model, training, average }, { "ema.": tensors }, files);
  }
}

/** An average in the folder of a run: a file of its own, or tensors of a checkpoint. */
export interface KeptAverage extends Profile { readonly file: string; readonly prefix: string }

/** The averages in the folder of a run, the earliest and shortest first: those of files, and of checkpoints at other steps. */
export async function keptAverages(source: Source): Promise<KeptAverage[]> {
  const kept: KeptAverage[] = [], names = await source.list();
  for (const file of names) {
    const average = averageOf(file);
    if (average !== undefined) kept.push({ ...average, file, prefix: "ema." });
  }
  const steps = new Set(kept.map(({ step }) => step));
  for (const file of names) {
    const step = checkpointStep(file);
    if (step === undefined || step === 0 || steps.has(step)) continue;
    const profiles = await withCheckpointFile(source, file, async ({ info: { training } }) => training?.profiles);
    if (profiles === undefined || profiles.every === 0) continue;
    kept.push(...profiles.lengths.map((length) => ({ length, step, file, prefix: averagePrefix(length) })));
  }
  return kept.sort((a, b) => a.step - b.step || a.length - b.length);
}

/** A rebuilt average: a model of one set of weights, and how it came about. */
export interface RebuiltAverage {
  readonly info: CheckpointInfo & { readonly average: Profile };
  readonly tensors: StateDict;
  /** How many averages it is the weighted sum of. */
  readonly from: number;
  /** How far its profile is from the wanted one, as a share of that. */
  readonly error: number;
}

/**
 * The average of a relative length at the end of a step, by default the last one that has averages: the weighted sum of all that were
 * kept up to it (`rebuildWeights`), added in f64 and rounded to the run's dtype; one that was kept comes back bit for bit.
 * Throws CheckpointError for a folder that keeps no averages, and for damaged files; ConfigError for a step without averages and a
 * length shorter than the shortest of them or longer than 0.3.
 */
export async function rebuildAverage(source: Source, { length, step: asked }: { length: number; step?: number | undefined }): Promise<RebuiltAverage> {
  const { step, averages } = averagesUpTo(source, await keptAverages(source), asked);
  checkLength(length, averages);
  const { weights, error } = rebuildWeights(averages, { length, step });
  const used = averages.map((average, i) => ({ ...average, weight: weights[i] })).filter(({ weight }) => weight !== 0);
  const sums = new Map<string, { shape: readonly number[]; data: Float64Array }>();
  let info: CheckpointInfo | undefined;
  for (const { file, prefix, weight } of used) {
    info = await withCheckpointFile(source, file, async ({ path, info: held, names, read }) => {
      const own = names.filter((name) => name.startsWith(prefix));
      if (info !== undefined && own.length !== sums.size) throw otherNetwork(path, source);
      for (const name of own) {
        const { shape, data } = await read(name), key = name.slice(prefix.length);
        if (info === undefined) sums.set(key, { shape, data: new Float64Array(data.length) });
        const sum = sums.get(key);
        if (sum?.data.length !== data.length) throw otherNetwork(path, source);
        addScaled(sum.data, data, weight);
      }
      return held;
    });
  }
  const { model, training } = info!;
  const f64 = training?.dtype === "f64";
  const tensors: StateDict = new Map([...sums].map(([name, { shape, data }]) => [name, { shape, data: f64 ? data : Float32Array.from(data) }]));
  return { info: { model, ...(training === undefined ? {} : { training }), average: { length, step } }, tensors, from: used.length, error };
}

/** The averages up to a step that has some. */
function averagesUpTo({ name }: Source, kept: readonly KeptAverage[], asked: number | undefined): { step: number; averages: KeptAverage[] } {
  if (kept.length === 0) {
    throw new CheckpointError(`${name} keeps no averages from which others could be rebuilt`, ["hint     fromnoise train --profiles-every N keeps them"]);
  }
  const steps = [...new Set(kept.map(({ step }) => step))];
  const step = asked ?? steps.at(-1)!;
  if (!steps.includes(step)) throw new ConfigError(`step: ${step} has no averages`, [`allowed  ${shortList(steps.map(String))}`]);
  // Of checkpoints only that of the step itself: which others are left depends on when the run was stopped.
  return { step, averages: kept.filter((average) => average.step <= step && (average.step === step || average.prefix === "ema.")) };
}

function checkLength(length: number, averages: readonly KeptAverage[]): void {
  const [shortest, { to }] = [Math.min(...averages.map((average) => average.length)), AVERAGE_LENGTHS];
  if (length >= shortest && length <= to) return;
  throw new ConfigError(`length: ${length} is not allowed`, [`allowed  ${shortest} .. ${to}: what the averages of the run give`]);
}

function otherNetwork(path: string, { name }: Source): CheckpointError {
  return new CheckpointError(`${path} is of another network than the other averages of ${name}`);
}

/** sum += weight x */
function addScaled(sum: Float64Array, x: NumberArray, weight: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] += weight * x[i];
}
