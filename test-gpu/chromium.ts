/** Runs pages in the system's Chromium: the suites here, the report of the benchmarks. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { chromiumFlags, chromiumProgram } from "../bench/src/chromium.js";
import { buildPage, serve } from "../bench/src/page-server.js";
import { readGoldens } from "./goldens.js";
import type { Report } from "./report.js";
import { bitsOf } from "./wasm-bits.js";

/** A machine may be busy: how long Chromium and a page may take to start, and a place to be done. */
const START_MS = 120_000;
export const PLACE_MS = 15 * 60_000;

export type Log = (line: string) => void;

/** The GPU suite in Chromium, in one mode; rejects when the page fails as a whole. */
export function runInChromium(mode: "webgl2" | "webgpu", log: Log): Promise<Report> {
  return withPage("page", { modes: [mode], log }, (page, url) => reportOf(page, `${url}?suite=${mode}`));
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

interface PageOptions {
  /** Modes of the gpu device that the page opens. */
  modes?: readonly string[];
  /** Whether the page may share memory between threads. */
  isolated?: boolean;
  /** Contents of JSON files beside the page. */
  files?: Readonly<Record<string, unknown>>;
  log: Log;
}

/** Builds the page in a folder of this one, serves it, and opens Chromium for it. */
export async function withPage(
  folder: string, options: PageOptions, use: (page: Page, url: string) => Promise<Report>,
): Promise<Report> {
  const { modes = [], isolated = true, files = {}, log } = options;
  const built = mkdtempSync(join(tmpdir(), "fromnoise-page-"));
  try {
    await buildPage(fileURLToPath(new URL(folder, import.meta.url)), built);
    for (const [name, contents] of Object.entries({ "goldens.json": readGoldens(), ...files })) {
      writeFileSync(join(built, name), JSON.stringify(contents));
    }
    const { url, close } = await serve(built, 0, { isolated });
    try {
      return await withBrowser(modes, log, (page) => use(page, url));
    } finally {
      await close();
    }
  } finally {
    rmSync(built, { recursive: true });
  }
}

/** An empty page of Chromium, started for these modes of the gpu device; `log` hears what the page says. */
export async function withBrowser(modes: readonly string[], log: Log, use: (page: Page) => Promise<Report>): Promise<Report> {
  const browser = await chromium.launch({ executablePath: chromiumProgram(), args: chromiumFlags(...modes), timeout: START_MS });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(START_MS);
    page.on("console", (message) => log(message.text()));
    page.on("pageerror", (error) => log(error.message));
    return await within(PLACE_MS, use(page));
  } finally {
    await browser.close();
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
