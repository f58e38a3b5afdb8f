import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "@fromnoise/tensor";
import { sampleImages } from "../sampling.js";
import { trainConfig } from "../train/config.js";
import { trainRun } from "../train/run.js";
import { checkpointSteps, RunDirectory } from "../train/run-directory.js";
import { streams } from "../train/trainer.js";
import { expectPositionals, type Arguments, type Command } from "./options.js";
import { formatSeconds, openProgress } from "./progress.js";
import { writeSamples } from "./sample.js";
import { demoConfig } from "./demo-config.js";

export const demo: Command = {
  name: "demo",
  summary: "train a small U-Net on digits and draw 64 new ones",
  usage: "fromnoise demo [flags]",
  flags: [
    { name: "out", kind: "text", value: "DIR", help: "folder of the demo; an earlier demo in it is replaced", default: "demo-run" },
    { name: "steps", kind: "integer", value: "N", help: "optimiser steps", default: String(demoConfig.steps) },
    { name: "device", kind: "text", value: "NAME", help: "where to compute", default: demoConfig.device },
    { name: "seed", kind: "integer", value: "N", help: "seed of all random numbers", default: "0" },
  ],
  run: runDemo,
};

const IMAGES = 64;
const SAMPLER_STEPS = 50;

async function runDemo(args: Arguments): Promise<number> {
  expectPositionals(demo, args, 0, 0);
  const { flags } = args;
  const out = (flags["out"] as string | undefined) ?? "demo-run";
  const steps = (flags["steps"] as number | undefined) ?? demoConfig.steps;
  const seed = (flags["seed"] as number | undefined) ?? demoConfig.seed;
  const config = trainConfig({ ...demoConfig, steps, seed, device: (flags["device"] as string | undefined) ?? demoConfig.device });
  const began = performance.now();
  clearDemo(out);
  const progress = openProgress("step", config.steps);
  const { trainer } = await trainRun({
    start: { config }, out, onLine: (line) => progress.log(line),
    onStep: ({ step, loss, imagesPerSecond }) => progress.update(step, { loss: loss.toFixed(4), "images/s": imagesPerSecond.toFixed(0) }),
  });
  progress.stop();
  const { unet, ema, schedule, device, dataset } = trainer;
  const sampling = openProgress("reverse step", SAMPLER_STEPS);
  const result = await ema.use(() => sampleImages({
    unet, device, schedule, objective: config.objective, count: IMAGES, size: [dataset.size, dataset.size], dtype: config.dtype,
    random: new Random(config.seed, streams.sample), sampler: { name: "ddim", steps: SAMPLER_STEPS, eta: 1, spacing: "trailing" },
    record: { rows: 8, columns: 10 }, onStep: (done) => sampling.update(done, {}),
  }));
  sampling.stop();
  await writeSamples(out, result);
  await device.dispose();
  const last = checkpointSteps(out).at(-1)!;
  console.log(`done in ${formatSeconds((performance.now() - began) / 1000)}; in the folder ${out}:`);
  console.log("  samples.png    64 new digits");
  console.log("  denoising.png  from noise to digit, x_t at ten moments");
  console.log("  x0.png         the network's guess of the digit at the same moments");
  console.log("  loss.png       the training loss");
  console.log(`  checkpoint-${last}.safetensors`);
  return 0;
}

/** Marks a folder as a demo's, whose files the next demo may replace; a run of `train` has none and is left alone. */
const MARKER = "this-is-a-demo";
const DEMO_FILE = /^(checkpoint-\d+\.safetensors|preview-\d+\.png|(samples|denoising|x0|loss)\.png|loss\.svg|metrics\.jsonl|config\.json)$/;

function clearDemo(out: string): void {
  if (existsSync(join(out, MARKER))) {
    for (const name of readdirSync(out)) if (DEMO_FILE.test(name)) rmSync(join(out, name));
    return;
  }
  new RunDirectory(out, { resume: false });  // throws where the folder cannot be made or holds a run
  writeFileSync(join(out, MARKER), "fromnoise demo replaces the files in this folder\n");
}
