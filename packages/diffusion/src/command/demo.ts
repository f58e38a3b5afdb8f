import { Random } from "@fromnoise/tensor";
import { trainConfig } from "../train/config.js";
import { checkpointSteps, runIn } from "../train/run-directory.js";
import { streams } from "../train/trainer.js";
import { demoConfig } from "./demo-config.js";
import { deviceFlag, expectPositionals, type Arguments, type Command } from "./options.js";
import { formatSeconds } from "./progress.js";
import { sampleShowing, writeSamples } from "./sample.js";
import { trainShowing } from "./train.js";

export const demo: Command = {
  name: "demo",
  summary: "train a small U-Net on digits and draw 64 new ones",
  usage: "fromnoise demo [flags]",
  flags: [
    {
      name: "out", kind: "text", value: "DIR", help: "a new folder for it",
      default: "demo-run, or the first free one of demo-run-2, demo-run-3, ...",
    },
    { name: "steps", kind: "integer", min: 1, value: "N", help: "optimiser steps", default: String(demoConfig.steps) },
    deviceFlag(demoConfig.device),
    { name: "seed", kind: "integer", min: 0, value: "N", help: "seed of all random numbers", default: String(demoConfig.seed) },
  ],
  run: runDemo,
};

const IMAGES = 64;
const SAMPLER_STEPS = 100;

async function runDemo(args: Arguments): Promise<number> {
  expectPositionals(demo, args, 0, 0);
  const began = performance.now();
  const { out = freeFolder("demo-run"), ...changes } = args.flags as {
    out?: string; steps?: number; device?: string; seed?: number,
  };
  const config = trainConfig({ ...demoConfig, ...changes });
  const { trainer: { ema: { network: unet }, schedule, device, dataset } } = await trainShowing({ start: { config }, out });
  try {
    const result = await sampleShowing({
      unet, device, schedule, prediction: config.prediction, count: IMAGES, size: [dataset.size, dataset.size], dtype: config.dtype,
      random: new Random(config.seed, streams.sample),
      sampler: { name: "ddim", steps: SAMPLER_STEPS, eta: 1, spacing: "trailing" },
      classLabels: Array.from({ length: IMAGES }, (_, i) => i % unet.config.num_class_embeds!),
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
    "  loss.png       the training loss",
    `  checkpoint-${checkpointSteps(out).at(-1)!}.safetensors`,
    `more of them: fromnoise sample ${out}`,
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
