import { existsSync } from "node:fs";
import { join } from "node:path";
import { openDryDevice, sizeOf, zeros, type Device } from "@fromnoise/tensor";
import { describe, parameterCount, UNet, type UNetOptions } from "@fromnoise/nn";
import { loadCheckpoint } from "../train/checkpoint.js";
import { isDiffusersFolder } from "../train/model.js";
import { findCheckpoint } from "../train/run-directory.js";
import { expectPositionals, type Arguments, type Command } from "./options.js";
import { readJson } from "./train.js";

export const inspect: Command = {
  name: "inspect",
  summary: "show a model: config, parameters, multiply-adds and bytes per layer",
  usage: "fromnoise inspect RUN|CHECKPOINT|DIFFUSERS-FOLDER|CONFIG.json [flags]",
  flags: [
    { name: "size", kind: "integer", value: "N", help: "side of the images for the costs", default: "the model's own" },
    { name: "batch", kind: "integer", value: "N", help: "images for the costs", default: "1" },
    { name: "json", kind: "boolean", help: "print {config, position, parameters, layers} as JSON" },
  ],
  run: runInspect,
};

/** What one layer costs in a forward pass. */
interface LayerCost { layer: string; kernels: number; macs: number; bytes: number }

async function runInspect(args: Arguments): Promise<number> {
  expectPositionals(inspect, args, 1, 1);
  const path = args.positionals[0];
  const { config, facts } = await readConfig(path);
  const unet = new UNet(config);
  const side = (args.flags["size"] as number | undefined) ?? unet.config.sample_size ?? 32;
  const size: readonly [number, number] = typeof side === "number" ? [side, side] : side;
  const layers = layerCosts(unet, (args.flags["batch"] as number | undefined) ?? 1, size);
  const parameters = describe(unet);
  if (args.flags["json"] === true) {
    console.log(JSON.stringify({ config: unet.config, ...facts, parameters, layers }, null, 2));
    return 0;
  }
  const weights = new Map<string, number>();
  for (const p of unet.parameters) weights.set(layerOf(p.name), (weights.get(layerOf(p.name)) ?? 0) + sizeOf(p.shape));
  console.log(path);
  for (const [name, value] of Object.entries(facts)) console.log(`  ${name.padEnd(12)} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
  console.log("\nconfig");
  for (const [name, value] of Object.entries(unet.config)) console.log(`  ${name.padEnd(24)} ${JSON.stringify(value)}`);
  console.log(`\nparameters: ${parameterCount(unet).toLocaleString("en-US")} in ${parameters.length} tensors`);
  table(["name", "shape", "values"], parameters.map(({ name, shape }) => [name, `[${shape.join(", ")}]`, sizeOf(shape).toLocaleString("en-US")]));
  console.log(`\none forward pass at ${size.join("x")}: multiply-adds, and bytes written by the layer's kernels (f32)`);
  table(["layer", "parameters", "kernels", "MMAC", "KiB"], layers.map(({ layer, kernels, macs, bytes }) => [
    layer, (weights.get(layer) ?? 0).toLocaleString("en-US"), String(kernels), (macs / 1e6).toFixed(3), (bytes / 1024).toFixed(1),
  ]));
  const total = layers.reduce((sum, { macs, bytes }) => ({ macs: sum.macs + macs, bytes: sum.bytes + bytes }), { macs: 0, bytes: 0 });
  console.log(`\ntotal ${(total.macs / 1e6).toFixed(1)} MMAC, ${(total.bytes / 1048576).toFixed(2)} MiB`);
  return 0;
}

async function readConfig(path: string): Promise<{ config: UNetOptions; facts: Record<string, unknown> }> {
  if (path.endsWith(".json")) return { config: readJson("inspect", path), facts: {} };
  if (isDiffusersFolder(path) || existsSync(join(path, "diffusion_pytorch_model.safetensors"))) return { config: readJson("inspect", join(path, "config.json")), facts: { format: "diffusers" } };
  const file = findCheckpoint(path);
  const { info } = await loadCheckpoint(file, () => false);
  const { model: _model, ...trainer } = info.trainer;
  return { config: info.config, facts: { file, format: info.format, step: info.position.step, ...trainer } };
}

/** Runs the network on the dry device, which computes nothing, and adds up what its kernels would cost, layer by layer. */
export function layerCosts(unet: UNet, batch: number, [h, w]: readonly [number, number]): LayerCost[] {
  const device: Device = openDryDevice();
  const costs = new Map<string, LayerCost>();
  for (const p of unet.parameters) p.tensor = zeros(p.shape, { device });
  const x = zeros([batch, h, w, unet.config.in_channels], { device });
  const labels = unet.config.num_class_embeds === null ? undefined : new Array<number>(batch).fill(0);
  device.onKernel = ({ layer, flops, output }) => {
    const name = layer === "" ? "(between layers)" : layer;
    const cost = costs.get(name) ?? { layer: name, kernels: 0, macs: 0, bytes: 0 };
    cost.kernels++;
    cost.macs += flops / 2;
    cost.bytes += 4 * sizeOf(output);
    costs.set(name, cost);
  };
  device.scope(() => unet.apply(x, new Array<number>(batch).fill(0), labels));
  return [...costs.values()];
}

/** "mid_block.resnets.0.conv1.weight" belongs to "mid_block.resnets.0.conv1". */
function layerOf(parameter: string): string {
  return parameter.slice(0, parameter.lastIndexOf("."));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]): string => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ");
  console.log(`  ${line(head)}`);
  for (const row of rows) console.log(`  ${line(row)}`);
}
