/** `export` and `import`: folders as diffusers reads and writes them. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { ConfigError, openDeviceSpec } from "@fromnoise/tensor";
import { initialize, stateDict, UNet } from "@fromnoise/nn";
import { readDiffusersFolder, writeDiffusersFolder } from "../exchange/diffusers.js";
import { loadCheckpoint, loadGroup, saveCheckpoint } from "../train/checkpoint.js";
import { trainConfig, trainDefaults } from "../train/config.js";
import { findCheckpoint } from "../train/run-directory.js";
import { Trainer } from "../train/trainer.js";
import { expectPositionals, type Arguments, type Command } from "./options.js";

export const exportCommand: Command = {
  name: "export",
  summary: "write a model as a folder that diffusers loads",
  usage: "fromnoise export RUN|CHECKPOINT --out DIR",
  flags: [
    { name: "out", kind: "text", value: "DIR", help: "folder for config.json, diffusion_pytorch_model.safetensors, scheduler_config.json" },
    { name: "weights", kind: "text", value: "NAME", help: "ema, model", default: "ema" },
  ],
  run: runExport,
};

export const importCommand: Command = {
  name: "import",
  summary: "read a folder that diffusers wrote into a checkpoint",
  usage: "fromnoise import DIFFUSERS-FOLDER --out FILE.safetensors",
  flags: [{ name: "out", kind: "text", value: "FILE", help: "the checkpoint to write" }],
  notes: "`sample` and `inspect` also read such a folder directly. The checkpoint starts at step 0 with fresh optimiser moments.",
  run: runImport,
};

async function runExport(args: Arguments): Promise<number> {
  expectPositionals(exportCommand, args, 1, 1);
  const out = required(args, "out");
  const weights = args.flags["weights"] ?? "ema";
  if (weights !== "ema" && weights !== "model") throw new ConfigError(`--weights: "${String(weights)}" is not allowed`, ["allowed  ema, model"]);
  const checkpoint = await loadCheckpoint(findCheckpoint(args.positionals[0]), (name) => name.startsWith(`${weights}.`));
  const { config, trainer } = checkpoint.info;
  const device = await openDeviceSpec("reference");
  const unet = initialize(new UNet(config), { device, dtype: trainer.dtype, seed: 0 });
  loadGroup(checkpoint, `${weights}.`, unet);
  await writeDiffusersFolder(out, {
    config: unet.config, tensors: await stateDict(unet), schedule: trainer.schedule, objective: trainer.objective, variance: "fixed-small", clip: true,
  });
  console.log(`wrote ${out}: config.json, diffusion_pytorch_model.safetensors, scheduler_config.json`);
  return 0;
}

async function runImport(args: Arguments): Promise<number> {
  expectPositionals(importCommand, args, 1, 1);
  const out = required(args, "out");
  const folder = args.positionals[0];
  const { config, tensors, schedule, objective } = await readDiffusersFolder(folder);
  const device = await openDeviceSpec("reference");
  const trainer = new Trainer(trainConfig({ ...trainDefaults, model: config, schedule, objective }), device, unknownImages(config.in_channels));
  loadGroup({ path: folder, tensors }, "", trainer.unet);
  loadGroup({ path: folder, tensors }, "", trainer.unet, trainer.ema.shadow);
  mkdirSync(dirname(out), { recursive: true });
  await saveCheckpoint(out, trainer);
  console.log(`wrote ${out}`);
  return 0;
}

/** Stands for the images the network was trained on, of which a diffusers folder says nothing. */
function unknownImages(channels: number): ConstructorParameters<typeof Trainer>[2] {
  return {
    name: "unknown", count: 1, size: 1, channels: channels === 1 ? 1 : 3, describe: () => "unknown images",
    image: () => {
      throw new ConfigError("an imported checkpoint names no images");
    },
  };
}

function required(args: Arguments, name: string): string {
  const value = args.flags[name] as string | undefined;
  if (value === undefined) throw new ConfigError(`--${name} is needed`);
  return value;
}
