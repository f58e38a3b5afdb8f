import { optional } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { text } from "@fromnoise/nn/kinds";
import { trainConfig, trainFields } from "../train/config.js";
import { demoConfig } from "../train/demo-config.js";
import { digitsGuided } from "../train/recipes.js";
import { checkpointSteps, runIn } from "../train/node/run-directory.js";
import { deviceOpener, revectorizeField, type Arguments, type Command } from "./command.js";
import { withoutReaders } from "./output.js";
import { formatSeconds } from "./progress.js";
import { sampleShowing, writeSamples } from "./sample.js";
import { samplingIn } from "./sampling-flags.js";
import { trainShowing } from "./train.js";

const defaults = demoConfig(process.version);
const demoFields = {
  out: optional(
    text, "a new folder for it", { value: "DIR", shown: "demo-run, or the first free one of demo-run-2, demo-run-3, ..." },
  ),
  steps: { ...trainFields.steps, default: defaults.steps },
  device: { ...trainFields.device, default: defaults.device },
  revectorize: revectorizeField,
  seed: { ...trainFields.seed, default: defaults.seed },
};

export const demo: Command = {
  name: "demo",
  summary: "train a small U-Net on digits and draw 64 new ones",
  usage: "fromnoise demo [flags]",
  examples: [
    "fromnoise demo",
    "fromnoise demo --seed 3 --out demo-3",
  ],
  operands: [],
  flags: flagsOf(demoFields),
  run: runDemo,
};

const IMAGES = 64;

async function runDemo({ flags }: Arguments): Promise<number> {
  const began = performance.now();
  const { out = freeFolder("demo-run"), revectorize, ...changes } = optionsOf(demoFields, flags);
  const config = trainConfig({ ...defaults, ...changes });
  const { trainer: { model, device } } = await withoutReaders(() => trainShowing({ start: { config }, out, openDevice: deviceOpener(revectorize) }));
  try {
    const result = await sampleShowing({
      model, device, count: IMAGES, seed: config.seed, ...samplingIn(new Map(), digitsGuided.name),
    });
    await writeSamples(out, result);
  } finally {
    await device.dispose();
  }
  console.log([
    `done in ${formatSeconds((performance.now() - began) / 1000)}; in the folder ${out}:`,
    `  samples.png    ${IMAGES} new digits, 0 to 9 in turn`,
    "  denoising.png  from noise to digit: x_t at ten moments",
    "  x0.png         the network's guess of the digit at the same moments",
    "  loss.svg       the training loss",
    `  checkpoint-${checkpointSteps(out).at(-1)!}.safetensors`,
    `more of them: fromnoise sample ${out} --guidance ${String(digitsGuided.sampling!.guidance)}`,
  ].join("\n"));
  return 0;
}

/** The name, or name-2, name-3, ... where a run is in the way. */
function freeFolder(name: string): string {
  for (let n = 1; ; n++) {
    const folder = n === 1 ? name : `${name}-${n}`;
    if (runIn(folder) === undefined) return folder;
  }
}
