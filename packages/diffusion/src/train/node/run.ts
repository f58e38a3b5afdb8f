/** A training run from start or checkpoint to its last step: the loop, its files, and how it stops. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError, ConfigError, ImageError, NumericError, openDevice, type Device, type DeviceOptions } from "@fromnoise/tensor";
import type { FileLayer, NetworkKinds } from "@fromnoise/nn";
import type { Dataset } from "../../data/dataset.js";
import type { FolderRecord } from "../../data/node/folder.js";
import { readJson } from "../../models/node/files.js";
import type { Checkpoint } from "../../models/formats/checkpoint.js";
import { loadCheckpoint } from "../../models/node/load.js";
import { averageName, saveAverages } from "../averages.js";
import { restoreTrainer, runOf, saveCheckpoint } from "../checkpoint.js";
import { resumedConfig, savedConfig, type ResumeOverrides, type TrainConfig } from "../config.js";
import { heldOutBound } from "../held-out-bound.js";
import type { StepMetrics } from "../metrics.js";
import { changesOf, readDataRecord, writeDataRecord } from "./data-record.js";
import { previewPath, writeLossCurve, writePreview } from "./pictures.js";
import { checkpointSteps, RunDirectory } from "./run-directory.js";
import { Trainer } from "../trainer.js";
import { secondsOf, stepsWithin, type Budget, type Clock } from "../time-budget.js";
import { openTrainingData } from "./training-data.js";

/** Which run, where, on what, and who watches. */
export interface RunOptions {
  /**
   * A new run of this config, with as many steps as end within `minutes` of its beginning where they are given (`stepsWithin`); or the newest
   * checkpoint of the folder with some fields changed.
   */
  start: { config: TrainConfig; minutes?: number | undefined } | { resume: ResumeOverrides };
  /** The folder of the run. */
  out: string;
  /** What to train on instead of what the config's `data` names: all of it. */
  dataset?: Dataset;
  /** Opens the config's device, with options of wasm that its string leaves open; openDevice unless given. */
  openDevice?: (spec: string, wasm: DeviceOptions["wasm"]) => Promise<Device>;
  /** One's own kinds of networks, by the `kind` of the config's model. */
  networks?: NetworkKinds;
  /** Called before the first step, with the steps done so far. */
  onStart?: (step: number, config: TrainConfig) => void;
  /** Called after every step. */
  onStep?: (metrics: StepMetrics) => void;
  /** Called with a line for people: what was opened. */
  onLine?: (line: string) => void;
  /** Called after every image of a folder that is decoded before the first step, to see whether it can be. */
  onImage?: (done: number, all: number) => void;
  /** Asks the run to stop after the step it is at, saving first. */
  signal?: AbortSignal;
  /** How checkpoints and pictures are written. */
  files?: FileLayer;
  /** What `minutes` are counted by; the real time unless given. */
  clock?: Clock;
}

/** Where the run stands: its trainer, whether its last step is done, and its folder. */
export interface RunResult { trainer: Trainer; finished: boolean; directory: RunDirectory }

/**
 * Trains to the last step of the config, or until the signal asks to stop; both save a checkpoint. One is written at step 0, so a
 * run can be resumed from its first moment. The caller disposes the device (`result.trainer.device.dispose()`).
 * The folder is the run's own meanwhile: a second program is refused. Throws ConfigError for a folder that holds a run, or none to resume, or is in use; NumericError when the loss is not finite (the newest
 * checkpoint stays); CheckpointError when a file cannot be read or written; ImageError for a bad image, after saving.
 */
export async function trainRun(options: RunOptions): Promise<RunResult> {
  const directory = await RunDirectory.open(options.out, {
    resume: "resume" in options.start, ...(options.files === undefined ? {} : { files: options.files }),
  });
  try {
    return await trainIn(directory, options);
  } finally {
    await directory.close();
  }
}

async function trainIn(directory: RunDirectory, options: RunOptions): Promise<RunResult> {
  const { start, out, networks = {}, onLine = () => undefined, clock = now } = options;
  const minutes = "config" in start ? start.minutes : undefined;
  const began = minutes === undefined ? 0 : clock();
  const { config, checkpoint }: SavedRun = "resume" in start ? await savedRun(out, start.resume) : start;
  if (checkpoint?.info.position !== undefined && checkpoint.info.position.step > config.steps) {
    throw new ConfigError(`steps: ${config.steps} is not allowed`, [`allowed  from ${checkpoint.info.position.step}, the steps that the run has done`]);
  }
  const known = "resume" in start ? readDataRecord(out) : undefined;
  const { training: dataset, heldOut, record } = options.dataset === undefined
    ? openTrainingData(config, networks, { ...(known && { known }), ...(options.onImage && { onImage: options.onImage }) })
    : { training: options.dataset, heldOut: undefined, record: undefined };
  if (config.previewEvery > 0 && dataset.shape.length !== 3) {
    throw new ConfigError(`previewEvery: ${config.previewEvery} is not allowed`, [`allowed  0: samples of ${dataset.name} are no images`]);
  }
  if (config.boundEvery > 0 && heldOut === undefined) {
    throw new ConfigError(`boundEvery: ${config.boundEvery} is not allowed`, ["allowed  0: nothing is held out of training"]);
  }
  const { openDevice: open = openDevice } = options;
  const begun = computedWith(checkpoint);
  const device = await open(config.device, begun === undefined ? {} : { multiplyAdds: begun });
  try {
    if (!device.dtypes.includes(config.dtype)) {
      throw new ConfigError(`dtype: the ${device.name} device has no ${config.dtype}`, [`allowed  ${device.dtypes.join(", ")}`]);
    }
    onLine(`data     ${dataset.describe()}`);
    for (const line of changesOf(known, record)) onLine(`warning  ${line}`);
    onLine(`device   ${device.description}`);
    for (const line of roundingChange(begun, device)) onLine(line);
    const within = minutes === undefined ? undefined
      : await stepsWithin({ config, device, dataset, heldOut, networks, seconds: 60 * minutes - (clock() - began), clock });
    for (const line of within === undefined ? [] : budgetLines(minutes!, within)) onLine(line);
    const trainer = new Trainer({ ...config, steps: within?.steps ?? config.steps }, device, dataset, { networks });
    if (checkpoint !== undefined) {
      restoreTrainer(trainer, checkpoint);
      onLine(`resumed  after step ${trainer.step} of ${config.steps}`);
    }
    return await runSteps(trainer, directory, { heldOut, record }, options);
  } catch (error) {
    await device.dispose();
    throw error;
  }
}

/** What was measured to fix the number of steps, for people. */
function budgetLines(minutes: number, { steps, costs, timed, took }: Budget): string[] {
  const rest = secondsOf(steps, costs) - steps * costs.step;
  return [
    `measured ${timed} steps of ${(1000 * costs.step).toPrecision(3)} ms in ${took.toFixed(1)} s, thrown away; pictures and checkpoints take ${rest.toFixed(1)} s`,
    `steps    ${steps}, to end within ${minutes} ${minutes === 1 ? "minute" : "minutes"}; the run is the one of --steps ${steps}`,
  ];
}

function now(): number {
  return performance.now() / 1000;
}

/** How the steps of a checkpoint rounded multiply-adds; "unflagged" where it does not say so; undefined where there are none. */
function computedWith(checkpoint: Checkpoint | undefined): DeviceOptions["wasm"]["multiplyAdds"] {
  const { step = 0, multiplyAdds = "unflagged" } = checkpoint?.info.position ?? {};
  return step === 0 ? undefined : multiplyAdds;
}

/** What to say of a run whose steps may not have been computed as this device computes them. */
function roundingChange(begun: DeviceOptions["wasm"]["multiplyAdds"], { multiplyAdds: now }: Device): string[] {
  if (begun === undefined || now === undefined || begun === now) return [];
  if (begun === "unflagged") return [`note     the checkpoint does not say how its multiply-adds were rounded; from here on they are ${now}`];
  return [`warning  the run was computed with ${begun} multiply-adds, this device has ${now} ones: last bits are no longer what they would have been`];
}

/** The newest checkpoint of a run, or only its config where it was stopped before the first one. */
interface SavedRun { config: TrainConfig; checkpoint?: Checkpoint }

async function savedRun(out: string, changes: ResumeOverrides): Promise<SavedRun> {
  if (checkpointSteps(out).length > 0) {
    const checkpoint = await loadCheckpoint(out);
    return { config: resumedConfig(runOf(checkpoint).training, changes), checkpoint };
  }
  const path = join(out, "config.json");
  if (!existsSync(path)) {
    throw new CheckpointError(`${out} holds neither a checkpoint nor a config.json`, ["hint     --out DIR starts a run elsewhere"]);
  }
  return { config: resumedConfig(savedConfig(readJson(path)), changes) };
}

async function runSteps(
  trainer: Trainer, directory: RunDirectory, { heldOut, record }: { heldOut: Dataset | undefined; record: FolderRecord | undefined },
  { start, onStart, onStep, signal, files }: RunOptions,
): Promise<RunResult> {
  const { config } = trainer;
  await directory.write("config.json", `${JSON.stringify(config, null, 2)}\n`);      // first: without it nothing can be resumed
  if (record !== undefined) await writeDataRecord(directory, record);
  await directory.cutMetrics(trainer.step);
  await directory.cutAverages(trainer.step);
  await directory.prune(config.keep);                                                 // what a kill after a checkpoint has left
  let [saved, drawn] = [trainer.step, 0];
  const save = async (): Promise<void> => {
    await directory.syncMetrics();                                                    // so that no checkpoint is ahead of its metrics
    await saveCheckpoint(directory.checkpointPath(trainer.step), trainer, files);
    saved = trainer.step;
    await directory.prune(config.keep);
  };
  const draw = async (): Promise<void> => {
    await writeLossCurve(directory);
    drawn = trainer.step;
  };
  const changed = "resume" in start && Object.keys(start.resume).length > 0;
  if (trainer.step === 0 || changed) await save();                                   // the checkpoint carries the config
  const preview = async (): Promise<void> => {
    if (config.previewEvery > 0 && trainer.step % config.previewEvery === 0) await writePreview(trainer, directory);
  };
  if (trainer.step > 0 && !existsSync(previewPath(directory, trainer.step))) await preview();   // lost to a kill after its checkpoint
  onStart?.(trainer.step, config);
  try {
    while (trainer.step < config.steps && signal?.aborted !== true) {
      const metrics = await trainer.trainStep();
      if (heldOut !== undefined && config.boundEvery > 0 && trainer.step % config.boundEvery === 0) {
        metrics.bound = await heldOutBound(trainer, heldOut);
      }
      await directory.append(metrics);
      directory.touch();
      onStep?.(metrics);
      if (config.profiles.every > 0 && trainer.step % config.profiles.every === 0) {
        await saveAverages((average) => directory.file(averageName(average)), trainer, files);      // before a checkpoint of this step
      }
      if (trainer.step % config.checkpointEvery === 0) {
        await save();
        if (trainer.step > 1.2 * drawn) await draw();                 // so that long runs do not redraw all the time
      }
      await preview();
      await new Promise(setImmediate);                                // a turn for signals, where a device computes at once
    }
  } catch (error) {
    if (error instanceof ImageError && saved !== trainer.step) await save();         // the network is as good as before
    if (!(error instanceof NumericError)) throw error;
    throw new NumericError(error.summary, [...error.details, `saved    ${directory.checkpointPath(saved)}`]);
  }
  if (saved !== trainer.step) await save();
  if (drawn !== trainer.step) await draw();
  return { trainer, finished: trainer.step >= config.steps, directory };
}
