/** `export` and `import`: folders as diffusers reads and writes them. */
import { join } from "node:path";
import { ConfigError, sizeOf } from "@fromnoise/tensor";
import { networkOf, replaceFile, type StateDict } from "@fromnoise/nn";
import { optional } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { oneOf, text } from "@fromnoise/nn/kinds";
import { checkpointFormat, modelFileOf } from "../models/formats/checkpoint-format.js";
import { checkTensors, writeCheckpoint } from "../models/formats/checkpoint.js";
import { diffusersFormat } from "../models/formats/diffusers.js";
import { torchFileOf } from "../models/formats/torch-export.js";
import { torchFormat } from "../models/formats/torch.js";
import { dtypeOf } from "../models/load-model.js";
import type { ModelFile, ModelFormat } from "../models/model-format.js";
import { formatOf } from "../models/model-formats.js";
import { fileSource, folderTarget } from "../models/node/file-source.js";
import { isLearned } from "../process/schedules.js";
import type { Target } from "../models/target.js";
import { trainConfig, trainDefaults } from "../train/config.js";
import { modelFields } from "../train/model-fields.js";
import { checkpointSteps, RunDirectory } from "../train/node/run-directory.js";
import { startPosition } from "../train/trainer.js";
import { usageLines, type Arguments, type Command } from "./command.js";
import { modelPath, recipeField } from "./model-operand.js";
import { askedFor, networkField, variantField, weightsField } from "./sample.js";

const exportFields = {
  recipe: recipeField,
  out: optional(text, "folder for model_index.json, unet and scheduler; a .safetensors for a model alone; a .pt or .pth for PyTorch", { value: "DIR|FILE" }),
  weights: weightsField,
  variant: optional(oneOf(["fp16"]), "weights in half precision, in a folder under the name that diffusers loads with variant=\"fp16\"", { shown: "as they are" }),
};

export const exportCommand: Command = {
  name: "export",
  summary: "write a model as a folder that diffusers loads, a file that torch.load does, or a small file of its own",
  usage: "fromnoise export RUN|CHECKPOINT --out DIR|FILE.pt|FILE.safetensors   or   fromnoise export --recipe NAME --out ...",
  examples: ["fromnoise export runs/digits --out digits-diffusers", "fromnoise export runs/digits --out digits.pt", "fromnoise export --recipe faces --variant fp16 --out faces.safetensors"],
  operands: ["[model]"],
  flags: flagsOf(exportFields),
  notes: "Files of these names in --out are replaced. docs/exchange.md says what diffusers computes otherwise.",
  run: runExport,
};

const importFields = {
  out: optional(
    text, "folder of the run: config.json, and checkpoint-0.safetensors with fresh optimiser moments", { value: "DIR" },
  ),
  weights: weightsField,
  variant: variantField,
  network: networkField,
};

export const importCommand: Command = {
  name: "import",
  summary: "make a run from a folder that diffusers wrote, or a file of PyTorch",
  usage: "fromnoise import DIFFUSERS-FOLDER|FILE.pt --out DIR",
  examples: ["fromnoise import ddpm-cifar10-32 --out runs/cifar", "fromnoise import model-10.pt --out runs/theirs"],
  operands: ["<model>"],
  flags: flagsOf(importFields),
  notes: [
    "`sample` and `inspect` read them without this; import it to train it on:",
    "  fromnoise train --out DIR --resume --data NAME --steps N",
  ].join("\n"),
  run: runImport,
};

/** The folder that a command cannot do without. Throws ConfigError when it is missing. */
function needed(out: string | undefined, command: Command): string {
  if (out === undefined) throw new ConfigError("--out is missing", usageLines(command));
  return out;
}

/** What --out names where it is to be a file of PyTorch, and where it is to be one of ours. */
const TORCH_FILE = /\.(pt|pth)$/, MODEL_FILE = /\.safetensors$/;

async function runExport({ operands: [operand], flags }: Arguments): Promise<number> {
  const { weights, variant, recipe, ...given } = optionsOf(exportFields, flags);
  const path = modelPath(operand, recipe, exportCommand);
  const out = needed(given.out, exportCommand);
  const source = fileSource(path);
  const { read } = await formatOf(source, [checkpointFormat]);
  const model = await read(source, weights === undefined ? {} : { weights });
  checkTensors(model.source, model.tensors, networkOf(model.network));
  if (TORCH_FILE.test(out)) {
    if (variant !== undefined) throw new ConfigError("--variant is for folders of diffusers", [`--out     ${out} is a file for torch.load`]);
    const encoded = torchFileOf(model);
    await replaceFile(out, encoded, encoded.byteLength);
    console.log(`wrote ${out}, for torch.load`);
    return 0;
  }
  if (MODEL_FILE.test(out)) {
    const encoded = await modelFileOf(model, { half: variant !== undefined });
    await replaceFile(out, encoded, encoded.byteLength);
    console.log(`wrote ${out}, ${encoded.byteLength} bytes`);
    return 0;
  }
  if (checkpointSteps(out).length > 0) {
    throw new ConfigError(`${out} holds a run, whose config.json would be lost`, ["--out DIR  names another folder"]);
  }
  const written = await writeFolder(out, model, variant);
  console.log(`wrote ${out}: ${written.join(", ")}`);
  return 0;
}

/** Writes a folder of diffusers and gives what stands in it: files, and folders of files. */
async function writeFolder(out: string, model: Omit<ModelFile, "source">, variant: "fp16" | undefined): Promise<string[]> {
  const folder = folderTarget(out);
  const written = new Set<string>();
  const to: Target = {
    name: out,
    write: (file, ...contents) => {
      written.add(file.split("/")[0]);
      return folder.write(file, ...contents);
    },
  };
  await diffusersFormat.write(model, to, variant === undefined ? {} : { variant });
  return [...written];
}

async function runImport({ operands: [path], flags }: Arguments): Promise<number> {
  const given = optionsOf(importFields, flags);
  const out = needed(given.out, importCommand);
  const source = fileSource(path);
  const { read } = await formatOf<ModelFormat>(source, [diffusersFormat, torchFormat]);
  const asked = askedFor(given);
  const { tensors, source: line, held = [], trained = {}, ...model } = await read(source, asked);
  const { network, process: schedule, prediction, variance, clipX0 } = model;
  checkTensors(line, tensors, networkOf(network));
  const both = given.weights === undefined && held.includes("ema") && held.includes("model");
  const { tensors: raw } = both ? await read(source, { ...asked, weights: "model" }) : { tensors };
  checkTensors(line, raw, networkOf(network));
  const training = trainConfig({
    ...trainDefaults, ...trained, model: modelFields(network), schedule, prediction, sampling: { variance, clipX0 },
    loss: isLearned(variance) ? "hybrid" : "mse", dtype: dtypeOf(tensors),
  });
  const zeros: StateDict = new Map(
    [...tensors].map(([name, { shape }]) => [name, { shape, data: new Float64Array(sizeOf(shape)) }]),
  );
  const directory = await RunDirectory.open(out, { resume: false });
  const groups = { "model.": raw, "ema.": tensors, "adam.m.": zeros, "adam.v.": zeros };
  try {
    await directory.write("config.json", `${JSON.stringify(training, null, 2)}\n`);
    await writeCheckpoint(directory.checkpointPath(0), { model, training, position: startPosition(training.seed) }, groups);
  } finally {
    await directory.close();
  }
  console.log(`wrote ${join(out, "checkpoint-0.safetensors")}`);
  console.log(`sample with: fromnoise sample ${out}`);
  return 0;
}
