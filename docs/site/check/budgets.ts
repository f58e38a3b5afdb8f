/** The first screen's budget: how much text it needs, when its figure lives, and what it does not load before it is asked to. */
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";

/** Bytes of text after gzip, and milliseconds until the first figure is drawn. */
const TEXT_BYTES = 100_000, FIRST_FIGURE_MS = 1000;
/** A busy machine lengthens times: the best of so many. */
const TRIES = 3;

export async function budgets(browser: Browser, url: string): Promise<{ line: string; wrong: string[] }> {
  const wrong: string[] = [];
  let text = 0, pictures = 0, best = Infinity;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    [text, pictures] = [0, 0];
    const reading: Promise<void>[] = [];
    const heavy: string[] = [];
    page.on("response", (response) => {
      const name = response.url();
      if (/worker|wasm|gpu|safetensors/.test(name)) heavy.push(name);
      if (response.status() === 200) reading.push(response.body().then((body) => {
        if (/\.(html|js|css|json)$|\/$/.test(name)) text += gzipSync(body).length;
        else pictures += body.length;
      }));
    });
    await page.goto(url);
    await page.waitForFunction(() => performance.getEntriesByName("first-figure").length > 0);
    best = Math.min(best, await page.evaluate(() => performance.getEntriesByName("first-figure")[0].startTime));
    await Promise.all(reading);
    if (heavy.length > 0) wrong.push(`loaded before anyone asked: ${heavy.join(", ")}`);
    await page.close();
    if (best < FIRST_FIGURE_MS) break;
  }
  if (text > TEXT_BYTES) wrong.push(`${text} bytes of text after gzip, at most ${TEXT_BYTES} are allowed`);
  if (best > FIRST_FIGURE_MS) wrong.push(`the first figure is drawn after ${best.toFixed(0)} ms, at most ${FIRST_FIGURE_MS} are allowed`);
  return { line: `${(text / 1000).toFixed(1)} kB of text after gzip, ${(pictures / 1000).toFixed(0)} kB of fonts and pictures; first figure after ${best.toFixed(0)} ms`, wrong };
}
