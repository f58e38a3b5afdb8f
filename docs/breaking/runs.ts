/** The trainings of the lab: sound ones, and those with a mistake that only training can make. */
import { mkdirSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { multiply, permutation, zeros, type Device } from "@fromnoise/tensor";
import { loadSafetensors, loadStateDict, saveSafetensors, stateDict, UNet, type Network } from "@fromnoise/nn";
import {
  pageUNet, mseLoss, openDataset, processOf, splitDataset, type Dataset, type Loss, type PredictionName, type Process, type SplitDataset, type StepMetrics,
} from "@fromnoise/diffusion/node";
import { withoutTime } from "./networks.js";
import { train, type Trained, type Training } from "./training.js";

/** How long and wide all of it is. */
export interface Scale { readonly steps: number; readonly batch: number; readonly width: readonly number[]; readonly size: number }
export const scale: Scale = { steps: 500, batch: 32, width: [16, 32], size: 16 };

/** A training, and what is held out of its data. */
export interface Run {
  readonly name: string;
  readonly prediction: PredictionName;
  readonly process: Process;
  readonly data: SplitDataset;
  make(): Network;
  readonly loss?: Loss;
  readonly training?: Partial<Pick<Training, "lr" | "plain" | "label">>;
}

export interface FinishedRun extends Trained { readonly run: Run }

/** Averages that each run keeps: the one that is sampled, and one of a decay for runs a thousand times as long. */
const averages = [{ decay: 0.99, warmup: "ratio" }, { decay: 0.9999, warmup: "none" }] as const;

/** All trainings at a scale, by name. */
export function runsAt({ width, size }: Scale): readonly Run[] {
  const digits = splitDataset(openDataset("digits", { size, channels: 1 }), 10);
  const faces = splitDataset(openDataset("pixel-faces", { size, channels: 3 }), 10);
  const unet = (fields: object = {}): Network => new UNet({ ...pageUNet, sample_size: size, block_out_channels: [...width], ...fields });
  const cosine = processOf({ name: "cosine", timesteps: 1000 }), linear = processOf({ name: "linear", timesteps: 1000 });
  const base = { prediction: "v" as const, process: cosine, data: digits, make: () => unet() };
  return [
    { ...base, name: "v" },
    { ...base, name: "eps", prediction: "eps", process: linear },
    { ...base, name: "faces", data: faces, make: () => unet({ in_channels: 3, out_channels: 3, num_class_embeds: null }) },
    { ...base, name: "unscaled", process: processOf({ name: "linear", timesteps: 250 }) },
    { ...base, name: "timeless", make: () => withoutTime(unet()) },
    { ...base, name: "summed", loss: summed(mseLoss({ prediction: "v" })), training: { plain: true, lr: 0.3 } },
    { ...base, name: "shuffled", training: { label: shuffledLabels(digits.training) } },
    { ...base, name: "unit-range", data: mapped(digits, (v) => (v + 1) / 2) },
    { ...base, name: "hot", training: { lr: 0.3 } },
    { ...base, name: "few", data: { ...digits, training: firstImages(digits.training, 64) } },
  ];
}

/** The error summed over all elements of a batch, where it should be their mean. */
export function summed(loss: Loss): Loss {
  return {
    ...loss, name: "summed",
    forward(output, terms) {
      const { loss: value, perImage } = loss.forward(output, terms);
      return { loss: multiply(value, output.size), perImage };
    },
    backward: (dy, output, terms) => multiply(loss.backward(dy, output, terms), output.size),
  };
}

/** Labels that were shuffled apart from their images. */
function shuffledLabels({ count, label }: Dataset): (image: number) => number {
  const order = permutation(count, { seed: 1, stream: 0 });
  return (image) => label!(order[image]);
}

/** Values of every image changed. */
function mapped({ training, heldOut }: SplitDataset, change: (v: number) => number): SplitDataset {
  const of = (data: Dataset): Dataset => ({ ...data, sample: (i) => Float32Array.from(data.sample(i), change) });
  return { training: of(training), heldOut: of(heldOut!) };
}

/** So many images, evenly spread. */
function firstImages(data: Dataset, count: number): Dataset {
  const index = (i: number): number => Math.floor((i * data.count) / count);
  return { ...data, count, sample: (i) => data.sample(index(i)), label: (i) => data.label!(index(i)) };
}

/** Trains a run, or reads it from the folder where it was kept. */
export async function finish(device: Device, run: Run, { steps, batch }: Scale, folder: string, onStep: (metrics: StepMetrics) => void): Promise<FinishedRun> {
  const kept = (part: string): string => join(folder, `${run.name}-${steps}-${part}`);
  const parts = ["raw", ...averages.map((_, k) => `average-${k}`)];
  if (existsSync(kept("metrics.json"))) {
    const networks: Network[] = [];
    for (const part of parts) networks.push(await readInto(device, run.make(), kept(`${part}.safetensors`)));
    const [raw, ...others] = networks;
    return { run, raw, averages: others, metrics: JSON.parse(readFileSync(kept("metrics.json"), "utf8")) as StepMetrics[] };
  }
  const { loss = mseLoss({ prediction: run.prediction }), process, data: { training } } = run;
  const trained = await train(device, {
    network: run.make(), process, loss, data: training, steps, batch, lr: 4e-3, seed: 0, averages, onStep, ...run.training,
  });
  mkdirSync(folder, { recursive: true });
  for (const [k, network] of [trained.raw, ...trained.averages].entries()) {
    await saveSafetensors(kept(`${parts[k]}.safetensors`), await stateDict(network));
  }
  writeFileSync(kept("metrics.json"), JSON.stringify(trained.metrics));
  return { run, ...trained };
}

async function readInto(device: Device, network: Network, path: string): Promise<Network> {
  for (const p of network.parameters) p.tensor = device.keep(zeros(p.shape, { device }));
  const { tensors } = await loadSafetensors(path);
  loadStateDict(network, tensors);
  return network;
}
