/**
 * Trains the demo with five seeds, evaluates each, and writes the table of docs/demo.md for the version of Node that runs it:
 *
 *     npm run demo:table [-- --work DIR] [--device wasm] [--seeds 5]
 *
 * It takes six minutes a seed, and goes on where it was stopped: what stands in --work (runs/demo) is not done again. docs/demo.json
 * keeps the figures, one entry a version of Node, and the page is written from it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { array, number, object, string, type GenericSchema, type InferOutput } from "valibot";
import { readChecked } from "../bench/src/checked-json.js";
import { demoConfig } from "../packages/diffusion/src/train/demo-config.js";
import { digitsGuided } from "../packages/diffusion/src/train/recipes.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const RESULTS = join(root, "docs/demo.json"), PAGE = join(root, "docs/demo.md");

/** The figures of one seed. */
export interface SeedFigures {
  readonly asked: number;
  readonly askedSure: number;
  readonly frechet: number;
  readonly precision: number;
  readonly recall: number;
  readonly copied: number;
  readonly lossRatio: number;
}

/** What one version of Node made. */
export interface DemoResult {
  readonly node: string;
  readonly processor: string;
  readonly device: string;
  readonly steps: number;
  /** Images compared. */
  readonly compared: number;
  readonly heldOut: Omit<SeedFigures, "lossRatio">;
  readonly seeds: readonly SeedFigures[];
}

const figures = { asked: number(), askedSure: number(), frechet: number(), precision: number(), recall: number(), copied: number() };
const resultsSchema: GenericSchema<unknown, DemoResult[]> = array(object({
  node: string(), processor: string(), device: string(), steps: number(), compared: number(), heldOut: object(figures),
  seeds: array(object({ ...figures, lossRatio: number() })),
}));

/** What of `fromnoise evaluate --json` the table needs. */
const evaluatedImages = object({
  frechet: number(), precision: number(), recall: number(), copied: number(), recognised: object({ sure: number(), asked: number(), askedSure: number() }),
});
const evaluationSchema = object({
  device: string(), compared: number(), samples: evaluatedImages, heldOut: evaluatedImages, loss: object({ ratio: number() }),
});
type Evaluated = InferOutput<typeof evaluationSchema>;

/** The page with the tables of the results. Throws where it has no markers for them. */
export function withDemoTable(page: string, results: readonly DemoResult[]): string {
  const markers = /(<!-- table: written by npm run demo:table -->\n)[\s\S]*?(<!-- end of table -->)/;
  if (!markers.test(page)) throw new Error("the page has no markers for the table");
  return page.replace(markers, (_, start, end) => `${start}${results.map(tableOf).join("\n\n")}\n${end}`);
}

type Row = readonly [name: string, of: (figures: SeedFigures) => number, real: (result: DemoResult) => number, wanted: (real: number) => string];

const ROWS: readonly Row[] = [
  ["of the class asked for", ({ asked }) => asked, ({ heldOut }) => heldOut.asked, (real) => `at least ${(real - 0.02).toFixed(3)}`],
  ["the same with p > 0.9", ({ askedSure }) => askedSure, ({ heldOut }) => heldOut.askedSure, () => ""],
  ["Frechet distance", ({ frechet }) => frechet, ({ heldOut }) => heldOut.frechet, (real) => `at most ${(1.5 * real).toFixed(3)}`],
  ["precision", ({ precision }) => precision, ({ heldOut }) => heldOut.precision, () => ""],
  ["recall", ({ recall }) => recall, ({ heldOut }) => heldOut.recall, (real) => `at least ${(0.9 * real).toFixed(3)}`],
  ["copies", ({ copied }) => copied, ({ heldOut }) => heldOut.copied, (real) => `at most ${(real + 0.01).toFixed(3)}`],
  ["loss, held out / trained on", ({ lossRatio }) => lossRatio, () => 1, () => "at most 1.050"],
];

function tableOf(result: DemoResult): string {
  const { node, processor, device, steps, compared, seeds } = result;
  const head = ["", "mean", ...seeds.map((_, seed) => `seed ${seed}`), "held-out images", "wanted"];
  const rows = ROWS.map(([name, of, real, wanted]) => {
    const values = seeds.map(of);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return [name, `**${mean.toFixed(3)}**`, ...values.map((value) => value.toFixed(3)), real(result).toFixed(3), wanted(real(result))];
  });
  return [
    `Node ${node}, ${steps.toLocaleString("en-US")} steps, ${compared.toLocaleString("en-US")} images of each kind; ${device}; ${processor}:`, "",
    ...[head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`),
  ].join("\n");
}

/** Runs the command of this checkout, its standard output read. Throws where it fails. */
function fromnoise(args: readonly string[]): string {
  const { status, stdout } = spawnSync(process.execPath, [join(root, "packages/diffusion/bin/fromnoise.js"), ...args], {
    encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 2 ** 28,
  });
  if (status === 0) return stdout;
  throw new Error(`fromnoise ${args.join(" ")} ended with ${String(status)}`);
}

/** The evaluation of one seed: trained and evaluated where that is not done yet. */
function evaluated(work: string, seed: number, device: string): Evaluated {
  const major = process.versions.node.split(".")[0];
  const run = join(work, `node${major}-seed${seed}`), file = `${run}.json`;
  const at = ["--device", device, "--seed", String(seed)];
  if (!existsSync(join(run, "samples.png"))) fromnoise(["demo", "--out", run, ...at]);
  if (!existsSync(file)) {
    const { sampler, options, guidance } = digitsGuided.sampling!;
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    writeFileSync(file, fromnoise(["evaluate", run, ...at, "--json", "--sampler", sampler, ...flags, "--guidance", String(guidance)]));
  }
  return readChecked(file, "an evaluation of digits, with images held out", evaluationSchema);
}

function figuresOf({ samples: { recognised: { asked, askedSure }, frechet, precision, recall, copied }, loss }: Evaluated): SeedFigures {
  return { asked, askedSure, frechet, precision, recall, copied, lossRatio: loss.ratio };
}

function main(): void {
  const { values } = parseArgs({ options: { work: { type: "string" }, device: { type: "string" }, seeds: { type: "string" } } });
  const work = values.work ?? "runs/demo", device = values.device ?? "wasm";
  mkdirSync(work, { recursive: true });
  const evaluations = Array.from({ length: Number(values.seeds ?? 5) }, (_, seed) => evaluated(work, seed, device));
  const [{ compared, heldOut, device: described }] = evaluations;
  const { lossRatio: _, ...real } = figuresOf({ ...evaluations[0], samples: heldOut });
  const result: DemoResult = {
    node: process.versions.node, processor: cpus()[0].model, device: described, steps: demoConfig(process.version).steps, compared,
    heldOut: real, seeds: evaluations.map(figuresOf),
  };
  const before = existsSync(RESULTS) ? readChecked(RESULTS, "the table's figures", resultsSchema) : [];
  const major = (version: string): number => Number(version.split(".")[0]);
  const results = [...before.filter(({ node }) => major(node) !== major(result.node)), result].sort((a, b) => major(b.node) - major(a.node));
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(PAGE, withDemoTable(readFileSync(PAGE, "utf8"), results));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
