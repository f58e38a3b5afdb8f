/** `join`: shares of samples or of an evaluation become what one program would have made of the whole. */
import { join as joined } from "node:path";
import { ConfigError, sizeOf } from "@fromnoise/tensor";
import { flag, text } from "@fromnoise/nn/kinds";
import { field, optional } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import type { Evaluation } from "../evaluate/evaluate.js";
import type { FigureReference } from "../evaluate/reference.js";
import { stacked, type Rows } from "../evaluate/rows.js";
import { joinedFigures, mostLike } from "../evaluate/shared.js";
import type { SamplingResult } from "../models/sample-images.js";
import type { NoiseLevel } from "../process/level.js";
import type { Arguments, Command } from "./command.js";
import { report, SHOWN, writePictures } from "./evaluate.js";
import type { SharedEvaluation } from "./evaluate-share.js";
import { writeSamples } from "./sample.js";
import { arePoints, writeScatter } from "./scatter.js";
import { readShare, sharesIn, wholeOf, type ShareFile } from "./share.js";

const joinFields = {
  out: optional(text, "folder for the pictures that the command would have drawn", { value: "DIR", shown: "none; samples need one" }),
  json: field(flag, false, "print an evaluation as `evaluate --json` does"),
};

export const join: Command = {
  name: "join",
  summary: "put together what shares of `sample` and `evaluate` have computed",
  usage: "fromnoise join FILE|DIR... [flags]",
  examples: [
    "fromnoise join parts --out samples",
  ],
  operands: ["<shares...>"],
  flags: flagsOf(joinFields),
  notes: [
    "The grid or the figures of the whole, bit for bit those of one program without --share. Refuses shares of different models, settings or",
    "seeds, and images that are missing or there twice. A folder stands for the shares in it.",
  ].join("\n"),
  run: runJoin,
};

type Part = ShareFile & { readonly path: string };

async function runJoin({ operands, flags }: Arguments): Promise<number> {
  const { out, json } = optionsOf(joinFields, flags);
  const files = sharesIn(operands);
  const read: Part[] = [];
  for (const path of files) read.push(await readShare(path));
  const parts = wholeOf(read), [{ kind, count }] = parts;
  console.error(`joined   ${parts.length} shares, ${count} images`);
  if (kind === "evaluation") return joinEvaluation(parts, out, json);
  if (out === undefined) throw new ConfigError("--out is missing: the samples are pictures", ["pass     --out DIR"]);
  const samples = samplesOf(parts);
  if (arePoints(samples.images.shape.slice(1))) {
    console.log(`wrote ${count === 1 ? "1 point" : `${count} points`} to ${await writeScatter(out, samples.images)}`);
    return 0;
  }
  await writeSamples(out, samples);
  console.log(`wrote ${count === 1 ? "1 image" : `${count} images`} to ${joined(out, "samples.png")}, the way there to denoising.png and x0.png beside it`);
  return 0;
}

/** What `sampleImages` would have given for the whole. */
function samplesOf(parts: readonly Part[]): SamplingResult {
  const levels = parts[0].said["moments"] as readonly NoiseLevel[];
  const all = (name: string): Rows & { readonly data: Float64Array } => stacked(parts.flatMap(({ tensors }) => tensors.get(name) ?? []));
  return { images: all("images"), moments: levels.map((at, k) => ({ at, xt: all(`xt.${k}`), x0: all(`x0.${k}`) })) };
}

async function joinEvaluation(parts: readonly Part[], out: string | undefined, json: boolean): Promise<number> {
  const said = parts.map((part) => part.said as unknown as SharedEvaluation);
  const [{ source, data, device, sampler, seed, whole }] = said, [{ count, tensors: first }] = parts;
  if (whole === undefined) throw new ConfigError(`join: ${parts[0].path} does not say what the samples are held against`, ["expected the share 1/N, which does"]);
  const { compared, reference, features, fitting, classes, heldOut, loss } = whole;
  const against: FigureReference = {
    moments: { mean: Float64Array.from(first.get("reference.mean")!.data), covariance: Float64Array.from(first.get("reference.covariance")!.data) },
    near: first.get("reference.near")!, compared, data: { training: classes === undefined ? {} : { classes } },
  };
  const rows = (name: string, { tensors, path }: Part): Rows => {
    const held = tensors.get(name);
    if (held === undefined) throw new ConfigError(`join: ${path} has no ${name}`);
    return held;
  };
  const { figures, copied } = joinedFigures(against, parts.map((part, k) => ({
    images: rows("images", part), features: rows("features", part), neighbours: rows("neighbours", part), classes: part.tensors.get("classes"), asked: said[k].asked,
  })));
  const evaluation: Evaluation = {
    features, ...(fitting === undefined ? {} : { fitting }), compared, reference, samples: figures, ...(heldOut === undefined ? {} : { heldOut }),
    ...(loss === undefined ? {} : { loss: { ...loss, error: loss.error ?? NaN } }),
  };
  report({ source, data, device }, { evaluation, copies: copied }, { json, seed, sampler, count, images: undefined });
  if (out === undefined) return 0;
  const training = new Map(parts.flatMap((part, k) => said[k].like.map((sample, i) => [sample, imageOf(rows("training", part), i)] as const)));
  const images = stacked(parts.map((part) => rows("images", part)));
  await writePictures(out, images, mostLike(copied.ratios, SHOWN).map((sample) => ({ sample, training: training.get(sample)! })));
  return 0;
}

function imageOf({ shape: [, ...shape], data }: Rows, i: number): ArrayLike<number> {
  return data.subarray(i * sizeOf(shape), (i + 1) * sizeOf(shape));
}
