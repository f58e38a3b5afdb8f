/** Drives the site in Chromium as a reader does. */
import type { Page } from "playwright-core";
import { PLACE_MS, withPage, type Log } from "./chromium.js";
import type { Outcome, Part, Report } from "./report.js";
import { spiralIsDrawn, strokesAreDrawn } from "./site-pictures.js";

/** What a test sees of the site: its own state, and the longest time for which its main thread did not answer. */
type Watched = Window & { page: { state: string; losses: number[] }; longestPause: number };
/**
 * The page stays responsive: no pause of its main thread takes this share of the run. On the main thread training would take nearly
 * all of it; in the worker it is a tenth of a second, and on a busy machine what the system gives to others.
 */
const LONGEST_PAUSE = 0.5;

/** The site in Chromium: its demos train in its worker on every device that it offers, and what they draw resembles the data. */
export function runSite(log: Log): Promise<Report> {
  return withPage("../site", { modes: ["webgl2", "webgpu"], log }, async (page, url) => {
    const parts: Part[] = [];
    const devices: string[] = [];
    const demo = async (name: string, query: string, look: () => Promise<Outcome>): Promise<void> => {
      parts.push({ name, ...await runDemo(page, `${url}?${query}&start`, look) });
      devices.push((await page.textContent("#device"))!);
    };
    await demo("points, wasm", "demo=points&device=wasm&steps=1500", () => spiralIsDrawn(page, 0.3));
    const endless = `${url}?demo=points&device=wasm&steps=1000000&start`;
    parts.push({ name: "stop, and start again", ...await stopAndStart(page, endless) });
    await demo("digits, wasm", "demo=digits&device=wasm&steps=150&samples=12&samplesteps=10", () => strokesAreDrawn(page, 12, 0.5));
    for (const mode of ["webgpu", "webgl2"]) {
      await demo(`points, ${mode}`, `demo=points&device=gpu:${mode}&steps=150`, () => spiralIsDrawn(page, 0.8));
      const light = "steps=40&batch=4&channels=8,8&samples=6&samplesteps=5";
      await demo(`digits, ${mode}`, `demo=digits&device=gpu:${mode}&${light}`, () => strokesAreDrawn(page, 6, 0.3));
    }
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
  const [early, late] = [mean(losses.slice(0, 5)), mean(losses.slice(-10))];
  const measured = `loss ${early.toFixed(2)} to ${late.toFixed(2)}`;
  return { measured, failures: late < 0.6 * early ? [] : ["the loss does not fall"] };
}

/** Opens a demo, waits until it is done, judges its losses and looks at the canvases. */
async function runDemo(page: Page, url: string, look: () => Promise<Outcome>): Promise<Outcome & { seconds: number }> {
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
  const [learnt, drawn] = [learns(losses), await look()];
  const failures = [...learnt.failures, ...drawn.failures];
  if (pause > LONGEST_PAUSE * 1000 * seconds) failures.push(`the page did not answer for ${pause.toFixed(0)} ms`);
  const colors = await page.evaluate(() => {
    const canvas = document.getElementById("loss") as HTMLCanvasElement;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  if (colors < 3) failures.push(`the curve of the loss shows ${colors} colours`);
  const measured = `${learnt.measured}; ${drawn.measured}; longest pause of the page ${pause.toFixed(0)} ms`;
  return { measured, failures, seconds };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
