/**
 * Trains every recipe, chooses the length of its average, evaluates it and writes what came out:
 *
 *     npm run recipes [-- --only NAME,...] [--work DIR] [--device wasm] [--toy]
 *
 * data/models/NAME.safetensors, docs/images/recipe-NAME.png and recipe-NAME-lengths.svg, docs/recipes.json, and docs/recipes.md of them.
 * It takes hours, and goes on where it was stopped: what is done stands in --work (runs/recipes), one folder a recipe, and is not done again.
 * --toy does all of it in a minute, with a few steps of small batches, and writes into --work alone.
 */
import { existsSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { ConfigError, Random, sizeOf, type Device } from "../packages/tensor/src/index.js";
import { networkOf, parameterCount, replaceFile } from "../packages/nn/src/index.js";
import { deviceOpener } from "../packages/diffusion/src/command/command.js";
import { samplingIn } from "../packages/diffusion/src/command/sampling-flags.js";
import { configOf } from "../packages/diffusion/src/command/train-flags.js";
import { trainShowing } from "../packages/diffusion/src/command/train.js";
import { lengthCurve } from "../packages/diffusion/src/evaluate/length-curve.js";
import { modelFileOf } from "../packages/diffusion/src/models/formats/checkpoint-format.js";
import { makeFolder, readJson } from "../packages/diffusion/src/models/node/files.js";
import { networkSpec } from "../packages/diffusion/src/train/model-fields.js";
import { savedConfig } from "../packages/diffusion/src/train/config.js";
import {
  arrayDataset, checkpointSteps, encodePng, evaluateModel, fileSource, grid, lengthsBetween, loadModel, memorySource, openFeatures,
  openTrainingData, prepareReference, rebuildAverage, recipes, sampleImages, Trainer, type Figures, type Recipe, type Reference, type TrainConfig,
} from "../packages/diffusion/src/node.js";
import { readChecked } from "../bench/src/checked-json.js";
import { lengthChart, recipesPage, resultsSchema, type RecipeResult, type RecipeResults, type ResultFigures } from "./recipes-page.js";

const docs = fileURLToPath(new URL(".", import.meta.url));
const { values: asked } = parseArgs({
  options: { only: { type: "string" }, work: { type: "string" }, device: { type: "string" }, toy: { type: "boolean" } },
});
const toy = asked.toy === true, work = asked.work ?? "runs/recipes";
const places = toy ? { models: work, images: work, page: work } : { models: join(docs, "../data/models"), images: join(docs, "images"), page: docs };
const samples = toy ? 12 : 1000, shown = toy ? 4 : 64;
const lengths = lengthsBetween([0.05, 0.25], toy ? 2 : 4);
const TIMED_STEPS = 2, TIMED_IMAGES = 2, WARM_STEPS = toy ? 1 : 10, MEDIAN_STEPS = toy ? 2 : 40;
/** Images that lengths are compared by: enough for the course of the curve. */
const compared = toy ? 12 : 200;

/** The recipe's configuration as `fromnoise train --recipe NAME` makes it. */
function configFor({ name }: Recipe, more: Record<string, unknown> = {}): TrainConfig {
  const small = toy ? { steps: 4, batch: 2, "profiles-every": 2, "preview-every": 0 } : {};
  return configOf(new Map(Object.entries({ recipe: name, device: asked.device ?? "wasm", ...small, ...more })));
}

/** What is in a JSON file, made where it is not there yet. */
async function once<T extends object>(path: string, make: () => Promise<T>): Promise<T> {
  if (existsSync(path)) return readJson(path) as T;
  const made = await make();
  writeFileSync(path, `${JSON.stringify(made, null, 1)}\n`);
  return made;
}

const figuresOf = ({ frechet, precision, recall, copied, recognised }: Figures): ResultFigures => ({
  frechet, precision, recall, copied, ...(recognised === undefined ? {} : { recognised }),
});

/** What determines the weights of a training, its network with all defaults. */
function settled({ device: _d, previewEvery: _p, previewImages: _i, boundEvery: _b, checkpointEvery: _c, keep: _k, model, ...config }: TrainConfig): object {
  return { ...config, network: networkOf(networkSpec(model)).spec };
}

/** Trains a recipe to its last step, from where its folder stands. Throws ConfigError for a folder of another configuration. */
async function train(folder: string, config: TrainConfig): Promise<void> {
  const held = existsSync(join(folder, "config.json")) ? savedConfig(readJson(join(folder, "config.json"))) : undefined;
  if (held !== undefined && !isDeepStrictEqual(settled(held), settled(config))) {
    throw new ConfigError(`${folder} holds a training of other settings than the recipe's`, ["hint     remove it to train anew"]);
  }
  if (checkpointSteps(folder).at(-1) === config.steps) return;
  const { trainer: { device } } = await trainShowing({
    start: held === undefined ? { config } : { resume: { device: config.device } }, out: folder, openDevice: deviceOpener(true),
  });
  await device.dispose();
}

/** Seconds that a step of a recipe takes, the median of some of a training that is thrown away: a run's own are of whatever else ran beside it. */
async function stepSeconds(name: string, config: TrainConfig, device: Device): Promise<number> {
  const made = join(work, `${name}.made`);
  makeFolder(made);
  const { seconds } = await once(join(made, "step.json"), async () => {
    const trainer = new Trainer(config, device, openTrainingData(config).training);
    const times: number[] = [];
    for (let i = 0; i < WARM_STEPS + MEDIAN_STEPS; i++) times.push(config.batch * config.accumulate / (await trainer.trainStep()).imagesPerSecond);
    trainer.dispose();
    return { seconds: times.slice(WARM_STEPS).sort((x, y) => x - y)[MEDIAN_STEPS >> 1], ...machine(device) };
  });
  return seconds;
}

/** All of a recipe whose data are here. */
async function trained(recipe: Recipe): Promise<RecipeResult> {
  const { name } = recipe, folder = join(work, name), config = configFor(recipe);
  await train(folder, config);
  const made = join(work, `${name}.made`);
  makeFolder(made);
  const device = await deviceOpener(true)(config.device);
  try {
    const ready = new Map<number, Promise<Reference>>();
    const reference = (count: number): Promise<Reference> => {
      const made = ready.get(count) ?? openFeatures(config.data, device).then((features) => prepareReference({ data: openTrainingData(config), features, count }));
      ready.set(count, made);
      return made;
    };
    const { sampler, options, guidance } = samplingIn(new Map(), name);
    const sampling = { sampler, options, guidance };
    const points: RecipeResult["lengths"][number][] = [];
    for (const length of lengths) {
      points.push(await once(join(made, `length-${length}.json`), async () => {
        const curve = await lengthCurve(fileSource(folder), { lengths: [length], device, reference: await reference(compared), sampling });
        const [{ error, evaluation }] = curve.points;
        console.error(`${name}: length ${length}, Frechet distance ${evaluation.samples.frechet.toPrecision(3)}`);
        return { length, error, ...figuresOf(evaluation.samples) };
      }));
    }
    const { length } = points.reduce((a, b) => (b.frechet < a.frechet ? b : a));
    return await once(join(made, "result.json"), async () => {
      const { info: { average, model, training }, tensors } = await rebuildAverage(fileSource(folder), { length });
      const file = { ...model, tensors, average, training: training! };
      const bytes = new Uint8Array(Buffer.concat([...await modelFileOf(file, { half: true })]));
      const loaded = await loadModel(memorySource(name, { "model.safetensors": bytes }), device);
      const { evaluation } = await evaluateModel(await reference(samples), { model: loaded, device, sampling: { ...sampling, seed: 1 } });
      const { images } = await sampleImages({ model: loaded, device, count: shown, ...sampling });
      await write(join(places.images, `recipe-${name}.png`), encodePng(grid(images, { background: 0, ...(toy ? {} : { columns: 16, scale: 2 }) })));
      const result: RecipeResult = {
        name, network: networkText(config), parameters: parameterCount(loaded.network), steps: config.steps, batch: config.batch * config.accumulate,
        seconds: config.steps * await stepSeconds(name, config, device), ...machine(device), length, lengths: points, sampling: recipe.sampling!, features: evaluation.features, compared: evaluation.compared,
        samples: figuresOf(evaluation.samples), ...(evaluation.heldOut === undefined ? {} : { heldOut: figuresOf(evaluation.heldOut) }),
        ...(evaluation.loss === undefined ? {} : { lossRatio: evaluation.loss.ratio }), bytes: 0,
      };
      const { lengths: _lengths, bytes: _bytes, ...facts } = result;
      const encoded = await modelFileOf({ ...file, facts: { recipe: JSON.parse(JSON.stringify(facts)) } }, { half: true });
      makeFolder(places.models);
      await replaceFile(join(places.models, `${name}.safetensors`), encoded, encoded.byteLength);
      return { ...result, bytes: encoded.byteLength };
    });
  } finally {
    await device.dispose();
  }
}

/** A recipe for images of one's own: what a step takes, on images of noise. */
async function timed(recipe: Recipe): Promise<RecipeResult> {
  const { name } = recipe, made = join(work, `${name}.made`);
  makeFolder(made);
  return once(join(made, "result.json"), async () => {
    const config = configFor(recipe, { data: work }), { batch, accumulate, steps } = config;
    const { sample } = networkOf(networkSpec(config.model)).spec;
    const shape = toy ? [8, 8, 3] : sample.map((side) => side!);
    const count = toy ? 2 : TIMED_IMAGES;
    const dataset = arrayDataset({ shape, values: new Random(1).uniform(4 * sizeOf(shape)).map((u) => 2 * u - 1) });
    const device = await deviceOpener(true)(config.device);
    try {
      const model = toy ? { sample_size: 8, in_channels: 3, out_channels: 3, block_out_channels: [8], down_block_types: ["DownBlock2D"], up_block_types: ["UpBlock2D"], norm_num_groups: 4 } as const : config.model;
      const trainer = new Trainer({ ...config, model, batch: count, accumulate: 1 }, device, dataset);
      const seconds: number[] = [];
      for (let i = 0; i <= TIMED_STEPS; i++) seconds.push(count / (await trainer.trainStep()).imagesPerSecond);
      const perImage = seconds.slice(1).reduce((a, b) => a + b) / TIMED_STEPS / count;       // the first compiles
      return {
        name, network: networkText(config), parameters: parameterCount(trainer.network), steps, batch: batch * accumulate, ...machine(device),
        secondsPerImage: perImage, timedImages: count, sampling: recipe.sampling!, lengths: [],
      };
    } finally {
      await device.dispose();
    }
  });
}

function networkText({ model }: TrainConfig): string {
  const { kind, config } = networkSpec(model);
  const { sample } = networkOf({ kind, config }).spec;
  const widths = kind === "unet" ? String(config["block_out_channels"]) : `dim ${String(config["dim"])}, ${String(config["dim_mults"])}`;
  return `${kind === "unet" ? "U-Net" : kind} of ${widths} at ${sample.join("x")}`;
}

function machine(device: Device): Pick<RecipeResult, "processor" | "node" | "device"> {
  return { processor: cpus()[0]?.model.trim() ?? "unknown", node: process.version, device: device.description };
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await replaceFile(path, [bytes], bytes.length);
}

const names = asked.only?.split(",") ?? recipes.filter(({ name, ownData, config }) => name !== "lucidrains" && (ownData === true || config.data !== undefined)).map(({ name }) => name);
makeFolder(work);
const file = join(places.page, "recipes.json");
const results: RecipeResults = existsSync(file) ? readChecked(file, "results of recipes", resultsSchema) : {};
for (const name of names) {
  const recipe = recipes.find((one) => one.name === name);
  if (recipe === undefined) throw new ConfigError(`there is no recipe ${name}`, [`allowed  ${recipes.map((one) => one.name).join(", ")}`]);
  results[name] = recipe.ownData === true ? await timed(recipe) : await trained(recipe);
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
  const chart = lengthChart(results[name]);
  if (chart !== undefined) writeFileSync(join(places.images, `recipe-${name}-lengths.svg`), chart);
  writeFileSync(join(places.page, "recipes.md"), recipesPage(results));
  console.error(`${name} is done`);
}
