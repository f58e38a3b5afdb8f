import { ConfigError, sizeOf, type Shape } from "@fromnoise/tensor";
import { formatNetwork, side } from "@fromnoise/nn";
import { flag, integer, text } from "@fromnoise/nn/kinds";
import { field, optional, type OptionsOf } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { isSchedule } from "../process/named.js";
import { usageLines, type Arguments, type Command } from "./command.js";
import { networkCosts, printCosts, whatPasses } from "./inspect-costs.js";
import { openInspected, type Inspected } from "./inspected.js";
import { kernelEntries, kernelTable } from "./kernel-table.js";
import { modelPath, recipeField } from "./model-operand.js";
import { askedFor, networkField, variantField, weightsField } from "./sample.js";
import { keyDifferences, largestDifference, printDifferences, type KeyDifference } from "./tensor-difference.js";
import { cutTree, printTree, tensorTree } from "./tensor-tree.js";
import { printValues, valueStatistics, type ValueStatistics } from "./tensor-values.js";
import { grouped, jsonText, shownText } from "./text-table.js";

const inspectFields = {
  recipe: recipeField,
  layers: field(flag, false, "the config, every tensor, and what each layer costs: multiply-adds, bytes, kernels"),
  tree: field(flag, false, "the modules that the tensors' names spell, with the values in each"),
  depth: optional(integer({ from: 1 }), "levels of that tree", { shown: "all" }),
  values: field(flag, false, "of every tensor: least, largest, mean, deviation, norm, share of zeros, how many are not finite"),
  against: optional(text, "key by key what is missing, unexpected or of another shape, and how far values differ", {
    value: "CONFIG.json|OTHER",
  }),
  weights: weightsField,
  variant: variantField,
  size: optional(side, "side of the images for the costs", { shown: "the model's own, or 32" }),
  batch: field(integer({ from: 1, to: 65536 }), 1, "images for the costs"),
  network: networkField,
  json: field(flag, false, "print {source, config, parameters, layers, total}, and what else is asked for, as JSON"),
  kernels: field(flag, false, "no model: the kernels that devices compute, with operands, scalars and equations"),
};
type InspectOptions = OptionsOf<typeof inspectFields>;

export const inspect: Command = {
  name: "inspect",
  summary: "show a model or a file of tensors: what it is, its modules, values and costs; or the list of kernels",
  usage: "fromnoise inspect RUN|CHECKPOINT|DIFFUSERS-FOLDER|FILE.pt|FILE.safetensors|CONFIG.json [flags], fromnoise inspect --kernels",
  examples: [
    "fromnoise inspect runs/digits",
    "fromnoise inspect runs/digits --layers --size 28",
    "fromnoise inspect model.pt --tree --depth 2",
    "fromnoise inspect --kernels",
  ],
  operands: ["[model]"],
  flags: flagsOf(inspectFields),
  notes: [
    "MACs are the multiply-adds of convolutions, linear layers and attention in one forward pass; bytes are what the layer's",
    "kernels write in f32. For them nothing is computed, so a large model costs no more than a small one. Exit code 1 where --against",
    "finds keys or shapes that do not fit; values may differ.",
  ].join("\n"),
  run: runInspect,
};

async function runInspect({ operands: [operand], flags }: Arguments): Promise<number> {
  const options = optionsOf(inspectFields, flags);
  const path = operand === undefined && options.recipe === undefined ? undefined : modelPath(operand, options.recipe, inspect);
  if (options.kernels) return showKernels(path, options.json);
  if (path === undefined) throw new ConfigError("an argument is missing", usageLines(inspect));
  if (options.depth !== undefined && !options.tree) throw new ConfigError("--depth means nothing without --tree");
  const held = await openInspected(path, askedFor(options));
  if (options.values && held.each === undefined) throw new ConfigError(`--values: ${path} holds no tensors`);
  const other = options.against === undefined ? undefined : await openInspected(options.against, askedFor({ weights: options.weights }));
  const tree = options.tree ? cutTree(tensorTree(await held.shapes()), options.depth ?? Infinity) : undefined;
  const values = options.values ? await valuesOf(held) : undefined;
  const against = other === undefined ? undefined : await differences(held, other);
  if (options.json) console.log(jsonText({ ...await facts(held, options), tree, values, against }));
  else {
    await printFacts(path, held, options);
    const parts = [
      tree && ((): void => printTree(tree)), values && ((): void => printValues(values)),
      against && ((): void => printDifferences(against, options.against!)),
    ];
    for (const print of parts) {
      if (print === undefined) continue;
      console.log("");
      print();
    }
  }
  return against?.some(({ problem }) => problem !== undefined) === true ? 1 : 0;
}

/** What the JSON says of a model, or of tensors alone. */
async function facts({ model, metadata, shapes }: Inspected, { batch, size }: InspectOptions): Promise<object> {
  if (model === undefined) return { metadata, tensors: [...await shapes()].map(([name, shape]) => ({ name, shape })) };
  const { built, facts: source, how, step, steps, weights } = model;
  const { parameters, ...costs } = networkCosts(built, { batch, side: size });
  return { source, kind: built.spec.kind, ...how, step, steps, weights, config: built.spec.config, parameters, ...costs };
}

async function printFacts(path: string, { model, metadata, shapes }: Inspected, options: InspectOptions): Promise<void> {
  if (model === undefined) {
    const all = [...await shapes()];
    const total = all.reduce((sum, [, shape]) => sum + sizeOf(shape), 0);
    printFields("tensors", { file: path, holds: `${grouped(total)} values in ${grouped(all.length)} tensors`, ...metadata });
    return;
  }
  const { built, facts: source, how, step, steps, weights } = model;
  const costs = networkCosts(built, { batch: options.batch, side: options.size });
  const { total: { macs, bytes, kernels, parameters: count }, parameters } = costs;
  const { trainer, ...place } = source;
  const [, , ...head] = formatNetwork(built).split("\n")[0].split(", ");
  printFields("model", {
    ...(how === undefined ? place : Object.fromEntries(Object.entries(place).filter(([name]) => !(name in how) && name !== "step"))),
    network: `${built.spec.kind}, ${head.join(", ")}`,
    parameters: `${grouped(count)} in ${parameters.length} tensors`,
    ...(step === undefined ? {} : { step: steps === undefined ? grouped(step) : `${grouped(step)} of ${grouped(steps)}` }),
    ...(how === undefined ? {} : {
      schedule: isSchedule(how.process) ? `${how.process.name}, ${grouped(how.process.timesteps)} steps` : how.process.name, predicts: how.prediction,
      samples: `${how.variance}, guesses of x0 ${how.clipX0 ? "clipped" : "not clipped"}`,
    }),
    ...(weights === undefined ? {} : { weights: weights.join(", ") }),
    "one pass": `${(macs / 1e6).toFixed(1)} MMAC, ${kernels} kernels, ${(bytes / 2 ** 20).toFixed(1)} MiB for ${whatPasses(built, costs)}`,
  });
  if (!options.layers) return;
  console.log("");
  printFields("config", built.spec.config);
  if (trainer !== undefined) {
    console.log("");
    printFields("training", trainer as object);
  }
  console.log("");
  printCosts(built, costs);
}

async function valuesOf({ each }: Inspected): Promise<(ValueStatistics | { name: string; shape: Shape; dtype: string })[]> {
  const rows: (ValueStatistics | { name: string; shape: Shape; dtype: string })[] = [];
  await each!(({ name, shape, data, dtype }) =>
    void rows.push(data === undefined ? { name, shape, dtype } : valueStatistics(name, shape, data)));
  return rows;
}

/** Key by key, and by values where both sides have them: the other side's are held, ours come one after another. */
async function differences(held: Inspected, other: Inspected): Promise<KeyDifference[]> {
  const rows = keyDifferences(await held.shapes(), await other.shapes());
  if (held.each === undefined || other.each === undefined) return rows;
  const fitting = new Map(rows.filter(({ problem }) => problem === undefined).map((row) => [row.name, row]));
  const theirs = new Map<string, Parameters<typeof largestDifference>[0]>();
  await other.each(({ name, data }) => void (data !== undefined && fitting.has(name) && theirs.set(name, data)));
  await held.each(({ name, data }) => {
    const there = theirs.get(name);
    if (data !== undefined && there !== undefined) fitting.get(name)!.difference = largestDifference(data, there);
  });
  return rows;
}

function showKernels(path: string | undefined, json: boolean): number {
  if (path !== undefined) throw new ConfigError(`unexpected argument "${path}"`, usageLines(inspect));
  console.log(json ? JSON.stringify(kernelEntries(), null, 2) : kernelTable());
  return 0;
}

function printFields(title: string, values: object): void {
  const entries = Object.entries(values).map(([name, value]) =>
    [shownText(name), shownText(typeof value === "string" ? value : JSON.stringify(value), 2000)] as const);
  const width = Math.max(...entries.map(([name]) => name.length));
  console.log(title);
  for (const [name, value] of entries) console.log(`  ${name.padEnd(width)}  ${value}`);
}
