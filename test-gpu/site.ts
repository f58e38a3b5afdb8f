/** Drives the site in Chromium as a reader does. */
import type { Page } from "playwright-core";
import { MODE_FLAGS, PLACE_MS, withPage, type Log } from "./chromium.js";
import type { Outcome, Part, Report } from "./report.js";

/** What a test sees of the site: its own state, and the longest time for which its main thread did not answer. */
type Watched = Window & { page: { state: string; losses: number[] }; longestPause: number };
/**
 * The page stays responsive: no pause of its main thread takes this share of the run. On the main thread training would take nearly
 * all of it; in the worker it is a tenth of a second, and on a busy machine what the system gives to others.
 */
const LONGEST_PAUSE = 0.5;

/** The site in Chromium: both demos train in its worker, on wasm and on webgpu; their curves and samples are drawn. */
export function runSite(log: Log): Promise<Report> {
  return withPage("../site", { flags: MODE_FLAGS.webgpu, log }, async (page, url) => {
    const parts: Part[] = [];
    const devices: string[] = [];
    const demo = async (name: string, query: string, judge: (losses: number[]) => Outcome): Promise<void> => {
      parts.push({ name, ...await runDemo(page, `${url}?${query}&start`, judge) });
      devices.push((await page.textContent("#device"))!);
    };
    await demo("points, wasm", "demo=points&device=wasm&steps=600", learns);
    const endless = `${url}?demo=points&device=wasm&steps=1000000&start`;
    parts.push({ name: "stop, and start again", ...await stopAndStart(page, endless) });
    await demo("digits, wasm", "demo=digits&device=wasm&steps=60&samples=10&samplesteps=5", learns);
    await demo("points, webgpu", "demo=points&device=gpu:webgpu&steps=150", learns);
    const light = "steps=5&batch=2&channels=8,8&samples=4&samplesteps=1";
    await demo("digits, webgpu", `demo=digits&device=gpu:webgpu&${light}`, (losses) => {
      const wrong = losses.length !== 5 || losses.some((value) => !(value > 0.3 && value < 3)); // v of variance 1 is to be guessed
      const measured = `losses ${losses.map((value) => value.toFixed(2)).join(" ")}`;
      return { measured, failures: wrong ? ["losses out of range"] : [] };
    });
    return { description: [...new Set(devices)].join("; "), parts };
  });
}

/** The Stop button ends the worker at once, and another run begins at step 0. */
async function stopAndStart(page: Page, url: string): Promise<Outcome & { seconds: number }> {
  const started = performance.now();
  const steps = (): Promise<number> => page.evaluate(() => (window as unknown as Watched).page.losses.length);
  const trained = (): Promise<unknown> => page.waitForFunction(() => (window as unknown as Watched).page.losses.length >= 300);
  const failures: string[] = [];
  await page.goto(url);
  await trained();
  await page.click("[name=stop]");
  const atStop = await steps();
  await page.waitForTimeout(300);
  if (await steps() !== atStop) failures.push("steps went on after Stop");
  await page.click("[name=start]");
  const again = await steps();
  if (again >= 300) failures.push(`the second run began with ${again} steps`);
  await trained();
  await page.click("[name=stop]");
  return { measured: `stopped after ${atStop} steps`, failures, seconds: (performance.now() - started) / 1000 };
}

function learns(losses: number[]): Outcome {
  const [early, late] = [mean(losses.slice(0, 10)), mean(losses.slice(-20))];
  const measured = `loss ${early.toFixed(2)} to ${late.toFixed(2)}`;
  return { measured, failures: late < 0.6 * early ? [] : ["the loss does not fall"] };
}

/** Opens a demo, waits until it is done, and judges its losses and what stands on the canvases. */
async function runDemo(page: Page, url: string, judge: (losses: number[]) => Outcome): Promise<Outcome & { seconds: number }> {
  const started = performance.now();
  await page.goto(url);
  await page.evaluate(() => {
    const watched = window as unknown as Watched;
    watched.longestPause = 0;
    let last = performance.now();
    setInterval(() => {
      const now = performance.now();
      watched.longestPause = Math.max(watched.longestPause, now - last);
      last = now;
    }, 10);
  });
  const ended = (): boolean => ["done", "failed"].includes((window as unknown as Watched).page.state);
  await page.waitForFunction(ended, undefined, { timeout: PLACE_MS });
  const { losses, pause } = await page.evaluate(() => {
    const { page: { losses: values }, longestPause } = window as unknown as Watched;
    return { losses: values, pause: longestPause };
  });
  const error = await page.textContent("#error");
  const seconds = (performance.now() - started) / 1000;
  if (error !== "") return { measured: "", failures: [error!], seconds };
  const { measured, failures } = judge(losses);
  if (pause > LONGEST_PAUSE * 1000 * seconds) failures.push(`the page did not answer for ${pause.toFixed(0)} ms`);
  for (const id of ["loss", "samples"]) {
    const colors = await page.evaluate((name) => {
      const canvas = document.getElementById(name) as HTMLCanvasElement;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }, id);
    if (colors < 3) failures.push(`the canvas ${id} shows ${colors} colours`);
  }
  return { measured: `${measured}; longest pause of the page ${pause.toFixed(0)} ms`, failures, seconds };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
