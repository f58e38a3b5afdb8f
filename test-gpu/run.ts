/**
 * `npm run test:gpu [-- PLACE...]` runs the suites where a GPU, real or not, or a browser can be had, and lists what ran on what
 * (USAGE, below). A place that is not there is told with the line that brings it.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ConfigError } from "@fromnoise/tensor";
import { chromiumProgram } from "../bench/src/chromium.js";
import { runInChromium, runWasmInChromium } from "./chromium.js";
import { runBenchReport } from "./bench-report.js";
import type { Report } from "./report.js";

const USAGE = `npm run test:gpu [-- PLACE...]

Runs what a GPU and a browser have to show at each place, all of them unless some are named:
  webasm            gpu.js on WebAssembly in Node: it needs no GPU
  webgpu            gpu.js on WebGPU in Node; on a software driver where there is no GPU
  chromium-webgl2   gpu.js on WebGL 2 in a page of Chromium
  chromium-webgpu   gpu.js on WebGPU in a page of Chromium
  chromium-wasm     the wasm device in a worker of a page, with threads and without
  bench-report      the HTML report of the benchmarks
  headlessgl        gpu.js on headless-gl in Node

A place that is not there is listed with the line that sets it up, and is no failure unless it is required.
  REQUIRE=webgpu,headlessgl    places that have to be there
  CHROMIUM=/path/to/chromium   Chromium's program; /usr/bin/chromium otherwise
  CHROMIUM_FLAGS="--a --b"     flags of Chromium in place of those of its software renderer: for a real GPU, for instance
                               "--enable-unsafe-webgpu --enable-features=Vulkan --use-angle=vulkan"

Exit code: 0 when all is well, 1 when something is wrong or a required place is not there, 2 for a name that is no place.`;

/** The line that brings a place; Chromium's SwiftShader also serves Node's webgpu where there is no GPU. */
const CHROMIUM_SETUP = "setup    apt-get install -y chromium";
/** The package comes with gpu.js, on which the tensor package depends. */
const WEBGPU_SETUP = "setup    npm install";
/** The root overrides gl by an empty package, since its source build takes minutes that few want to wait for. */
const GL_SETUP = "setup    apt-get install -y xvfb libxi-dev libglu1-mesa-dev libglew-dev && npm pkg delete overrides.gl && "
  + "npm install --no-save --ignore-scripts gl@8 && npm rebuild gl --foreground-scripts, then: xvfb-run -a npm run test:gpu";

/** The software Vulkan driver that comes with Debian's Chromium. */
const SWIFTSHADER = { VK_ICD_FILENAMES: "/usr/lib/chromium/vk_swiftshader_icd.json", LD_LIBRARY_PATH: "/usr/lib/chromium" };

/** How long a suite in a process of its own may take; a machine may be busy. */
const LIMIT_MS = 15 * 60_000;

/** A place that is not there, and why. */
class Missing extends Error {
  constructor(reason: string, readonly setup: string) {
    super(reason);
  }
}

const log = (line: string): void => console.error(`    ${line}`);

/** Runs the GPU suite in a process of its own. A mode that is not there is Missing, with the line that brings it. */
async function runInNode(mode: string, more: NodeJS.ProcessEnv, setup: (reason: string) => string): Promise<Report> {
  const script = fileURLToPath(new URL("node.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", "-C", "fromnoise-source", script, mode], {
    env: { ...process.env, ...more }, stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT_MS,
  });
  let [out, errors] = ["", ""];
  child.stdout.on("data", (data: Buffer) => { out += data.toString(); });
  child.stderr.on("data", (data: Buffer) => {
    errors += data.toString();
    process.stderr.write(data.toString().replace(/^(?=.)/gm, "    "));
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (code === 0) return JSON.parse(out.trim().split("\n").at(-1)!) as Report;
  const reason = /DeviceError: gpu: mode .* is not there\s+(.*)/.exec(errors)?.[1];
  const ending = child.killed ? `was not done after ${LIMIT_MS / 60_000} minutes` : `ended with code ${code}`;
  throw reason === undefined ? new Error(`the suite ${ending}`) : new Missing(reason, setup(reason));
}

/** Node's webgpu on the machine's own driver, else on SwiftShader. */
async function nodeWebGpu(): Promise<Report> {
  const setup = (reason: string): string => (reason.includes("the package webgpu") ? WEBGPU_SETUP : CHROMIUM_SETUP);
  try {
    return await runInNode("webgpu", {}, setup);
  } catch (error) {
    if (!(error instanceof Missing) || error.setup !== CHROMIUM_SETUP || !existsSync(SWIFTSHADER.VK_ICD_FILENAMES)) throw error;
    return runInNode("webgpu", SWIFTSHADER, setup);
  }
}

async function headlessGl(): Promise<Report> {
  try {
    createRequire(import.meta.url)("gl");
  } catch (error) {
    throw new Missing(`the package gl cannot be loaded: ${(error as Error).message.split("\n")[0]}`, GL_SETUP);
  }
  return runInNode("headlessgl", {}, () => GL_SETUP);
}

async function inChromium(run: (log: (line: string) => void) => Promise<Report>): Promise<Report> {
  try {
    chromiumProgram();
  } catch (error) {
    if (error instanceof ConfigError) throw new Missing(error.summary, error.details[0]);
    throw error;
  }
  return run(log);
}

const places: Readonly<Record<string, () => Promise<Report>>> = {
  webasm: () => runInNode("webasm", {}, () => WEBGPU_SETUP),
  webgpu: nodeWebGpu,
  "chromium-webgl2": () => inChromium((log) => runInChromium("webgl2", log)),
  "chromium-webgpu": () => inChromium((log) => runInChromium("webgpu", log)),
  "chromium-wasm": () => inChromium(runWasmInChromium),
  "bench-report": () => inChromium(runBenchReport),
  headlessgl: headlessGl,
};

/** Prints a report; true when nothing is wrong. */
function print(place: string, { description, parts }: Report): boolean {
  console.log(`\n${place}: ${description}`);
  for (const { name, measured, failures, seconds } of parts) {
    console.log(`  ${failures.length === 0 ? "ok  " : "FAIL"} ${name.padEnd(40)} ${measured}  (${seconds.toFixed(1)} s)`);
    for (const failure of failures.slice(0, 5)) console.log(`         ${failure}`);
  }
  return parts.every(({ failures }) => failures.length === 0);
}

const words = process.argv.slice(2);
if (words.some((word) => word === "--help" || word === "-h")) {
  console.log(USAGE);
  process.exit(0);
}
const chosen = words.length > 0 ? words : Object.keys(places);
const required = (process.env["REQUIRE"] ?? "").split(",").filter((name) => name !== "");
const unknown = [...chosen, ...required].find((name) => !(name in places));
if (unknown !== undefined) {
  console.error(`"${unknown}" is no place to run; allowed: ${Object.keys(places).join(", ")}`);
  process.exit(2);
}

const summary: string[] = [];
let good = true;
for (const place of new Set([...chosen, ...required])) {
  console.error(`${place} ...`);
  try {
    const report = await places[place]();
    const passed = print(place, report);
    good &&= passed;
    summary.push(`${place.padEnd(16)} ${passed ? "passed" : "FAILED"}   ${report.description}`);
  } catch (error) {
    const missing = error instanceof Missing;
    if (!missing || required.includes(place)) good = false;
    summary.push(`${place.padEnd(16)} ${missing ? "not there" : "FAILED"}   ${(error as Error).message}`);
    if (missing) summary.push(`${" ".repeat(17)}${error.setup}`);
  }
}
console.log(`\nWhat ran on what:\n${summary.map((line) => `  ${line}`).join("\n")}`);
process.exit(good ? 0 : 1);
