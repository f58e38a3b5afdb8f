/** Threads on a plain server without headers, below a sub-path: the button, one reload and no more, and the way back. */
import type { Browser } from "playwright-core";
import { driven } from "./driven.js";
import { watch } from "./watch.js";

export async function threads(browser: Browser, url: string): Promise<{ line: string; wrong: string[] }> {
  const wrong: string[] = [];
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const watched = await watch(page);
  try {
    let loads = 0;
    page.on("load", () => { loads++; });
    await page.goto(`${url}book/9-train-digits.html`);
    await driven(page, "train-digits");
    if (await page.evaluate(() => crossOriginIsolated)) wrong.push("the server isolates the page by itself: nothing is shown by this");
    const pressed = performance.now();
    await page.locator(".use-threads").click();
    await page.waitForFunction(() => crossOriginIsolated);
    const took = performance.now() - pressed;
    const figure = await driven(page, "train-digits");
    await page.waitForTimeout(1500);
    if (loads !== 2) wrong.push(`the page was loaded ${loads} times, wanted once and once again`);
    await figure.set({ device: "wasm:deterministic", command: "step" });
    const stepped = await figure.until("a step with threads", ({ phase, step }) => phase === "failed" || (phase === "resting" && step === 1));
    if (!/\b[2-9]\d* threads/.test(String(stepped["on"]))) wrong.push(`the device is "${stepped["on"]}"; ${stepped["message"]}`);
    await page.goto(`${url}index.html`);
    const first = await driven(page, "first");
    await first.set({ label: 1 });
    await first.until("digits on another page of the site", ({ source }) => source === "computed");
    wrong.push(...watched.errors());
    return { line: `isolated ${(took / 1000).toFixed(2)} s after the button, one reload; ${stepped["on"]}`, wrong };
  } catch (error) {
    return { line: "", wrong: [...wrong, (error as Error).message] };
  } finally {
    await context.close();
  }
}
