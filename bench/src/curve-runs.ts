/**
 * Training runs that differ in the device alone: random numbers are the host's, so initial weights, order of the images, timesteps
 * and noise are the same to the last bit, and what is left is the arithmetic.
 */
import { existsSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { array, literal, number, object, string, unknown } from "valibot";
import { ConfigError, openDevice } from "@fromnoise/tensor";
import { openTrainingData, pageConfig, trainConfig, Trainer, type TrainConfig } from "@fromnoise/diffusion/node";
import { readChecked } from "./checked-json.js";
import { commit } from "./machine.js";

const CURVES_SCHEMA = 1;

/** One run: the loss of each step, on the batch of that step and before its update. */
export interface CurveRun {
  device: string;
  seed: number;
  losses: number[];
  /** What the device says of itself: build, threads, renderer. */
  description: string;
  seconds: number;
  commit: string;
  node: string;
}

export interface Curves { schema: typeof CURVES_SCHEMA; config: TrainConfig; runs: CurveRun[] }

const curvesSchema = object({
  schema: literal(CURVES_SCHEMA), config: unknown(),
  runs: array(object({ device: string(), seed: number(), losses: array(number()), description: string(), seconds: number(), commit: string(), node: string() })),
});

/**
 * The page's training with a narrower network and smaller batches, so that plain loops and a GPU in software do it in minutes:
 * all 16x16 digits, channels 8 and 16 in groups of 4, attention at 8x8, 10 classes, v prediction, Adam under a cosine schedule.
 */
export function curveConfig(steps: number): TrainConfig {
  return trainConfig({
    ...pageConfig, model: { ...pageConfig.model, block_out_channels: [8, 16], norm_num_groups: 4 }, steps, batch: 8, holdOut: 0,
  });
}

/** Trains on a device; `onStep` hears of each step. Throws what openDevice throws, and NumericError. */
export async function trainCurve(
  config: TrainConfig, device: string, seed: number, onStep: (step: number, loss: number) => void = () => undefined,
): Promise<CurveRun> {
  const opened = await openDevice(device);
  const started = performance.now();
  try {
    const trainer = new Trainer({ ...config, device, seed }, opened, openTrainingData(config).training);
    const losses: number[] = [];
    while (losses.length < config.steps) {
      const { step, loss } = await trainer.trainStep();
      losses.push(loss);
      onStep(step, loss);
    }
    trainer.dispose();
    const seconds = (performance.now() - started) / 1000;
    return { device, seed, losses, description: opened.description, seconds, commit: commit(), node: process.version };
  } finally {
    await opened.dispose();
  }
}

/** The curves in a file, or none of this config where there is no such file. Throws ConfigError for a file of other curves. */
export function readCurves(file: string | undefined, config: TrainConfig): Curves {
  if (file === undefined || !existsSync(file)) return { schema: CURVES_SCHEMA, config, runs: [] };
  const curves = readChecked(file, "curves of this version", curvesSchema);
  if (!isDeepStrictEqual(curves.config, JSON.parse(JSON.stringify(config)))) {           // as a file has it: without what is undefined
    throw new ConfigError(`${file} holds curves of another training`, ["hint     give the same --steps, or another file"]);
  }
  return { ...curves, config };
}

export function writeCurves(file: string, curves: Curves): void {
  writeFileSync(file, `${JSON.stringify(curves, undefined, 1)}\n`);
}
