/** A training run from start or checkpoint to its last step: the loop, its files, and how it stops. */
import { ConfigError, openDeviceSpec, Random } from "@fromnoise/tensor";
import type { FileLayer } from "@fromnoise/nn";
import { openDataset } from "../data/index.js";
import type { ImageDataset } from "../data/dataset.js";
import { denoiserOf } from "../denoiser.js";
import { chartBitmap, chartSvg, encodePng, grid } from "../image/index.js";
import { ddimSampler } from "../samplers/ddim.js";
import { lastOf } from "../samplers/step.js";
import { loadCheckpoint, restoreTrainer, saveCheckpoint } from "./checkpoint.js";
import { trainConfig, type TrainConfig } from "./config.js";
import type { StepMetrics } from "./metrics.js";
import { findCheckpoint, RunDirectory } from "./run-directory.js";
import { streams, Trainer } from "./trainer.js";

/** What may change when a run is resumed; all else is as its checkpoint says. */
export type ResumeOverrides = Partial<Pick<TrainConfig, "data" | "steps" | "device" | "checkpointEvery" | "previewEvery" | "keep">>;

export interface RunOptions {
  /** A new run of this config, or the newest checkpoint of the folder with some fields changed. */
  start: { config: TrainConfig } | { resume: ResumeOverrides };
  /** The folder of the run. */
  out: string;
  /** Called after every step. */
  onStep?: (metrics: StepMetrics, config: TrainConfig) => void;
  /** Called with a line for people: what was opened, written. */
  onLine?: (line: string) => void;
  /** Asks the run to stop after the step it is at, saving first. */
  signal?: AbortSignal;
  files?: FileLayer;
}

export interface RunResult { trainer: Trainer; finished: boolean; directory: RunDirectory }

const PREVIEW_IMAGES = 16;
const PREVIEW_STEPS = 50;

/** Opens what the config's `data` names, at the network's size and channels. Throws ConfigError where they do not fit each other. */
export function openTrainingData({ data, model }: TrainConfig): ImageDataset {
  const { sample_size: size, in_channels: channels, out_channels: outChannels, num_class_embeds: classes } = model as Record<string, unknown>;
  if (typeof size !== "number") throw new ConfigError(`model.sample_size: ${JSON.stringify(size)} is not allowed`, ["allowed  a side in pixels; training images are square"]);
  if (channels !== 1 && channels !== 3) throw new ConfigError(`model.in_channels: ${String(channels)} is not allowed`, ["allowed  1 for gray, 3 for RGB"]);
  if (outChannels !== channels) throw new ConfigError(`model.out_channels: ${String(outChannels)} is not allowed`, [`allowed  ${channels}, as in_channels`]);
  const dataset = openDataset(data, { size, channels });
  if (typeof classes === "number" && (dataset.classes ?? 0) !== classes) {
    throw new ConfigError(`model.num_class_embeds: ${classes} is not allowed`, [`allowed  ${dataset.classes ?? "null"}, as ${data} has ${dataset.classes ?? "no"} classes`]);
  }
  return dataset;
}

/**
 * Trains to the last step of the config, or until the signal asks to stop; both save a checkpoint. One is written at step 0, so a
 * run can be resumed from its first moment. The caller disposes the device (`result.trainer.device.dispose()`).
 * Throws NumericError when the loss is not finite (the newest checkpoint stays), CheckpointError when a file cannot be written.
 */
export async function trainRun(options: RunOptions): Promise<RunResult> {
  const { start, out, onStep, onLine = () => undefined, signal, files } = options;
  const resume = "resume" in start;
  const checkpoint = resume ? await loadCheckpoint(findCheckpoint(out)) : undefined;
  const config = resume ? trainConfig({ ...checkpoint!.info.trainer, ...start.resume }) : start.config;
  const dataset = openTrainingData(config);
  const device = await openDeviceSpec(config.device);
  onLine(`data     ${dataset.describe()}`);
  onLine(`device   ${device.description}`);
  const directory = new RunDirectory(out, files === undefined ? { resume } : { resume, files });
  const trainer = new Trainer(config, device, dataset);
  if (checkpoint !== undefined) {
    restoreTrainer(trainer, checkpoint);
    onLine(`resumed  step ${trainer.step} of ${config.steps}`);
  }
  await directory.cutMetrics(trainer.step);
  await directory.write("config.json", `${JSON.stringify(config, null, 2)}\n`);
  const save = async (): Promise<void> => {
    await saveCheckpoint(directory.checkpointPath(trainer.step), trainer, files);
    directory.prune(config.keep);
    await writeLossCurve(directory);
  };
  if (checkpoint === undefined) await save();
  let saved = trainer.step;
  while (trainer.step < config.steps && signal?.aborted !== true) {
    const metrics = await trainer.trainStep();
    directory.append(metrics);
    onStep?.(metrics, config);
    const { step } = metrics;
    if (step % config.checkpointEvery === 0) {
      await save();
      saved = step;
    }
    if (config.previewEvery > 0 && step % config.previewEvery === 0) await writePreview(trainer, directory);
  }
  if (saved !== trainer.step) await save();
  return { trainer, finished: trainer.step >= config.steps, directory };
}

/** A grid of samples from the averaged weights, always from the same noise. */
async function writePreview({ unet, ema, device, schedule, config, dataset, step }: Trainer, directory: RunDirectory): Promise<void> {
  const shape = [PREVIEW_IMAGES, dataset.size, dataset.size, dataset.channels];
  const labels = unet.config.num_class_embeds === null ? undefined : Array.from({ length: PREVIEW_IMAGES }, (_, i) => i % unet.config.num_class_embeds!);
  await ema.use(async () => {
    const sample = await lastOf(ddimSampler(denoiserOf(unet, labels), schedule, {
      shape, device, dtype: config.dtype, objective: config.objective, steps: Math.min(PREVIEW_STEPS, schedule.T), random: new Random(config.seed, streams.preview),
    }));
    const data = await sample.data();
    sample.dispose();
    await directory.write(`preview-${step}.png`, encodePng(grid({ shape, data }, { background: 0 })));
  });
}

/** loss.png and loss.svg from the metrics so far. */
export async function writeLossCurve(directory: RunDirectory): Promise<void> {
  const metrics = directory.metrics();
  const series = [{ name: "loss", x: metrics.map(({ step }) => step), y: metrics.map(({ loss }) => loss) }];
  const options = { title: "training loss", logY: true };
  await directory.write("loss.png", encodePng(chartBitmap(series, options)));
  await directory.write("loss.svg", chartSvg(series, options));
}
