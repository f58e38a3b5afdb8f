import { join } from "node:path";
import { ConfigError, type Device } from "@fromnoise/tensor";
import { replaceFile } from "@fromnoise/nn";
import { flag, integer, oneOf, text } from "@fromnoise/nn/kinds";
import { chartSvg, type ChartOptions, type Series } from "../chart/index.js";
import { deviceField } from "../config/device.js";
import { field, optional, type OptionsOf } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { openDataset } from "../data/node/index.js";
import { splitDataset } from "../data/split.js";
import type { Dataset } from "../data/dataset.js";
import { rateDistortion, type RatePoint } from "../likelihood/rate-distortion.js";
import { boundSteps, variationalBound, type Bound, type BoundStep } from "../likelihood/variational-bound.js";
import { makeFolder } from "../models/node/files.js";
import { loadModel } from "../models/node/load.js";
import type { TrainedModel } from "../models/load-model.js";
import { trainDefaults } from "../train/config.js";
import { revectorizeField, withDevice, type Arguments, type Command } from "./command.js";
import { modelPath, recipeField } from "./model-operand.js";
import { openProgress } from "./progress.js";
import { askedFor, networkField, variantField, weightsField } from "./sample.js";

const count = integer({ from: 1 });
const likelihoodFields = {
  recipe: recipeField,
  data: optional(text, "images to say: names as `train` takes them", { value: "NAME", shown: "the run's own" }),
  part: optional(oneOf(["held-out", "training", "all"]), "of the data", { shown: "held-out of the run's own data, all of other" }),
  count: field(count, 100, "images, evenly spread over the data"),
  every: field(count, 10, "at most so many steps from a computed term to the next, fewer at little noise; 1: all", { value: "K" }),
  batch: field(count, 50, "images per batch"),
  weights: weightsField,
  variant: variantField,
  network: networkField,
  seed: field(integer(), 0, "seed of the noise"),
  json: field(flag, false, "print {source, data, count, total, error, prior, steps, rateDistortion} as JSON"),
  out: optional(text, "folder for terms.svg and rate-distortion.svg", { value: "DIR", shown: "no pictures" }),
  device: deviceField(trainDefaults.device),
  revectorize: revectorizeField,
};
type Options = OptionsOf<typeof likelihoodFields>;

export const likelihood: Command = {
  name: "likelihood",
  summary: "how many bits a model needs to say images exactly: the variational bound, term by term",
  usage: "fromnoise likelihood RUN|CHECKPOINT|DIFFUSERS-FOLDER|FILE.pt [flags]   or   fromnoise likelihood --recipe NAME [flags]",
  examples: [
    "fromnoise likelihood runs/digits --out likelihood",
  ],
  operands: ["[model]"],
  flags: flagsOf(likelihoodFields),
  notes: [
    "The bound is in bits per dimension, a pixel's colour being one; the less, the better, and 8 say 256 levels without a model.",
    "What is held out of a run's data was never trained on. The variance of steps is the model's own.",
  ].join("\n"),
  run: runLikelihood,
};

async function runLikelihood({ operands: [operand], flags }: Arguments): Promise<number> {
  const options = optionsOf(likelihoodFields, flags);
  const path = modelPath(operand, options.recipe, likelihood);
  return withDevice(options.device, options.revectorize, async (device) => {
    const { json, out } = options;
    const model = await loadModel(path, device, askedFor(options));
    const data = dataOf(model, options);
    console.error(`model    ${model.source}`);
    console.error(`data     ${data.describe()}`);
    console.error(`device   ${device.description}`);
    const bound = await boundShowing(model, device, data, options);
    const points = rateDistortion(bound);
    if (json) {
      const { every, seed } = options;
      const from = { source: model.source, data: data.describe(), every, seed };
      console.log(JSON.stringify({ ...from, ...bound, rateDistortion: points }, null, 2));
    } else console.log(boundTable(bound, data));
    if (out !== undefined) await writePictures(out, bound, points);
    return 0;
  });
}

/** `variationalBound` with a progress bar on standard error. */
async function boundShowing(
  model: TrainedModel, device: Device, data: Dataset, { count: wanted, every, batch, seed }: Options,
): Promise<Bound> {
  const request = { model, device, data, count: Math.min(wanted, data.count), every, batch, seed };
  const progress = openProgress("term", boundSteps(request));
  try {
    return await variationalBound({ ...request, onStep: (done) => progress.update(done) });
  } finally {
    progress.stop();
  }
}

/** The images: the part of the run's own data that training never saw, or whatever else is asked for. */
function dataOf({ network: { spec: { sample } }, training }: TrainedModel, { data, part }: Options): Dataset {
  const name = data ?? training?.data;
  if (name === undefined) throw new ConfigError("--data is missing: the model does not say what it was trained on");
  const [height, width, channels] = sample;
  if (sample.length !== 3 || (channels !== 1 && channels !== 3)) {
    throw new ConfigError("the network takes no images", [`sample   [${sample.join(", ")}]`]);
  }
  const dataset = openDataset(name, { channels, ...(height === null || width === null ? {} : { size: [height, width] }) });
  const wanted = part ?? (data === undefined ? "held-out" : "all");
  if (wanted === "all") return dataset;
  const split = splitDataset(dataset, training?.holdOut ?? trainDefaults.holdOut);
  if (wanted === "training") return split.training;
  if (split.heldOut !== undefined) return split.heldOut;
  throw new ConfigError(`nothing of ${name} was held out of training`, ["allowed  --part training, --part all, or other --data"]);
}

/** The bound, and what parts of the T steps share in it: t = 0, then 1 .. 9, 10 .. 99, and so on. */
export function boundTable({ total, error, prior, steps, count: images }: Bound, { shape }: Dataset): string {
  const dimensions = shape.reduce((a, b) => a * b, 1);
  const last = steps[steps.length - 1].t;
  const ends = [0, ...Array.from({ length: 10 }, (_, k) => 10 ** (k + 1) - 1)];
  const groups = ends.map((end, k) => ({ from: k === 0 ? 0 : ends[k - 1] + 1, to: Math.min(end, last) }))
    .filter(({ from, to }) => from <= to);
  const rows = groups.flatMap(({ from, to }) => {
    const inside = steps.filter(({ t }) => t >= from && t <= to);
    const sum = (value: (step: BoundStep) => number): number => inside.reduce((rest, step) => rest + step.weight * value(step), 0);
    const weight = sum(() => 1), bits = sum((step) => step.bits);
    return weight === 0 ? [] : [[
      from === to ? `t ${from}` : `t ${from} .. ${to}`, bits.toFixed(4), `${(100 * bits / total).toFixed(1)} %`,
      (sum((step) => step.epsError) / weight).toFixed(4), Math.sqrt(sum(({ rmse }) => rmse * rmse) / weight).toFixed(1),
    ]];
  });
  const table = [
    ["terms", "bits/dim", "share", "error of eps", "x0 off by, of 255"], ...rows,
    ["prior", prior.toFixed(4), `${(100 * prior / total).toFixed(1)} %`, "", ""],
  ];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map(([first, ...others]) => (
    [first.padEnd(widths[0]), ...others.map((cell, i) => cell.padStart(widths[i + 1]))].join("  ").trimEnd()
  ));
  const spread = Number.isNaN(error) ? "" : ` +- ${error.toFixed(3)}`;
  const said = images === 1 ? "1 image" : `${images} images`;
  const [bits, plain] = [total * dimensions, 8 * dimensions].map((value) => Math.round(value).toLocaleString("en-US"));
  const bound = `bound    ${total.toFixed(3)}${spread} bits/dim over ${said}: ${bits} bits an image, ${plain} without a model`;
  return [...lines, "", bound].join("\n");
}

async function writePictures(out: string, { steps }: Bound, points: readonly RatePoint[]): Promise<void> {
  makeFolder(out);
  const terms = { name: "bits/dim", x: steps.map(({ t }) => t), y: steps.map(({ bits }) => bits) };
  const curve = { name: "RMSE of x0, of 255", x: points.map(({ rate }) => rate), y: points.map(({ distortion }) => distortion) };
  await writeChart(join(out, "terms.svg"), terms, { title: "terms of the bound", yLabel: "bits/dim", xLabel: "t", logY: true });
  await writeChart(join(out, "rate-distortion.svg"), curve, { title: "distortion (RMSE of 255) by rate", xLabel: "rate, bits/dim" });
  console.error(`wrote terms.svg and rate-distortion.svg to ${out}`);
}

async function writeChart(path: string, series: Series, options: ChartOptions): Promise<void> {
  const bytes = new TextEncoder().encode(chartSvg([series], { ...options, window: 1 }));
  await replaceFile(path, [bytes], bytes.length);
}
