/** Runs pages in the system's Chromium: the suite, and the site as a reader sees it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { buildPage, serve } from "../site/build.js";
import { readGoldens } from "./goldens.js";
import type { Outcome, Report } from "./report.js";
import { bitsOf } from "./wasm-bits.js";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Headless Chromium that computes on SwiftShader where there is no GPU. */
const FLAGS = [
  "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-dev-shm-usage",
];
const MODE_FLAGS = {
  webgl2: ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  webgpu: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"],
} as const;

/** A machine may be busy: how long Chromium and a page may take to start, and a place to be done. */
const START_MS = 120_000;
const PLACE_MS = 15 * 60_000;

type BrowserMode = keyof typeof MODE_FLAGS;
type Log = (line: string) => void;

export const chromiumIsThere = (): boolean => existsSync(CHROMIUM);

/** The GPU suite in Chromium, in one mode; rejects when the page fails as a whole. */
export function runInChromium(mode: BrowserMode, log: Log): Promise<Report> {
  return withPage("page", { flags: MODE_FLAGS[mode], log }, (page, url) => reportOf(page, `${url}?suite=${mode}`));
}

/** The wasm suite in Chromium, and what the device does where the page is served without the headers that threads need. */
export async function runWasmInChromium(log: Log): Promise<Report> {
  const { bits } = await bitsOf({ deterministic: true });
  const run = (isolated: boolean): Promise<Report> =>
    withPage("page", { isolated, files: { "wasm-bits.json": bits }, log }, (page, url) => reportOf(page, `${url}?suite=wasm`));
  const { description, parts } = await run(true);
  return { description, parts: [...parts, ...(await run(false)).parts] };
}

async function reportOf(page: Page, url: string): Promise<Report> {
  await page.goto(url);
  return JSON.parse(await page.evaluate(() => (window as unknown as { report: Promise<string> }).report)) as Report;
}

/** The site in Chromium on webgpu: both demos train, their curves and samples are drawn. */
export function runSite(log: Log): Promise<Report> {
  return withPage("../site", { flags: MODE_FLAGS.webgpu, log }, async (page, url) => {
    const points = await runDemo(page, `${url}?demo=points&steps=150&start`, (losses) => {
      const [early, late] = [mean(losses.slice(0, 10)), mean(losses.slice(-30))];
      return { measured: `loss ${early.toFixed(2)} to ${late.toFixed(2)}`, failures: late < 0.6 * early ? [] : ["the loss does not fall"] };
    });
    const digits = await runDemo(page, `${url}?demo=digits&steps=5&batch=2&channels=8,8,8&samples=4&samplesteps=1&start`, (losses) => {
      const wrong = losses.length !== 5 || losses.some((value) => !(value > 0.3 && value < 2)); // noise of variance 1 is to be guessed
      return { measured: `losses ${losses.map((value) => value.toFixed(2)).join(" ")}`, failures: wrong ? ["losses out of range"] : [] };
    });
    const description = await page.textContent("#device");
    return { description: description ?? "", parts: [{ name: "points", ...points }, { name: "digits", ...digits }] };
  });
}

/** Opens a demo, waits until it is done, and judges its losses and what stands on the canvases. */
async function runDemo(page: Page, url: string, judge: (losses: number[]) => Outcome): Promise<Outcome & { seconds: number }> {
  const started = performance.now();
  await page.goto(url);
  type Watched = { page: { state: string; losses: number[] } };
  await page.waitForFunction(() => ["done", "failed"].includes((window as unknown as Watched).page.state), undefined, { timeout: 400_000 });
  const losses = await page.evaluate(() => (window as unknown as Watched).page.losses);
  const error = await page.textContent("#error");
  const seconds = (performance.now() - started) / 1000;
  if (error !== "") return { measured: "", failures: [error!], seconds };
  const { measured, failures } = judge(losses);
  for (const id of ["loss", "samples"]) {
    const colors = await page.evaluate((name) => {
      const canvas = document.getElementById(name) as HTMLCanvasElement;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }, id);
    if (colors < 3) failures.push(`the canvas ${id} shows ${colors} colours`);
  }
  return { measured, failures, seconds };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

interface PageOptions {
  /** Flags of Chromium. */
  flags?: readonly string[];
  /** Whether the page may share memory between threads. */
  isolated?: boolean;
  /** Contents of JSON files beside the page. */
  files?: Readonly<Record<string, unknown>>;
  log: Log;
}

/** Builds the page in a folder of this one, serves it, and opens Chromium for it. */
async function withPage(folder: string, options: PageOptions, use: (page: Page, url: string) => Promise<Report>): Promise<Report> {
  const { flags = [], isolated = true, files = {}, log } = options;
  const built = mkdtempSync(join(tmpdir(), "fromnoise-page-"));
  try {
    await buildPage(fileURLToPath(new URL(folder, import.meta.url)), built);
    for (const [name, contents] of Object.entries({ "goldens.json": readGoldens(), ...files })) {
      writeFileSync(join(built, name), JSON.stringify(contents));
    }
    const { url, server } = await serve(built, 0, { isolated });
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...flags], timeout: START_MS });
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(START_MS);
      page.on("console", (message) => log(message.text()));
      page.on("pageerror", (error) => log(error.message));
      return await within(PLACE_MS, use(page, url));
    } finally {
      await browser.close();
      server.close();
    }
  } finally {
    rmSync(built, { recursive: true });
  }
}

/** What comes of `run`, or an error when it takes longer. */
async function within<T>(ms: number, run: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the page is not done after ${ms / 60_000} minutes`)), ms);
  });
  try {
    return await Promise.race([run, late]);
  } finally {
    clearTimeout(timer);
  }
}
