import { basename, dirname } from "node:path";
import { ConfigError, type Device } from "@fromnoise/tensor";
import { disposeParameters, parameterCount, side } from "@fromnoise/nn";
import { flag, integer, number, oneOf, text } from "@fromnoise/nn/kinds";
import { deviceField } from "../config/device.js";
import { field, optional, type OptionsOf } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { builtinNames, openDataset } from "../data/node/index.js";
import { builtinSheets } from "../data/builtin.js";
import { holdOutKind, splitDataset } from "../data/split.js";
import { encodeFeatures, parseFeatures, type Features } from "../evaluate/features/feature-file.js";
import { taskFor } from "../evaluate/features/tasks.js";
import { testFeatures, trainFeatures } from "../evaluate/features/train-features.js";
import { saveFeatures } from "../evaluate/node/open-features.js";
import { makeFolder } from "../models/node/files.js";
import { trainDefaults } from "../train/config.js";
import { revectorizeField, withDevice, type Arguments, type Command } from "./command.js";
import { openProgress } from "./progress.js";
import { printTable } from "./text-table.js";

const featuresFields = {
  out: optional(text, "the file to write", { value: "FILE", shown: "NAME-features.safetensors" }),
  size: optional(side, "side of the images", { shown: "the data's own; of a folder 32" }),
  channels: optional(oneOf([1, 3]), "1 gray, 3 RGB", { shown: "the data's own; of a folder 3" }),
  steps: field(integer({ from: 1, to: 1_000_000 }), 3000, "steps of training"),
  batch: field(integer({ from: 1, to: 65536 }), 64, "images in a step"),
  lr: field(number({ above: 0 }), 0.002, "highest learning rate"),
  holdOut: field(holdOutKind, 10, "1 image in so many tests what was learned and is not trained on"),
  seed: field(integer(), 0, "seed of weights, order and questions"),
  json: field(flag, false, "print {out, name, training, heldOut} as JSON"),
  device: deviceField(trainDefaults.device),
  revectorize: revectorizeField,
};
type Options = OptionsOf<typeof featuresFields>;

/** Times every held-out image is asked about, where questions are drawn. */
const ROUNDS = 4;

export const features: Command = {
  name: "features",
  summary: "train a feature network on images, for `evaluate` to see by",
  usage: "fromnoise features DATA [flags]",
  examples: [
    "fromnoise features photos --size 32 --out photos-features.safetensors",
  ],
  operands: ["<data>"],
  flags: flagsOf(featuresFields),
  notes: [
    "Of images with labels it learns the classes, of others to say how they were mirrored, shifted and turned in hue. Those of the three",
    "sheets come with the package; npm run features trains them again.",
  ].join("\n"),
  run: runFeatures,
};

async function runFeatures({ operands: [name], flags }: Arguments): Promise<number> {
  const options = optionsOf(featuresFields, flags);
  return withDevice(options.device, options.revectorize, async (device) => {
    const out = options.out ?? `${basename(name).replace(/[^\w.-]/g, "-")}-features.safetensors`;
    const made = await train(name, device, options);
    makeFolder(dirname(out));
    await saveFeatures(out, made);
    const { training, heldOut } = made;
    if (options.json) console.log(JSON.stringify({ out, name: made.name, training, heldOut }, null, 2));
    else {
      printTable(["held out", "right", "by chance", "loss"], Object.entries(heldOut).map(([head, { right, loss }]) => (
        [head, right.toFixed(4), (1 / made.network.config.heads[head]).toFixed(4), loss.toFixed(4)])));
      console.log(`wrote ${parameterCount(made.network)} weights to ${out}`);
    }
    return 0;
  });
}

/** Trains, and tests what the file is going to hold: weights in half precision. */
async function train(spec: string, device: Device, { size, channels, steps, batch, lr, holdOut, seed }: Options): Promise<Features> {
  const dataset = openDataset(spec, { ...sizeOf(spec, size), ...(channels === undefined ? {} : { channels }) });
  const { training: data, heldOut } = splitDataset(dataset, holdOut);
  if (heldOut === undefined) throw new ConfigError("nothing is held out to test by", ["hint     --hold-out 10, and at least as many images"]);
  console.error(`data     ${data.describe()}`);
  console.error(`device   ${device.description}`);
  const task = taskFor(dataset);
  const progress = openProgress("step", steps);
  const network = await trainFeatures({
    data, device, steps, batch, lr, seed, task, network: { bordered: borderOf(spec, dataset.shape[0]) },
    onStep: (step, loss) => progress.update(step, { loss: loss.toFixed(4) }),
  }).finally(() => progress.stop());
  const training = { data: spec, task: task.name, holdOut, steps, batch, lr, seed };
  const rounded = await rounding({ network, name: builtinNames.find((name) => name === spec) ?? basename(spec), training, heldOut: {} }, device);
  return { ...rounded, heldOut: await testFeatures(rounded.network, heldOut, { task, seed, rounds: task.name === "class" ? 1 : ROUNDS }) };
}

/** The features as a file gives them back. */
async function rounding(given: Features, device: Device): Promise<Features> {
  const parts = [...await encodeFeatures(given)];
  disposeParameters(given.network);
  return parseFeatures(Buffer.concat(parts), device);
}

/** The size to open the data at: what is asked for, else its own, which a folder has not. */
function sizeOf(spec: string, size: number | undefined): { size?: number } {
  if (size !== undefined) return { size };
  return builtinNames.some((name) => name === spec) || /:\d+$/.test(spec) ? {} : { size: 32 };
}

/** Of the built-in digits at their own size, the side to which they are padded elsewhere. */
function borderOf(spec: string, side: number): number {
  const sheet = Object.entries(builtinSheets).find(([name]) => name === spec)?.[1];
  return sheet !== undefined && "padTo" in sheet && sheet.tile === side ? sheet.padTo : 0;
}
