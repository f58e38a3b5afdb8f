/** The command line of `npm run bench`. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { ConfigError, deviceNames, parseDevice } from "@fromnoise/tensor";
import { benchNames, type BenchName } from "./bench.js";
import { casesOf, titleOf } from "./cases.js";
import { defaultThreads, deviceContenders, peerContenders, peerNames, withoutPlace, type Contender } from "./contender.js";
import type { CurvesOptions } from "./curves.js";
import type { HogOptions } from "./hog.js";
import type { PageOptions } from "./side-by-side.js";

export const usage = `npm run bench -- [options]                       run the benches
npm run bench -- compare a.json b.json [options]  ratios of two runs; exits 1 when b is slower past the threshold
npm run bench -- curves [options]                 losses of a training run, device by device; exits 1 where they differ past noise
npm run bench -- hog [options]                    all threads against one beside a busy process; exits 1 past the threshold
npm run bench -- guard [--update]                 compare counts with bench/guard.json; --update writes it
npm run bench -- profile --device SPEC [--batch N]  where a training step's time goes: kernels by time, issuing; DDIM-50
npm run bench -- page [--sizes TEXTS] [--rounds N] [--serve]  training steps, our GPU modes and tfjs in one page of Chromium; --serve: for
                                                  a browser of yours, on port 8080 or $PORT
npm run bench -- reference                        bring bench/reference.json up to date (minutes)

  --only NAMES       benches, with commas between: ${benchNames.join(", ")}
  --device SPECS     our devices, with commas between or repeated: wasm (no flags of the engine), wasm:exact, gpu:webgpu,
                     reference, wasm:revectorize=auto (as the command runs), wasm:revectorize (that or an error);
                     in Chromium: chromium/gpu:webgpu, chromium/gpu:webgl2, chromium/wasm
  --peers NAMES      none, all, or some of: ${peerNames.join(", ")}, tfjs:cpu, tfjs:wasm, jax:wasm,
                     and in Chromium tfjs:webgl, tfjs:webgpu, jax:webgpu; torch:cuda only where it is named [js,torch]
                     (torch: python3-torch, or $PYTHON with torch; onnxruntime, tfjs, jax: npm run bench:peers;
                     Chromium: /usr/bin/chromium or $CHROMIUM, on its software renderer unless $CHROMIUM_FLAGS says otherwise)
  --threads LIST     thread counts of those that have threads [${defaultThreads.join(",")}]
  --sizes TEXTS      sizes whose titles have these words: "512^3", "B1", "B2 16x16", with commas between
  --quick            one size a bench, fewer rounds: under three minutes
  --rounds N         rounds, in each of which every contender runs [10, quick 4]
  --limit SECONDS    longest answer of a contender that is waited for [60, quick 15]
  --json, --md, --html FILE  write the report
  --batch N          images a step of the networks, in place of their sizes [profile 16]
  --threshold R      compare, hog: largest ratio that passes [1.1]
  --steps N          curves: training steps [300]
  --seeds N          curves: runs of the first device, whose scatter is the noise; the others run once [3]
                     (curves knows --device [wasm,wasm:exact,reference], --json, whose runs are kept and not repeated, --html;
                     hog knows --threads [all cores], --rounds [8], --quick: the small network only)
  --help             this text`;

export interface RunOptions {
  only: readonly BenchName[];
  /** Whether a size of this title takes part. */
  takesSize: (title: string) => boolean;
  contenders: readonly Contender[];
  quick: boolean;
  batch?: number;
  rounds: number;
  limitMs: number;
  json?: string;
  md?: string;
  html?: string;
}

export type Command =
  | { name: "run"; options: RunOptions }
  | { name: "compare"; a: string; b: string; threshold: number }
  | { name: "curves"; options: CurvesOptions }
  | { name: "hog"; options: HogOptions }
  | { name: "guard"; update: boolean }
  | { name: "profile"; device: string; batch: number }
  | { name: "page"; options: PageOptions }
  | { name: "reference" }
  | { name: "help" };

const flags = {
  only: { type: "string", multiple: true }, device: { type: "string", multiple: true }, peers: { type: "string", multiple: true },
  threads: { type: "string" }, sizes: { type: "string", multiple: true },
  quick: { type: "boolean" }, rounds: { type: "string" }, limit: { type: "string" },
  json: { type: "string" }, md: { type: "string" }, html: { type: "string" }, threshold: { type: "string" },
  steps: { type: "string" }, seeds: { type: "string" }, batch: { type: "string" },
  update: { type: "boolean" }, serve: { type: "boolean" }, help: { type: "boolean" },
} as const;

/** Reads the arguments. Throws ConfigError, which says what is allowed. */
export function parseCommand(argv: readonly string[]): Command {
  const { values, positionals } = parsed(argv);
  const [name = "run", ...rest] = positionals;
  const given = Object.keys(values);
  const expect = (count: number, allowed: readonly string[]): void => {
    const foreign = given.find((flag) => !allowed.includes(flag));
    const wrong = rest.length !== count ? `${name}: ${count} arguments are needed, not ${rest.length}`
      : foreign !== undefined ? `${name} has no option --${foreign}` : undefined;
    if (wrong !== undefined) throw new ConfigError(wrong, [`usage    ${lineOf(name)}`]);
  };
  if (values.help) return { name: "help" };
  switch (name) {
    case "run":
      expect(0, ["only", "device", "peers", "threads", "sizes", "quick", "rounds", "limit", "batch", "json", "md", "html"]);
      return { name, options: runOptions(values) };
    case "compare":
      expect(2, ["threshold"]);
      return { name, a: rest[0], b: rest[1], threshold: numberOf("threshold", values.threshold, 1.1) };
    case "curves":
      expect(0, ["device", "steps", "seeds", "json", "html"]);
      return { name, options: curvesOptions(values) };
    case "hog":
      expect(0, ["threads", "rounds", "quick", "threshold"]);
      return { name, options: hogOptions(values) };
    case "guard":
      expect(0, ["update"]);
      return { name, update: values.update ?? false };
    case "profile": {
      expect(0, ["device", "batch"]);
      const devices = devicesOf(values.device ?? []);
      if (devices.length !== 1) {
        throw new ConfigError(`profile: ${devices.length} devices are given`, ["allowed  one, as --device gpu:webgpu"]);
      }
      return { name, device: devices[0], batch: values.batch === undefined ? 16 : batchOf(values.batch) };
    }
    case "page":
      expect(0, ["sizes", "rounds", "serve"]);
      return { name, options: pageOptions(values) };
    case "reference":
      expect(0, []);
      return { name };
    default:
      throw new ConfigError(`"${name}" is unknown`, [
        "allowed  compare, curves, hog, guard, profile, page, reference, or no word to run the benches",
      ]);
  }
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: true, strict: true });
  } catch (error) {
    throw new ConfigError((error as Error).message.split(/[.\n]/)[0], ["help     npm run bench -- --help"]);
  }
}

function runOptions(values: ReturnType<typeof parsed>["values"]): RunOptions {
  const quick = values.quick ?? false;
  const threads = values.threads?.split(",").map((text) => countOf("threads", text)) ?? defaultThreads;
  const { json, md, html } = values;
  const batch = values.batch === undefined ? undefined : batchOf(values.batch);
  return {
    only: values.only === undefined ? benchNames : listOf(values.only).map(benchName),
    takesSize: sizeFilter(values.sizes),
    contenders: [
      ...deviceContenders(devicesOf(values.device ?? []), threads, quick),
      ...peerContenders(peersOf(values.peers), threads),
    ],
    quick, ...(batch !== undefined && { batch }),
    rounds: values.rounds === undefined ? (quick ? 4 : 10) : countOf("rounds", values.rounds),
    limitMs: 1000 * numberOf("limit", values.limit, quick ? 15 : 60),
    ...(json !== undefined && { json }), ...(md !== undefined && { md }), ...(html !== undefined && { html }),
  };
}

function curvesOptions({ device, steps, seeds, json, html }: ReturnType<typeof parsed>["values"]): CurvesOptions {
  const devices = devicesOf(device ?? ["wasm,wasm:exact,reference"]);
  for (const spec of devices) parseDevice(spec);
  return {
    devices, steps: steps === undefined ? 300 : countOf("steps", steps), seeds: seeds === undefined ? 3 : countOf("seeds", seeds),
    ...(json !== undefined && { json }), ...(html !== undefined && { html }),
  };
}

function hogOptions({ threads, rounds, quick, threshold }: ReturnType<typeof parsed>["values"]): HogOptions {
  const all = threads === undefined ? Math.max(2, availableParallelism()) : countOf("threads", threads);
  if (all === 1) throw new ConfigError("hog: one thread is compared with all of them", ["allowed  --threads from 2"]);
  return {
    threads: all,
    rounds: rounds === undefined ? 8 : countOf("rounds", rounds),
    quick: quick ?? false, threshold: numberOf("threshold", threshold, 1.1), seconds: 1,
  };
}

/** The bench U-Net at batch 1, and at half its width and side, unless sizes are named. */
function pageOptions({ sizes = ["B1,B2 16x16"], rounds, serve = false }: ReturnType<typeof parsed>["values"]): PageOptions {
  const takesSize = sizeFilter(sizes), all = casesOf(["unet-train-step"], false);
  const cases = all.filter((c) => takesSize(titleOf(c)));
  if (cases.length === 0) throw new ConfigError("--sizes: no training step has such a title", [`allowed  ${all.map(titleOf).join(", ")}`]);
  return { cases, rounds: rounds === undefined ? 6 : countOf("rounds", rounds), serve };
}

const listOf = (texts: readonly string[]): string[] => texts.flatMap((text) => text.split(",")).filter((text) => text !== "");

/** Splits at commas, except those between the options of one device: "wasm:exact,threads=2,reference" names two devices. */
function devicesOf(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split(",").reduce<string[]>((specs, part) => {
    const begins = (deviceNames as readonly string[]).includes(withoutPlace(part).split(":")[0]);
    if (begins || specs.length === 0) return [...specs, part];
    return [...specs.slice(0, -1), `${specs.at(-1)!},${part}`];
  }, []));
}

function peersOf(texts: readonly string[] | undefined): string[] {
  if (texts === undefined) return ["js", "torch"];
  const names = listOf(texts);
  return names.flatMap((name) => (name === "none" ? [] : name === "all" ? [...peerNames] : [name]));
}

/** True of titles that have the words of one of the texts; of all where there is none. */
function sizeFilter(texts: readonly string[] | undefined): RunOptions["takesSize"] {
  if (texts === undefined) return () => true;
  const wanted = listOf(texts);
  return (title) => wanted.some((words) => ` ${title} `.includes(` ${words.trim()} `));
}

function benchName(text: string): BenchName {
  const name = benchNames.find((n) => n === text);
  if (name === undefined) throw new ConfigError(`--only: "${text}" is no bench`, [`allowed  ${benchNames.join(", ")}`]);
  return name;
}

function numberOf(flag: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new ConfigError(`--${flag}: "${text}" is not allowed`, ["allowed  numbers above 0"]);
}

function countOf(flag: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new ConfigError(`--${flag}: "${text}" is not allowed`, ["allowed  whole numbers from 1"]);
}

/** Batches repeat two images. */
function batchOf(text: string): number {
  if (/^\d*[02468]$|^1$/.test(text) && Number(text) > 0) return Number(text);
  throw new ConfigError(`--batch: "${text}" is not allowed`, ["allowed  1 and even numbers"]);
}

function lineOf(name: string): string {
  return usage.split("\n").find((line) => line.includes(`-- ${name}`))?.split("  ")[0].trim() ?? "npm run bench -- [options]";
}
