/** `sample --scatter`: samples that are points of the plane, as a chart. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, formatShape } from "@fromnoise/tensor";
import { replaceFile } from "@fromnoise/nn";
import { flag, text } from "@fromnoise/nn/kinds";
import { chartSvg, type Series } from "../chart/index.js";
import { field, optional, type OptionsOf } from "../config/fields.js";
import type { DiffusionModel } from "../denoisers/denoiser.js";
import { makeFolder, reasonOf } from "../models/node/files.js";
import type { SampleBatch } from "../models/sample-images.js";

export const scatterFields = {
  scatter: field(flag, false, "of a model of points in the plane: draw scatter.svg"),
  over: optional(text, "points to draw beneath those of --scatter: text, two numbers a line", { value: "FILE" }),
};

/** Most bytes of a file of points: three million of them. */
const MAX_BYTES = 64e6;

/** Points of the plane: x and y of each. */
interface Points {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Whether samples of a shape are points of the plane. */
export const arePoints = (shape: readonly unknown[]): boolean => shape.length === 1 && shape[0] === 2;

/**
 * Throws ConfigError where samples of the model cannot be drawn as they are asked for: images as points, anything else as images, single
 * files of points, and points beneath what is no chart.
 */
export function checkScatter(
  { network: { spec: { sample } } }: DiffusionModel, { scatter, over, separate, share }: OptionsOf<typeof scatterFields> & { separate: boolean; share?: unknown },
): void {
  const got = `got      a model of samples ${formatShape(sample.map((side) => side ?? NaN)).replaceAll("NaN", "any")}`;
  if (scatter && !arePoints(sample)) throw new ConfigError("--scatter is for points in the plane", [got, "allowed  models whose samples are [2]"]);
  if (!scatter && over !== undefined) throw new ConfigError("--over means nothing without --scatter", ["pass     --scatter"]);
  if (!scatter && sample.length !== 3) {
    throw new ConfigError("the model's samples are no images", [got, "allowed  [H, W, 1] and [H, W, 3], which are drawn; [2] with --scatter"]);
  }
  if (scatter && separate) throw new ConfigError("--separate means nothing with --scatter", ["reason   points are in one chart"]);
  if (share !== undefined && over !== undefined) throw new ConfigError("--over means nothing with --share", ["reason   a share draws nothing"]);
}

/** scatter.svg of samples [N, 2] in a folder, over other points if there are any: its path. Throws ConfigError. */
export async function writeScatter(out: string, { data }: SampleBatch, over?: { readonly name: string; readonly points: Points }): Promise<string> {
  makeFolder(out);
  const column = (k: number): number[] => Array.from({ length: data.length / 2 }, (_, i) => data[2 * i + k]);
  const series: Series[] = [
    ...(over === undefined ? [] : [{ name: over.name, ...over.points, marks: "dots" as const, color: 5 }]),
    { name: "samples", x: column(0), y: column(1), marks: "dots", color: 0 },
  ];
  const svg = chartSvg(series, { sameUnits: true, xLabel: "x", yLabel: "y", width: 680, height: 600 });
  const path = join(out, "scatter.svg"), bytes = new TextEncoder().encode(svg);
  await replaceFile(path, [bytes], bytes.length);
  return path;
}

/**
 * Points from a text file: two finite numbers a line, apart by spaces, tabs, a comma or a semicolon; empty lines and what follows a # are left out.
 * Throws ConfigError for a file that cannot be read or is longer than 64 MB, for a line that is no point, and where there is none.
 */
export function readPoints(path: string): Points {
  let lines: string[];
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new ConfigError(`${path}: ${size} bytes are too many`, [`allowed  up to ${MAX_BYTES} bytes of points`]);
    lines = readFileSync(path, "utf8").split(/\r?\n/);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`cannot read ${path}`, [reasonOf(error)]);
  }
  const x: number[] = [], y: number[] = [];
  lines.forEach((line, i) => {
    const words = line.replace(/#.*/, "").trim();
    if (words === "") return;
    const point = words.split(/\s*[,;]\s*|\s+/), numbers = point.map((word) => (word === "" ? NaN : Number(word)));
    if (numbers.length !== 2 || !numbers.every(Number.isFinite)) {
      throw new ConfigError(`${path}: line ${i + 1} is no point`, [`got      ${JSON.stringify(words.slice(0, 60))}`, "allowed  two finite numbers, such as 0.5 -1.25 or 0.5,-1.25"]);
    }
    x.push(numbers[0]);
    y.push(numbers[1]);
  });
  if (x.length === 0) throw new ConfigError(`${path} holds no points`, ["expected lines of two numbers"]);
  return { x, y };
}
