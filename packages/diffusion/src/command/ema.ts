/** `ema`: an average of a run's weights of any length, rebuilt from those that it kept; or how good several lengths are. */
import { join } from "node:path";
import { ConfigError } from "@fromnoise/tensor";
import { AVERAGE_LENGTHS, networkOf } from "@fromnoise/nn";
import { flag, integer, text, type Kind } from "@fromnoise/nn/kinds";
import { chartSvg, type Series } from "../chart/index.js";
import { guidanceFields } from "../denoisers/guided.js";
import { field, optional, type OptionsOf } from "../config/fields.js";
import { flagsOf, optionsOf, type FlagValues } from "../config/flags.js";
import { lengthCurve, lengthsBetween, type LengthCurve } from "../evaluate/length-curve.js";
import type { Figures, Reference } from "../evaluate/reference.js";
import { writeCheckpoint } from "../models/formats/checkpoint.js";
import { fileSource, folderTarget } from "../models/node/file-source.js";
import type { Source } from "../models/source.js";
import { samplers } from "../samplers/index.js";
import { rebuildAverage } from "../train/averages.js";
import { usageLines, withDevice, type Arguments, type Command } from "./command.js";
import { dataOf, evaluateFields, referenceFor, showing } from "./evaluate.js";
import { samplingIn } from "./sampling-flags.js";
import { printTable } from "./text-table.js";

const { from: SHORTEST, to: LONGEST } = AVERAGE_LENGTHS;
/** A length, or the first and last of several. */
const lengths: Kind<readonly number[]> = {
  allowed: `numbers from ${SHORTEST} to ${LONGEST}, or two with .. between, the smaller first`, placeholder: "X|X..Y",
  parse: (given) => given.split("..").map((part) => (part.trim() === "" ? NaN : Number(part))),
  fits: (v): v is readonly number[] => Array.isArray(v) && (v.length === 1 || (v.length === 2 && v[0] < v[1]))
    && v.every((length) => typeof length === "number" && length >= SHORTEST && length <= LONGEST),
};

const { data, holdOut, features, count, sampler, batch, seed, device, revectorize } = evaluateFields;
const emaFields = {
  length: optional(lengths, "relative length of the average: the standard deviation of its profile over the steps done; or the ends of a curve"),
  step: optional(integer({ from: 1 }), "at the end of which step", { shown: "the last one" }),
  out: optional(text, "the file to write; of a curve the folder for length-curve.svg", { value: "PATH", shown: "in the run" }),
  json: field(flag, false, "print {file, length, step, from, error}, or of a curve {run, step, best, points, heldOut, ...}, as JSON"),
};
const curveFields = {
  points: field(integer({ from: 2, to: 1000 }), 8, "lengths, each the same multiple of the one before"),
  data, holdOut, features, count, sampler, batch, seed, device, revectorize,
};

export const ema: Command = {
  name: "ema",
  summary: "rebuild an average of any length from those that a run kept, or compare lengths",
  usage: "fromnoise ema RUN --length 0.13 [flags]   or   fromnoise ema RUN --length 0.05..0.3 [flags]",
  examples: [
    "fromnoise ema runs/faces --length 0.1",
    "fromnoise ema runs/faces --length 0.05..0.25 --points 5",
  ],
  operands: ["<run>"],
  flags: [
    ...flagsOf(emaFields), ...flagsOf(curveFields, "a curve: samples of several lengths evaluated as `evaluate` does"),
    ...flagsOf(guidanceFields, "guidance without a classifier"),
    ...samplers.flatMap(({ name, summary, fields }) => flagsOf(fields, `--sampler ${name}, ${summary}`)),
  ],
  notes: [
    "The run must have been trained with --profiles-every N. What is written is a model that sample, evaluate, export and inspect take.",
    "docs/averages.md says what lengths are, and which are worth trying.",
  ].join("\n"),
  run: runEma,
};

async function runEma({ operands: [folder], flags }: Arguments): Promise<number> {
  const options = optionsOf(emaFields, flags), source = fileSource(folder);
  if (options.length === undefined) throw new ConfigError("--length is missing", usageLines(ema));
  const [from, to] = options.length;
  if (to !== undefined) return showCurve(folder, [from, to], options, flags);
  const lonely = [...flagsOf(curveFields), ...flagsOf(guidanceFields)].find(({ name }) => flags.has(name));
  if (lonely !== undefined) throw new ConfigError(`--${lonely.name} is for a curve of several lengths`, ["pass     --length 0.05..0.3"]);
  return writeAverage(source, folder, from, options);
}

async function writeAverage(source: Source, folder: string, length: number, { step, out, json }: OptionsOf<typeof emaFields>): Promise<number> {
  const { info, tensors, from, error } = await rebuildAverage(source, { length, step });
  const path = out ?? join(folder, `ema-${length}${step === undefined ? "" : `-${step}`}.safetensors`);
  await writeCheckpoint(path, info, { "ema.": tensors });
  console.error(`average  length ${length} at step ${info.average.step}, ${from === 1 ? "as it was kept" : `from ${from} averages; its profile is met to ${percent(error)}`}`);
  if (json) console.log(JSON.stringify({ file: path, ...info.average, from, error }, null, 2));
  else console.log(`wrote ${path}\nsample with: fromnoise sample ${path}`);
  return 0;
}

async function showCurve(folder: string, [from, to]: readonly [number, number], options: OptionsOf<typeof emaFields>, flags: FlagValues): Promise<number> {
  const curved = optionsOf(curveFields, flags), source = fileSource(folder);
  const sampling = samplingIn(flags, undefined);
  const { info } = await rebuildAverage(source, { length: to, step: options.step });
  await rebuildAverage(source, { length: from, step: options.step });                   // refuses lengths before anything is drawn
  return withDevice(curved.device, curved.revectorize, async (opened) => {
    const { data: real, name } = dataOf({ network: networkOf(info.model.network), training: info.training }, { ...curved, size: undefined });
    console.error(`data     ${real.training.describe()}`);
    console.error(`device   ${opened.description}`);
    const shown = showing();
    try {
      const reference = await referenceFor(name, real, opened, { ...curved, images: undefined }, shown);
      const { batch: atOnce, seed: of, count: samples } = curved;
      const curve = await lengthCurve(source, {
        lengths: lengthsBetween([from, to], curved.points), step: options.step, device: opened, reference, count: samples, onProgress: shown.onProgress,
        sampling: { ...sampling, batch: atOnce, seed: of },
        onPoint: ({ length, evaluation: { samples: { frechet } } }) => {
          shown.stop();
          console.error(`length   ${length}: Frechet distance ${frechet.toPrecision(3)}`);
        },
      });
      await writeChart(options.out ?? folder, curve, reference);
      if (options.json) console.log(JSON.stringify({ run: folder, data: name, sampler: sampling.sampler.name, seed: of, ...toldOf(curve, reference) }, null, 2));
      else printCurve(curve, reference);
      return 0;
    } finally {
      shown.stop();
    }
  });
}

/** A curve as plain facts. */
function toldOf({ step, best, points }: LengthCurve, { features: { name }, compared, reference, heldOut }: Reference): object {
  return {
    step, best, features: name, compared, reference, heldOut,
    points: points.map(({ length, error, evaluation: { samples } }) => ({ length, error, ...samples })),
  };
}

function printCurve({ step, best, points }: LengthCurve, { heldOut, features: { name }, compared }: Reference): void {
  const cells = ({ frechet, precision, recall, copied, recognised }: Figures): string[] => [
    frechet.toPrecision(3), precision.toFixed(3), recall.toFixed(3), copied.toFixed(3), ...(recognised?.asked === undefined ? [] : [recognised.asked.toFixed(3)]),
  ];
  const asked = points[0].evaluation.samples.recognised?.asked === undefined ? [] : ["as asked"];
  printTable(["length", "Frechet distance", "precision", "recall", "copied", ...asked, "profile met to"], [
    ...points.map(({ length, error, evaluation: { samples } }) => [`${length}${length === best ? " *" : ""}`, ...cells(samples), percent(error)]),
    ...(heldOut === undefined ? [] : [["held out", ...cells(heldOut), ""]]),
  ]);
  console.log(`* the best at step ${step}, by the distance of ${compared} samples in the features ${name}`);
}

/** length-curve.svg: the distance of samples by length, and that of held-out images. */
async function writeChart(folder: string, { points }: LengthCurve, { heldOut }: Reference): Promise<void> {
  const x = points.map(({ length }) => length);
  const series: Series[] = [{ name: "samples", x, y: points.map(({ evaluation: { samples: { frechet } } }) => frechet), marks: "both" }];
  if (heldOut !== undefined) series.push({ name: "held-out images", x: [x[0], x.at(-1)!], y: [heldOut.frechet, heldOut.frechet] });
  const svg = chartSvg(series, { title: "Frechet distance by length of the average", xLabel: "relative length", window: 1 });
  const bytes = new TextEncoder().encode(svg);
  await folderTarget(folder).write("length-curve.svg", [bytes], bytes.length);
}

/** 0.0058 is "0.58 %", 1.23 is "120 %". */
function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}
