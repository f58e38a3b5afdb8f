import { ConfigError, sizeOf } from "@fromnoise/tensor";
import { describe, layerCosts, networkOf, parameterCount, type LayerCost } from "@fromnoise/nn";
import { flag, integer } from "@fromnoise/nn/kinds";
import { field, optional } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { configFile } from "../models/formats/config-file.js";
import { formatOf, modelFormats } from "../models/model-formats.js";
import { fileSource } from "../models/node/file-source.js";
import { kernelEntries, kernelTable } from "./kernel-table.js";
import { askedFor, networkField } from "./sample.js";
import { usageLines, type Arguments, type Command } from "./command.js";

const inspectFields = {
  size: optional(integer({ from: 1 }), "side of the images for the costs", { shown: "the model's own, or 32" }),
  batch: field(integer({ from: 1 }), 1, "images for the costs"),
  json: field(flag, false, "print {source, config, parameters, layers, total}, or the list of kernels, as JSON"),
  network: networkField,
  kernels: field(flag, false, "no model: the kernels that devices compute, with operands, scalars and equations"),
};

export const inspect: Command = {
  name: "inspect",
  summary: "show a model: config, parameters, multiply-adds and bytes per layer; or the list of kernels",
  usage: "fromnoise inspect RUN|CHECKPOINT|DIFFUSERS-FOLDER|FILE.pt|CONFIG.json [flags], fromnoise inspect --kernels",
  operands: ["[model]"],
  flags: flagsOf(inspectFields),
  notes: [
    "MACs are the multiply-adds of convolutions, linear layers and attention in one forward pass; bytes are what the layer's",
    "kernels write in f32. Nothing is computed, so a large model costs no more than a small one.",
  ].join("\n"),
  run: runInspect,
};

/** A row of the table, and an entry of `layers` in the JSON. */
type Cost = Omit<LayerCost, "output">;

async function runInspect({ operands: [path], flags }: Arguments): Promise<number> {
  const { kernels, json, batch, size: wanted, network: said } = optionsOf(inspectFields, flags);
  if (kernels) return showKernels(path, json);
  if (path === undefined) throw new ConfigError("an argument is missing", usageLines(inspect));
  const files = fileSource(path);
  const { network: spec, facts: source } = await (await formatOf(files, [...modelFormats, configFile])).describe(files, askedFor({ network: said }));
  const network = networkOf(spec);
  const { sample, config } = network.spec;
  const channels = sample.at(-1)!;
  const size = sample.slice(0, -1).map((side) => wanted ?? side ?? 32);
  const layers = layerCosts(network, { sample: [...size, channels], batch })
    .map(({ output: _, ...cost }) => ({ ...cost, layer: cost.layer === "" ? "(between layers)" : cost.layer }));
  const sum = (pick: (layer: Cost) => number): number => layers.reduce((total, layer) => total + pick(layer), 0);
  const total = {
    parameters: parameterCount(network), kernels: sum((l) => l.kernels), macs: sum((l) => l.macs), bytes: sum((l) => l.bytes),
  };
  const weightMacs = sum((l) => (l.parameters > 0 ? l.macs : 0));
  const parameters = describe(network);
  if (json) {
    console.log(
      JSON.stringify({ source, config, parameters, batch, size, layers, total: { ...total, weightMacs } }, null, 2),
    );
    return 0;
  }
  const what = size.length === 0 ? `point${batch === 1 ? "" : "s"} of ${channels}` : `image${batch === 1 ? "" : "s"} of ${size.join("x")}`;
  fields("source", source);
  fields("config", config);
  console.log(`parameters: ${grouped(total.parameters)} in ${parameters.length} tensors`);
  table(
    ["name", "shape", "values"], parameters.map(({ name, shape }) => [name, `[${shape.join(", ")}]`, grouped(sizeOf(shape))]),
  );
  console.log(`\none forward pass of ${batch} ${what}`);
  const row = ({ layer, parameters: count, kernels, macs, bytes }: Cost): string[] =>
    [layer, grouped(count), String(kernels), (macs / 1e6).toFixed(3), (bytes / 1024).toFixed(1)];
  table(["layer", "parameters", "kernels", "MMAC", "KiB"], [...layers, { layer: "total", ...total }].map(row));
  const [withWeights, others] = [weightMacs, total.macs - weightMacs].map((macs) => grouped(Math.round(macs / 1e6)));
  console.log(`\n${withWeights} MMAC with weights (convolutions, linear layers), ${others} among activations (attention)`);
  return 0;
}

function showKernels(path: string | undefined, json: boolean): number {
  if (path !== undefined) throw new ConfigError(`unexpected argument "${path}"`, usageLines(inspect));
  console.log(json ? JSON.stringify(kernelEntries(), null, 2) : kernelTable());
  return 0;
}

function fields(title: string, values: object): void {
  const entries = Object.entries(values);
  const width = Math.max(...entries.map(([name]) => (name === "trainer" ? 0 : name.length)));
  console.log(title);
  for (const [name, value] of entries) {
    if (name === "trainer") fields("\ntraining", value as object);
    else console.log(`  ${name.padEnd(width)}  ${typeof value === "string" ? value : JSON.stringify(value)}`);
  }
  if (!("trainer" in values)) console.log("");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ");
  console.log(`  ${line(head)}`);
  for (const row of rows) console.log(`  ${line(row)}`);
}

function grouped(n: number): string {
  return n.toLocaleString("en-US");
}
