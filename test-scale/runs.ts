/** The runs that are compared, and how far two of them are apart. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@fromnoise/tensor";
import { encodePng } from "../packages/diffusion/src/image/node/index.js";
import { loadCheckpoint } from "../packages/diffusion/src/models/node/load.js";
import { withCheckpointFile } from "../packages/diffusion/src/models/formats/checkpoint.js";
import { fileSource } from "../packages/diffusion/src/models/node/file-source.js";
import { trainConfig, type TrainConfigInput } from "../packages/diffusion/src/train/config.js";
import type { UNetFields } from "../packages/diffusion/src/train/model-fields.js";
import { parseMetrics, type StepMetrics } from "../packages/diffusion/src/train/metrics.js";
import { trainRun } from "../packages/diffusion/src/train/node/run.js";

export const folder = mkdtempSync(join(tmpdir(), "fromnoise-scale-"));
/** Steps there, and after them here again. */
export const THERE = 50, ALL = 100;

const small = {
  sample_size: 8, layers_per_block: 1, block_out_channels: [4, 8], norm_num_groups: 2, attention_head_dim: null, downsample_padding: 0,
  flip_sin_to_cos: false, freq_shift: 1, norm_eps: 1e-6,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
} as const;
const common = { steps: ALL, checkpointEvery: 25, previewEvery: 0, keep: 10, seed: 7, batch: 5 } satisfies TrainConfigInput;

/** A folder of RGB images of noise, of more sizes than one. */
function images(): string {
  const path = join(folder, "images");
  mkdirSync(path, { recursive: true });
  for (let i = 0; i < 40; i++) {
    const [width, height] = [9 + i % 5, 8 + i % 3];
    const data = Uint8Array.from(new Random(i).integers(3 * width * height, 256));
    writeFileSync(join(path, `${i}.png`), encodePng({ width, height, channels: 3, data }));
  }
  return path;
}

/** What the presets have: v, classes with a null class, scale and shift, averages by powers of time, accumulation. */
const digits: TrainConfigInput = {
  ...common, data: "digits", model: { ...small, in_channels: 1, out_channels: 1, num_class_embeds: 11, _null_class: true, resnet_time_scale_shift: "scale_shift" },
  prediction: "v", schedule: { name: "cosine" }, timeSampling: "low-discrepancy", labelDrop: 0.2, accumulate: 2, profiles: { every: 25 },
  lrSchedule: { name: "cosine", warmup: 10 }, optimizer: { betas: [0.9, 0.99] },
};

/** The paper's, and what else there is: eps, mirrored images, weights by SNR, offset noise, heads, weight decay. */
const rgb = (): TrainConfigInput => ({
  ...common, data: images(), holdOut: 4, flip: true,
  model: { ...small, in_channels: 3, out_channels: 3, layers_per_block: 2, attention_head_dim: 4, downsample_padding: 1, flip_sin_to_cos: true },
  weighting: "min-snr", offsetNoise: 0.1, lrSchedule: { name: "linear-warmup", warmup: 5 },
  optimizer: { weightDecay: 0.01 }, ema: { warmup: "power", every: 2, start: 3 },
});

/** Losses that are a bound: of a variance that is learned beside the prediction, and of a given one; levels drawn logit-normal. */
const learned = { ...digits, model: { ...digits.model as UNetFields, out_channels: 2 }, loss: "hybrid", sampling: { variance: "learned-range" }, timeSampling: "logit-normal" } satisfies TrainConfigInput;
const bound = (): TrainConfigInput => ({ ...rgb(), weighting: "simple", loss: "vlb", sampling: { variance: "fixed-large" } });

export interface Kind {
  readonly name: string;
  readonly input: TrainConfigInput;
  /** On how many processes it is compared. */
  readonly processes: readonly number[];
}
export function kinds(): Kind[] {
  const folderRun = rgb();                                                                   // l1 in f64 alone: rounding turns signs round
  const f64 = { dtype: "f64", device: "reference" } as const, f32 = { dtype: "f32", device: "wasm:exact" } as const;
  return [
    { name: "digits f64", input: { ...digits, ...f64 }, processes: [1, 2, 4] }, { name: "folder f64", input: { ...folderRun, ...f64, loss: "l1" }, processes: [1, 2, 4] },
    { name: "digits f32", input: { ...digits, ...f32 }, processes: [1, 2, 4] }, { name: "folder f32", input: { ...folderRun, ...f32, prediction: "x0" }, processes: [1, 2, 4] },
    { name: "hybrid f64", input: { ...learned, ...f64 }, processes: [2] }, { name: "vlb f64", input: { ...bound(), ...f64 }, processes: [2] },
    { name: "hybrid f32", input: { ...learned, ...f32 }, processes: [2] }, { name: "vlb f32", input: { ...bound(), ...f32 }, processes: [2] },
  ];
}

/** Our own run up to a step, from its beginning or from where its folder stands. */
export async function ours(run: string, until: number, input?: TrainConfigInput): Promise<void> {
  const stop = new AbortController();
  if (until === 0) stop.abort();
  const start = input === undefined ? { resume: {} } : { config: trainConfig(input) };
  const { trainer: { device } } = await trainRun({ start, out: run, signal: stop.signal, onStep: ({ step }) => void (step >= until && stop.abort()) });
  await device.dispose();
}

/** A copy of a run, to go on from. */
export function copied(run: string, name: string): string {
  const path = join(folder, name);
  cpSync(run, path, { recursive: true });
  return path;
}

export function metricsOf(run: string): StepMetrics[] {
  return parseMetrics(readFileSync(join(run, "metrics.jsonl"), "utf8"));
}

/** Largest relative difference of the losses of steps after `from`. */
export function lossError(a: string, b: string, from: number, to: number): number {
  const [one, other] = [a, b].map((run) => metricsOf(run).filter(({ step }) => step > from && step <= to));
  if (one.length !== to - from || other.length !== to - from) throw new Error(`${one.length} and ${other.length} steps, expected ${to - from}`);
  return Math.max(...one.map(({ loss }, i) => Math.abs(loss - other[i].loss) / loss));
}

/**
 * Gradients that are 0 in exact numbers: what a bias of keys adds to a row of logits is the same in all of them, and softmax does not see
 * it. Adam divides their rounding by its own size.
 */
export const ZERO_GRADIENTS = /\.to_k\.bias$/;

/** Largest difference of the tensors of two checkpoints whose names pass, over the largest value of the tensor. */
export async function tensorError(a: string, b: string, step: number, wanted: RegExp): Promise<{ error: number; name: string }> {
  const [one, other] = await Promise.all([a, b].map((run) => tensorsOf(run, step)));
  if (one.size !== other.size) throw new Error(`${one.size} and ${other.size} tensors`);
  let worst = { error: 0, name: "none" };
  for (const [name, values] of one) {
    if (!wanted.test(name) || ZERO_GRADIENTS.test(name)) continue;
    const others = other.get(name)!, size = largest(Array.from(values, Math.abs));
    const error = largest(Array.from(values, (x, i) => Math.abs(x - others[i]))) / size;
    if (error > worst.error) worst = { error, name };
  }
  return worst;
}

function largest(values: readonly number[]): number {
  return values.reduce((most, x) => Math.max(most, x), 0);
}

async function tensorsOf(run: string, step: number): Promise<Map<string, Float32Array | Float64Array>> {
  return withCheckpointFile(fileSource(run), `checkpoint-${step}.safetensors`, async ({ names, read }) => {
    const held = new Map<string, Float32Array | Float64Array>();
    for (const name of names) held.set(name, (await read(name)).data);
    return held;
  });
}

/** Where the newest checkpoint of a run stands, as JSON. */
export async function positionOf(run: string): Promise<string> {
  return JSON.stringify((await loadCheckpoint(run)).info.position);
}
