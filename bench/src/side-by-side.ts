/** `bench page`: our devices and TensorFlow.js at one training step, side by side in one page of Chromium or of any browser. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { serve } from "./page-server.js";
import type { BenchCase } from "./bench.js";
import { titleOf } from "./cases.js";
import { chromiumFlags, chromiumProgram } from "./chromium.js";
import { sideBySideTable, type PageCase, type Entry } from "./side-by-side-table.js";
import { builtPage } from "./pages.js";
import { referenceResults } from "./reference.js";

export interface PageOptions {
  cases: readonly BenchCase[];
  rounds: number;
  /** Serve the first case for a browser that a person opens. */
  serve: boolean;
}

/** Longest time for a page to finish; software renderers take seconds a step. */
const LIMIT_MS = 30 * 60_000;

/** Builds the page of a case, and serves it. Rejects with a ConfigError where TensorFlow.js is not installed. */
async function servedPage(c: BenchCase, rounds: number, port: number) {
  const folder = await builtPage("side-by-side");
  const reference = (await referenceResults(c)).map((values) => [...values]);
  writeFileSync(join(folder, "case.json"), JSON.stringify({ case: c, reference, rounds } satisfies PageCase));
  return serve(folder, port);
}

/**
 * Runs the case in a page of Chromium of its own. Gives the entries, and the browser's name and version. Rejects with a ConfigError
 * where Chromium is not there or TensorFlow.js is not installed.
 */
export async function compareInChromium(c: BenchCase, rounds: number): Promise<{ entries: Entry[]; browser: string }> {
  const executablePath = chromiumProgram();
  const { url, close } = await servedPage(c, rounds, 0);
  const browser = await chromium.launch({ executablePath, args: chromiumFlags("webgpu", "webgl2") });
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(error.message));
    await page.goto(url);
    await page.waitForFunction(() => "finished" in window, undefined, { timeout: LIMIT_MS });
    const entries = await page.evaluate(() => (window as unknown as { finished: Entry[] }).finished);
    return { entries, browser: `Chromium ${browser.version()}` };
  } finally {
    await browser.close();
    await close();
  }
}

/** Gives the exit code: 0 where all were timed. */
export async function pageCommand({ cases, rounds, serve: served }: PageOptions): Promise<number> {
  if (served) {
    const { url } = await servedPage(cases[0], rounds, Number(process.env["PORT"] ?? 8080));
    console.log(`${url}   (${titleOf(cases[0])}, ${rounds} rounds; stop with Ctrl-C)`);
    await new Promise(() => undefined);
  }
  let complete = true;
  for (const c of cases) {
    const { entries, browser } = await compareInChromium(c, rounds);
    console.log(`\n${titleOf(c)}, ${rounds} rounds, ${browser}\n\n${sideBySideTable(entries)}\n`);
    for (const { name, description } of entries) console.log(`${name}: ${description}`);
    complete &&= entries.every(({ rounds_ms }) => rounds_ms.length > 0);
  }
  return complete ? 0 : 1;
}
