/** docs/recipes.md from what docs/make-recipes.ts has measured. */
import { chartSvg, type Recognised, type Series } from "../packages/diffusion/src/node.js";
import { any, array, exactOptional, number, object, record, string, type GenericSchema } from "valibot";
import { recipes, type RecipeSampling } from "../packages/diffusion/src/train/recipes.js";

/** The figures of one set of images, as `evaluateModel` gives them. */
export interface ResultFigures {
  readonly frechet: number;
  readonly precision: number;
  readonly recall: number;
  readonly copied: number;
  readonly recognised?: Recognised;
}

/** What was measured of a recipe: of one that was trained its figures, of one for images of one's own the time of an image. */
export interface RecipeResult {
  readonly name: string;
  readonly network: string;
  readonly parameters: number;
  readonly steps: number;
  /** Images a step. */
  readonly batch: number;
  readonly processor: string;
  readonly node: string;
  readonly device: string;
  readonly sampling: RecipeSampling;
  /** The lengths tried, and the one chosen. */
  readonly lengths: readonly (ResultFigures & { readonly length: number; readonly error: number })[];
  readonly length?: number;
  readonly seconds?: number;
  readonly features?: string;
  readonly compared?: number;
  readonly samples?: ResultFigures;
  readonly heldOut?: ResultFigures;
  /** Loss on held-out over loss on training images. */
  readonly lossRatio?: number;
  /** Of the model's file. */
  readonly bytes?: number;
  readonly secondsPerImage?: number;
  readonly timedImages?: number;
}

/** By the recipe's name. */
export type RecipeResults = Record<string, RecipeResult>;

const figures = {
  frechet: number(), precision: number(), recall: number(), copied: number(),
  recognised: exactOptional(object({ sure: number(), asked: exactOptional(number()), askedSure: exactOptional(number()) })),
};
const resultSchema: GenericSchema<unknown, RecipeResult> = object({
  name: string(), network: string(), parameters: number(), steps: number(), batch: number(), processor: string(), node: string(), device: string(),
  sampling: object({ sampler: string(), options: record(string(), any()), guidance: exactOptional(any()) }),
  lengths: array(object({ ...figures, length: number(), error: number() })), length: exactOptional(number()), seconds: exactOptional(number()),
  features: exactOptional(string()), compared: exactOptional(number()), samples: exactOptional(object(figures)), heldOut: exactOptional(object(figures)),
  lossRatio: exactOptional(number()), bytes: exactOptional(number()), secondsPerImage: exactOptional(number()), timedImages: exactOptional(number()),
});

/** docs/recipes.json. */
export const resultsSchema: GenericSchema<unknown, RecipeResults> = record(string(), resultSchema);

/** The page. */
export function recipesPage(results: RecipeResults): string {
  const known = recipes.flatMap(({ name }) => results[name] ?? []);
  const trained = known.filter(({ samples }) => samples !== undefined), timed = known.filter(({ samples }) => samples === undefined);
  // lucidrains is another program's settings: nothing is measured of it.
  const missing = recipes.map(({ name }) => name).filter((name) => name !== "lucidrains" && results[name] === undefined);
  return `${[
    "# Recipes", "",
    "Trainings by name, with the figures that they gave here. All of this page is written by `npm run recipes`, which trains them (hours; it goes on",
    "where it was stopped): the tables, the pictures, and the models in `data/models`, which come with the package:", "",
    "```sh", "npx fromnoise sample --recipe faces", "npx fromnoise train --recipe faces", "```", "",
    "What a flag says goes on top: `--recipe digits --width 32,64,64 --minutes 10`. The recipes are a list,",
    "[recipes.ts](../packages/diffusion/src/train/recipes.ts). Figures are those of `fromnoise evaluate` ([evaluation.md](evaluation.md)), beside what held-out",
    "real images get; the noise of the samples is not that by which the length of the average was chosen ([averages.md](averages.md)).", "",
    ...(missing.length === 0 ? [] : [`**Without figures and without a model so far**: ${missing.map((name) => `\`${name}\``).join(", ")}.`, ""]),
    ...trained.flatMap(trainedLines),
    ...(timed.length === 0 ? [] : ["## For images of one's own", "", ...timed.flatMap(timedLines)]),
  ].join("\n").trimEnd()}\n`;
}

/** recipe-NAME-lengths.svg: the distance of samples by the length of the average, and that of held-out images; undefined without lengths. */
export function lengthChart({ lengths, heldOut }: RecipeResult): string | undefined {
  if (lengths.length === 0) return undefined;
  const x = lengths.map(({ length }) => length);
  const series: Series[] = [{ name: "samples", x, y: lengths.map(({ frechet }) => frechet), marks: "both" }];
  if (heldOut !== undefined) series.push({ name: "held out", x: [x[0], x.at(-1)!], y: [heldOut.frechet, heldOut.frechet] });
  return chartSvg(series, { yLabel: "Frechet distance", xLabel: "relative length of the average", window: 1, width: 640, height: 360 });
}

function trainedLines(result: RecipeResult): string[] {
  const { name, samples, heldOut, compared, features, lengths, length, bytes, lossRatio } = result;
  const head = ["", "Frechet distance", "precision", "recall", "copies", ...(samples!.recognised === undefined ? [] : ["taken for a class (p > 0.9)", "of the class asked for"])];
  const row = (title: string, { frechet, precision, recall, copied, recognised }: ResultFigures): string[] => [
    title, frechet.toPrecision(3), precision.toFixed(3), recall.toFixed(3), copied.toFixed(4),
    ...(recognised === undefined ? [] : [recognised.sure.toFixed(3), recognised.asked?.toFixed(3) ?? ""]),
  ];
  return [
    `## ${name}`, "", `${summaryOf(name)}: \`fromnoise train --recipe ${name}\`. ${costOf(result)} ${samplingText(result.sampling)}`, "",
    `![${name}](images/recipe-${name}.png)`, "",
    table(head, [row(`${compared} samples`, samples!), ...(heldOut === undefined ? [] : [row(`${compared} held-out images`, heldOut)])]), "",
    `In the features \`${features}\`.${lossRatio === undefined ? "" : ` The loss on held-out images is ${lossRatio.toFixed(3)} times that on training images.`}`
      + ` The model's file has ${grouped(bytes!)} bytes, in half precision, in which it was evaluated.`, "",
    `Its average has the relative length ${length}, by the least distance, of fewer samples than above:`, "",
    table(["length", ...lengths.map((point) => (point.length === length ? `**${point.length}**` : String(point.length)))], [
      ["Frechet distance", ...lengths.map(({ frechet }) => frechet.toPrecision(3))], ["profile met to", ...lengths.map(({ error }) => percent(error))],
    ]), "", `![distance by length](images/recipe-${name}-lengths.svg)`, "",
  ];
}

function timedLines(result: RecipeResult): string[] {
  const { name, steps, batch, secondsPerImage, timedImages, processor, node } = result;
  const step = secondsPerImage! * batch;
  return [
    `### ${name}`, "", `${summaryOf(name)}: \`fromnoise train --recipe ${name} --data FOLDER\`. ${result.network}, ${grouped(result.parameters)} parameters,`
      + ` ${grouped(steps)} steps of ${batch} images. ${samplingText(result.sampling)}`, "",
    `On images of noise, ${timedImages} at a time, an image takes ${secondsPerImage!.toPrecision(3)} s, so that a step of ${batch} takes some ${duration(step)} and the training ${duration(steps * step)}`
      + ` (${processor}, Node ${node}, ${result.device}). **Its quality was not measured.**`, "",
  ];
}

function costOf({ network, parameters, steps, batch, seconds, processor, node, device }: RecipeResult): string {
  return `${network}, ${grouped(parameters)} parameters; ${grouped(steps)} steps of ${batch} images, ${duration(seconds!)} at the pace of a step alone (${processor}, Node ${node}, ${device}).`;
}

function samplingText({ sampler, options, guidance }: RecipeSampling): string {
  const said = Object.entries(options).map(([name, value]) => `${name} ${String(value)}`).join(", ");
  return `Samples by ${sampler}${said === "" ? "" : `, ${said}`}${guidance === undefined ? "" : `, guidance ${JSON.stringify(guidance)}`}.`;
}

function summaryOf(name: string): string {
  const { summary } = recipes.find((recipe) => recipe.name === name)!;
  return summary[0].toUpperCase() + summary.slice(1);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** 0.0058 is "0.58 %", 1.23 is "120 %". */
function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

function grouped(n: number): string {
  return n.toLocaleString("en-US");
}

/** 7,260 seconds are "2.0 hours". */
function duration(seconds: number): string {
  const [size, unit] = ([[86400, "days"], [3600, "hours"], [60, "minutes"]] as const).find(([length]) => seconds >= 2 * length) ?? [1, "seconds"];
  return `${(seconds / size).toPrecision(2)} ${unit}`;
}
