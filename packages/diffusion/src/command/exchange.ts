/** `export` and `import`: folders as diffusers reads and writes them. */
import { join } from "node:path";
import { ConfigError, sizeOf } from "@fromnoise/tensor";
import { stateDict, type StateDict } from "@fromnoise/nn";
import { optional } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { text } from "@fromnoise/nn/kinds";
import { readDiffusersFolder, writeDiffusersFolder } from "../models/node/diffusers.js";
import { loadCheckpoint, loadGroup, writeCheckpoint } from "../models/checkpoint.js";
import { trainConfig, trainDefaults } from "../train/config.js";
import { dtypeOf, emptyUNet } from "../models/load-model.js";
import { modelAt } from "../models/node/model-path.js";
import { checkpointSteps, RunDirectory } from "../train/node/run-directory.js";
import { startPosition } from "../train/trainer.js";
import { usageLines, withDevice, type Arguments, type Command } from "./command.js";
import { weightsField } from "./sample.js";

const exportFields = {
  out: optional(text, "folder for config.json, diffusion_pytorch_model.safetensors, scheduler_config.json", { value: "DIR" }),
  weights: weightsField,
};

export const exportCommand: Command = {
  name: "export",
  summary: "write a model as a folder that diffusers loads",
  usage: "fromnoise export RUN|CHECKPOINT --out DIR",
  operands: ["<model>"],
  flags: flagsOf(exportFields),
  notes: "Files of these names in --out are replaced.",
  run: runExport,
};

const importFields = {
  out: optional(
    text, "folder of the run: config.json, and checkpoint-0.safetensors with fresh optimiser moments", { value: "DIR" },
  ),
};

export const importCommand: Command = {
  name: "import",
  summary: "make a run from a folder that diffusers wrote",
  usage: "fromnoise import DIFFUSERS-FOLDER --out DIR",
  operands: ["<folder>"],
  flags: flagsOf(importFields),
  notes: [
    "`sample` and `inspect` read such a folder without this; import it to train it on:",
    "  fromnoise train --out DIR --resume --data NAME --steps N",
  ].join("\n"),
  run: runImport,
};

/** The folder that a command cannot do without. Throws ConfigError when it is missing. */
function needed(out: string | undefined, command: Command): string {
  if (out === undefined) throw new ConfigError("--out is missing", usageLines(command));
  return out;
}

async function runExport({ operands: [path], flags }: Arguments): Promise<number> {
  const { weights, ...given } = optionsOf(exportFields, flags);
  const out = needed(given.out, exportCommand);
  if (checkpointSteps(out).length > 0) {
    throw new ConfigError(`${out} holds a run, whose config.json would be lost`, ["--out DIR  names another folder"]);
  }
  const checkpoint = await loadCheckpoint(modelAt(path, ["checkpoint"]).path, (name) => name.startsWith(`${weights}.`));
  const { config, trainer: { dtype, schedule, prediction, sampling } } = checkpoint.info;
  await withDevice("reference", async (device) => {
    const unet = emptyUNet(config, device, dtype);
    loadGroup(checkpoint, `${weights}.`, unet);
    await writeDiffusersFolder(out, { config: unet.config, tensors: await stateDict(unet), schedule, prediction, sampling });
  });
  console.log(`wrote ${out}: config.json, diffusion_pytorch_model.safetensors, scheduler_config.json`);
  return 0;
}

async function runImport({ operands: [path], flags }: Arguments): Promise<number> {
  const out = needed(optionsOf(importFields, flags).out, importCommand);
  const { path: folder } = modelAt(path, ["diffusers"]);
  const { config: model, tensors, ...scheduler } = await readDiffusersFolder(folder);
  const trainer = trainConfig({ ...trainDefaults, ...scheduler, model, dtype: dtypeOf(tensors) });
  const { config, weights } = await withDevice("reference", async (device) => {
    const unet = emptyUNet(model, device, trainer.dtype);
    loadGroup({ path: folder, tensors }, "", unet);                                     // the difference, key by key
    return { config: unet.config, weights: await stateDict(unet) };
  });
  const zeros: StateDict = new Map(
    [...weights].map(([name, { shape }]) => [name, { shape, data: new Float64Array(sizeOf(shape)) }]),
  );
  const directory = new RunDirectory(out, { resume: false });
  const groups = { "model.": weights, "ema.": weights, "adam.m.": zeros, "adam.v.": zeros };
  await writeCheckpoint(directory.checkpointPath(0), { config, trainer, position: startPosition(trainer.seed) }, groups);
  await directory.write("config.json", `${JSON.stringify(trainer, null, 2)}\n`);
  console.log(`wrote ${join(out, "checkpoint-0.safetensors")}`);
  console.log(`sample with: fromnoise sample ${out}`);
  return 0;
}
