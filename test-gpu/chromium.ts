/** Runs pages in the system's Chromium: the suite, and the site as a reader sees it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { buildPage, serve } from "../site/build.js";
import { readGoldens } from "./goldens.js";
import type { Outcome, Report } from "./suite.js";

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

type BrowserMode = keyof typeof MODE_FLAGS;
type Log = (line: string) => void;

export const chromiumIsThere = (): boolean => existsSync(CHROMIUM);

/** The suite in Chromium, in one mode; rejects when the page fails as a whole. */
export function runInChromium(mode: BrowserMode, log: Log): Promise<Report> {
  return withPage("page", mode, log, async (page, url) => {
    await page.goto(`${url}?mode=${mode}`);
    return JSON.parse(await page.evaluate(() => (window as unknown as { suite: Promise<string> }).suite)) as Report;
  });
}

/** The site in Chromium on webgpu: both demos train, their curves and samples are drawn. */
export function runSite(log: Log): Promise<Report> {
  return withPage("../site", "webgpu", log, async (page, url) => {
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

/** Builds the page in a folder of this one, serves it, and opens Chromium for it. */
async function withPage(folder: string, mode: BrowserMode, log: Log, use: (page: Page, url: string) => Promise<Report>): Promise<Report> {
  const built = mkdtempSync(join(tmpdir(), "fromnoise-page-"));
  try {
    await buildPage(fileURLToPath(new URL(folder, import.meta.url)), built);
    writeFileSync(join(built, "goldens.json"), JSON.stringify(readGoldens()));
    const { url, server } = await serve(built, 0);
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...MODE_FLAGS[mode]] });
    try {
      const page = await browser.newPage();
      page.on("console", (message) => log(message.text()));
      page.on("pageerror", (error) => log(error.message));
      return await use(page, url);
    } finally {
      await browser.close();
      server.close();
    }
  } finally {
    rmSync(built, { recursive: true });
  }
}
