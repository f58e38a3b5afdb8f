/** `ema`: an average of a run's weights of any length, rebuilt from those that it kept. */
import { join } from "node:path";
import { ConfigError } from "@fromnoise/tensor";
import { AVERAGE_LENGTHS } from "@fromnoise/nn";
import { integer, number, text } from "@fromnoise/nn/kinds";
import { optional } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { writeCheckpoint } from "../models/formats/checkpoint.js";
import { fileSource } from "../models/node/file-source.js";
import { rebuildAverage } from "../train/averages.js";
import { usageLines, type Arguments, type Command } from "./command.js";

const length = number(AVERAGE_LENGTHS);

const emaFields = {
  length: optional(length, "relative length of the average: the standard deviation of its profile over the steps done"),
  step: optional(integer({ from: 1 }), "at the end of which step", { shown: "the last one" }),
  out: optional(text, "the file to write", { value: "FILE", shown: "ema-<length>.safetensors in the run" }),
};

export const ema: Command = {
  name: "ema",
  summary: "rebuild an average of any length from those that a run kept",
  usage: "fromnoise ema RUN --length 0.13 [flags]",
  operands: ["<run>"],
  flags: flagsOf(emaFields),
  notes: [
    "The run must have been trained with --profiles-every N. What is written is a model that sample, export and inspect take.",
    "docs/averages.md says what lengths are, and which are worth trying.",
  ].join("\n"),
  run: runEma,
};

async function runEma({ operands: [folder], flags }: Arguments): Promise<number> {
  const { length: wanted, step, out } = optionsOf(emaFields, flags);
  if (wanted === undefined) throw new ConfigError("--length is missing", usageLines(ema));
  const { info, tensors, from, error } = await rebuildAverage(fileSource(folder), { length: wanted, step });
  const path = out ?? join(folder, `ema-${wanted}${step === undefined ? "" : `-${step}`}.safetensors`);
  await writeCheckpoint(path, info, { "ema.": tensors });
  console.error(`average  length ${wanted} at step ${info.average.step}, ${from === 1 ? "as it was kept" : `from ${from} averages; its profile is met to ${percent(error)}`}`);
  console.log(`wrote ${path}`);
  console.log(`sample with: fromnoise sample ${path}`);
  return 0;
}

/** 0.0058 is "0.58 %". */
function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}
