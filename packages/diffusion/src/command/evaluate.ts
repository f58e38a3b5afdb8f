import { join } from "node:path";
import { ConfigError, sizeOf, type Device } from "@fromnoise/tensor";
import { flag, integer, text } from "@fromnoise/nn/kinds";
import { guidanceFields } from "../denoisers/guided.js";
import { field, optional, type OptionsOf } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { openDataset } from "../data/node/index.js";
import { holdOutKind, splitDataset, type SplitDataset } from "../data/split.js";
import { COPY_RATIO } from "../evaluate/copies.js";
import { evenly } from "../evaluate/dataset-rows.js";
import { evaluateImages, evaluateModel, type Evaluated, type Evaluation } from "../evaluate/evaluate.js";
import { builtinFeatures, openFeatures } from "../evaluate/node/open-features.js";
import { prepareReference, type Figures, type Reference } from "../evaluate/reference.js";
import type { Features } from "../evaluate/features/feature-file.js";
import type { Rows } from "../evaluate/rows.js";
import { mostLike } from "../evaluate/shared.js";
import { datasetRows, type Watched } from "../evaluate/dataset-rows.js";
import { grid, type Channels } from "../image/node/index.js";
import { makeFolder } from "../models/node/files.js";
import { loadModel } from "../models/node/load.js";
import type { TrainedModel } from "../models/load-model.js";
import { samplers } from "../samplers/index.js";
import { trainDefaults, type TrainConfig } from "../train/config.js";
import { withDevice, type Arguments, type Command } from "./command.js";
import { evaluateOneShare } from "./evaluate-share.js";
import { modelPath } from "./model-operand.js";
import { openProgress, type Progress } from "./progress.js";
import { askedFor, clippingOf, sampleFields, writePng } from "./sample.js";
import { samplingIn, type Sampling } from "./sampling-flags.js";
import { printTable } from "./text-table.js";

const { recipe, batch, share, sampler, clipX0, dynamicThreshold, keepEps, weights, variant, network, size, seed, device, revectorize } = sampleFields;
export const evaluateFields = {
  images: optional(text, "images to evaluate, in place of a model's samples: names as `train` takes them", { value: "DIR" }),
  data: optional(text, "real images: names as `train` takes them", { value: "NAME", shown: "the run's own" }),
  holdOut: optional(holdOutKind, "1 real image in so many was held out of training", { shown: "the run's own, else 10" }),
  features: optional(text, "digits, faces, pixel-faces, or a file that `features` wrote", { shown: "the data's own, else faces" }),
  count: field(integer({ from: 5, to: 1_000_000 }), 1000, "samples to draw"),
  json: field(flag, false, "print {source, data, device, features, compared, reference, samples, heldOut, loss, nearest, ...} as JSON"),
  out: optional(text, "folder for samples.png and copies.png, the samples nearest to a training image with it beside each", { value: "DIR", shown: "no pictures" }),
  recipe, batch, share, sampler, clipX0, dynamicThreshold, keepEps, weights, variant, network, size, seed, device, revectorize,
};
type Options = OptionsOf<typeof evaluateFields>;

export const evaluate: Command = {
  name: "evaluate",
  summary: "how good a model's samples are: distance to real images, precision and recall, classes, copies",
  usage: "fromnoise evaluate RUN|CHECKPOINT|DIFFUSERS-FOLDER|FILE.pt [flags]   or   fromnoise evaluate --images DIR --data NAME [flags]",
  examples: [
    "fromnoise evaluate runs/digits --count 1000 --out evaluation",
    "fromnoise evaluate --recipe faces",
    "fromnoise evaluate --images generated --data digits --json",
  ],
  operands: ["[model]"],
  flags: [
    ...flagsOf(evaluateFields), ...flagsOf(guidanceFields, "guidance without a classifier"),
    ...samplers.flatMap(({ name, summary, fields }) => flagsOf(fields, `--sampler ${name}, ${summary}`)),
  ],
  notes: [
    "Images that were held out of training stand beside the samples: what a perfect model would get. Figures of other features, other data",
    "or another count cannot be compared. docs/evaluation.md says what each of them cannot tell.",
  ].join("\n"),
  run: runEvaluate,
};

/** Samples shown beside their nearest training image, and pairs of them in a row. */
export const SHOWN = 32;
const PAIRS = 4;

async function runEvaluate({ operands: [operand], flags }: Arguments): Promise<number> {
  const options = optionsOf(evaluateFields, flags);
  const named = operand !== undefined || options.recipe !== undefined;
  if (named === (options.images !== undefined)) {
    throw new ConfigError("evaluate: pass either a model or --images", ["usage    fromnoise evaluate RUN [flags]", "usage    fromnoise evaluate --images DIR --data NAME [flags]"]);
  }
  checkShare(options);
  const path = named ? modelPath(operand, options.recipe, evaluate) : undefined;
  const sampling = samplingIn(flags, options.recipe);
  return withDevice(options.device, options.revectorize, async (opened) => {
    const model = path === undefined ? undefined : await loadModel(path, opened, askedFor(options));
    const source = model?.source ?? options.images!;
    const { data, name } = dataOf(model, options);
    console.error(`${model === undefined ? "images " : "model  "}  ${source}`);
    console.error(`data     ${data.training.describe()}`);
    console.error(`device   ${opened.description}`);
    const shown = showing();
    try {
      if (options.share !== undefined) {
        const features = await featuresFor(name, options, opened);
        const of = { model: ofItsData(model!, options), device: opened, data, features, name, count: options.count };
        const written = await evaluateOneShare(options.out!, options.share, of, {
          sampling: { ...sampling, batch: options.batch, seed: options.seed, clipX0: clippingOf(options, model!) }, sampled: sampling, shown: SHOWN,
        }, shown);
        shown.stop();
        console.log(`wrote ${written}\njoin with: fromnoise join ${options.out!}`);
        return 0;
      }
      const reference = await referenceFor(name, data, opened, options, shown);
      const evaluated = model === undefined ? await imagesAgainst(reference, options, shown) : await modelAgainst(reference, ofItsData(model, options), opened, options, sampling, shown);
      shown.stop();
      report({ source, data: name, device: opened.description }, evaluated, { ...options, sampler: sampling.sampler.name });
      if (options.out !== undefined) await writePictures(options.out, evaluated.images, trainingLike(reference, evaluated));
      return 0;
    } finally {
      shown.stop();
    }
  });
}

/** Throws ConfigError for a share of images that are there already, and for one that has no place. */
function checkShare({ share: asked, images, out }: Options): void {
  if (asked === undefined) return;
  if (images !== undefined) throw new ConfigError("--share is for a model's samples", ["hint     the images of --images are drawn already"]);
  if (out === undefined) throw new ConfigError("--out is missing: a share is written there", ["pass     --out DIR, of all shares the same"]);
}

/** The model; without its run's configuration where it is evaluated on other images than those it was trained on, of which it has no loss. */
function ofItsData({ training, ...model }: TrainedModel, { data, holdOut }: Options): TrainedModel {
  if (training === undefined) return model;
  const own = (data ?? training.data) === training.data && (holdOut ?? training.holdOut) === training.holdOut;
  return own ? { ...model, training } : model;
}

/** The real images, at the size and in the colours of the model's, and what they were called. */
export function dataOf(
  model: Pick<TrainedModel, "network"> & { readonly training?: TrainConfig | undefined } | undefined, { data, holdOut, size }: Pick<Options, "data" | "holdOut" | "size">,
): { data: SplitDataset; name: string } {
  const name = data ?? model?.training?.data;
  if (name === undefined) throw new ConfigError(`--data is missing: ${model === undefined ? "images" : "the model"} alone cannot be evaluated`, ["pass     --data NAME, the images it was trained on"]);
  const [height, width, channels] = model?.network.spec.sample ?? [null, null, null];
  if (model !== undefined && (model.network.spec.sample.length !== 3 || (channels !== 1 && channels !== 3))) {
    throw new ConfigError("the network draws no images", [`sample   [${model.network.spec.sample.join(", ")}]`]);
  }
  const format = { ...(channels === 1 || channels === 3 ? { channels: channels as Channels } : {}), ...(size !== undefined ? { size } : height === null || width === null ? {} : { size: [height, width] as const }) };
  const dataset = openDataset(name, format);
  return { name, data: splitDataset(dataset, holdOut ?? model?.training?.holdOut ?? trainDefaults.holdOut) };
}

/** What to compare with: the data's own features unless others are asked for. Says on standard error whose they are. */
export async function referenceFor(
  name: string, data: SplitDataset, device: Device, { features: asked, count, images }: Pick<Options, "features" | "count" | "images">, watched: Watched,
): Promise<Reference> {
  const features = await featuresFor(name, { features: asked }, device);
  const most = images === undefined ? count : Math.min(count, imagesIn(images, data).count);
  return prepareReference({ data, features, count: most, ...watched });
}

async function featuresFor(name: string, { features: asked }: Pick<Options, "features">, device: Device): Promise<Features> {
  const own = builtinFeatures.includes(name);
  const features = await openFeatures(asked ?? (own ? name : "faces"), device);
  const trainedOn = String(features.training["data"]);
  console.error(`features ${features.name}, of a network trained on ${trainedOn}${trainedOn === name ? "" : `: it never saw ${name}, see docs/evaluation.md`}`);
  return features;
}

/** The images of --images, as the data's are. */
function imagesIn(images: string, { training: { shape: [height, width, channels] } }: SplitDataset): ReturnType<typeof openDataset> {
  return openDataset(images, { size: [height, width], channels: channels as Channels });
}

async function imagesAgainst(reference: Reference, { images, count }: Options, watched: Watched): Promise<Evaluated> {
  const dataset = imagesIn(images!, reference.data);
  const indices = evenly(dataset.count, count);
  const asked = dataset.label === undefined ? undefined : Array.from(indices, (i) => dataset.label!(i));
  return evaluateImages(reference, datasetRows(dataset, indices), { asked, ...watched });
}

async function modelAgainst(
  reference: Reference, model: TrainedModel, device: Device, options: Options, sampling: Sampling, watched: Watched,
): Promise<Evaluated> {
  const { count, batch: atOnce, seed: of } = options;
  return evaluateModel(reference, {
    model, device, count, ...watched,
    sampling: { ...sampling, batch: atOnce, seed: of, clipX0: clippingOf(options, model) },
  });
}

/** A progress bar for each kind of work in turn. */
export function showing(): Required<Pick<Watched, "onProgress">> & { stop(): void } {
  let now: string | undefined;
  let progress: Progress | undefined;
  const stop = (): void => {
    progress?.stop();
    progress = now = undefined;
  };
  return {
    stop,
    onProgress(what, done, total) {
      if (now !== what) {
        stop();
        [now, progress] = [what, openProgress(what, total)];
      }
      progress!.update(done);
      if (done === total) stop();
    },
  };
}

/** Prints an evaluation: a table, or JSON. */
export function report(
  from: { source: string; data: string; device: string }, { evaluation, copies: { ratios, indices } }: Pick<Evaluated, "evaluation" | "copies">,
  { json, seed: of, sampler: by, count, images }: Pick<Options, "json" | "seed" | "sampler" | "count" | "images">,
): void {
  if (json) {
    const nearest = mostLike(ratios, SHOWN).map((sample) => ({ sample, training: indices[sample], ratio: ratios[sample] }));
    const drawn = images === undefined ? { sampler: by, seed: of } : {};
    console.log(JSON.stringify({ ...from, count, ...drawn, ...evaluation, nearest }, null, 2));
  } else printEvaluation(evaluation);
}

/** The figures as a table: samples, and what is held out beside them. */
export function printEvaluation({ samples, heldOut, compared, reference, features, fitting, loss }: Evaluation): void {
  const row = (name: string, value: (figures: Figures) => number | undefined, shown: (value: number) => string): string[][] => {
    const cells = [samples, ...(heldOut === undefined ? [] : [heldOut])].map(value);
    return cells.every((cell) => cell === undefined) ? [] : [[name, ...cells.map((cell) => (cell === undefined ? "" : shown(cell)))]];
  };
  const part = (value: number): string => value.toFixed(3);
  printTable(["", `${samples.images} samples`, ...(heldOut === undefined ? [] : [`${heldOut.images} held out`])], [
    ...row("Frechet distance", ({ frechet }) => frechet, (value) => value.toPrecision(3)),
    ...row("precision", ({ precision }) => precision, part),
    ...row("recall", ({ recall }) => recall, part),
    ...row("of the class asked for", ({ recognised }) => recognised?.asked, part),
    ...row("  and that with p > 0.9", ({ recognised }) => recognised?.askedSure, part),
    ...row("of some class with p > 0.9", ({ recognised }) => recognised?.sure, part),
    ...row("copies of training images", ({ copied }) => copied, part),
  ]);
  console.log(`features ${features}${fitting === undefined ? "" : `, images ${fitting}`}; distance of ${compared} to ${reference} training images, precision and recall among ${compared}`);
  console.log(`a copy is nearer to a training image than ${COPY_RATIO} times that image's nearest other`);
  if (loss === undefined) return;
  const { training, heldOut: other, ratio, error, images, rounds } = loss;
  console.log(`loss     ${other.toPrecision(4)} held out, ${training.toPrecision(4)} trained on: ${ratio.toFixed(3)} +- ${error.toFixed(3)} times, ${images} images each, ${rounds} times`);
}

/** The samples that are most like a training image, with that image, the most first. */
export type Likeness = readonly { readonly sample: number; readonly training: ArrayLike<number> }[];

function trainingLike({ data: { training } }: Reference, { copies: { ratios, indices } }: Evaluated): Likeness {
  return mostLike(ratios, SHOWN).map((sample) => ({ sample, training: training.sample(indices[sample]) }));
}

/** samples.png, and copies.png: the samples most like a training image with it beside each. */
export async function writePictures(out: string, images: Rows, chosen: Likeness): Promise<void> {
  makeFolder(out);
  const [count, ...shape] = images.shape, each = sizeOf(shape);
  const data = new Float32Array(2 * chosen.length * each);
  chosen.forEach(({ sample, training }, k) => {
    data.set(images.data.subarray(sample * each, (sample + 1) * each), 2 * k * each);
    data.set(training, (2 * k + 1) * each);
  });
  await writePng(join(out, "copies.png"), grid({ shape: [2 * chosen.length, ...shape], data }, { columns: 2 * PAIRS, background: 0 }));
  const first = Math.min(count, 64);
  await writePng(join(out, "samples.png"), grid({ shape: [first, ...shape], data: images.data.subarray(0, first * each) }, { background: 0 }));
  console.error(`wrote samples.png and copies.png to ${out}`);
}
