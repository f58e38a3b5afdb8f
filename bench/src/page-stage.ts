/** A stage in Chromium, seen from the contender's process: requests go into the page, results come back. */
import { chromium, type Browser, type Page } from "playwright-core";
import { serve } from "./page-server.js";
import type { BenchName, BenchShape } from "./bench.js";
import { chromiumFlags, chromiumProgram } from "./chromium.js";
import type { PageAnswer, PagePrepared, PageRequest } from "./page/page.js";
import type { Prepared, Stage } from "./stage.js";

/**
 * Starts Chromium on a built page, and opens in it a device string or a peer's `name:backend`. Gives the stage, and the process of
 * Chromium. Rejects in the page's own words.
 */
export async function openPageStage(folder: string, spec: string, threads: number): Promise<{ stage: Stage; browser: number }> {
  const browser = await chromium.launch({ executablePath: chromiumProgram(), args: chromiumFlags(spec) });
  const { url } = await serve(folder, 0);
  const page = await browser.newPage();
  page.on("console", (message) => console.error(message.text()));
  page.on("pageerror", (error) => console.error(error.message));
  await page.goto(url);
  await page.waitForFunction(() => "answer" in window);
  const stage = new PageStage(page);
  stage.description = `${await stage.open(spec, threads)}, in Chromium ${browser.version()}`;
  return { stage, browser: await processOf(browser) };
}

/** The process of Chromium that the others belong to. */
async function processOf(browser: Browser): Promise<number> {
  const { processInfo } = await (await browser.newBrowserCDPSession()).send("SystemInfo.getProcessInfo");
  return processInfo.find(({ type }) => type === "browser")!.id;
}

type Answering = { answer(request: PageRequest): Promise<PageAnswer> };

class PageStage implements Stage {
  readonly #page: Page;
  description = "";

  constructor(page: Page) {
    this.#page = page;
  }

  async open(spec: string, threads: number): Promise<string> {
    return this.#ask<string>({ op: "open", spec, threads });
  }

  async setup(bench: BenchName, shape: BenchShape): Promise<Prepared> {
    const { results, ...times } = await this.#ask<PagePrepared>({ op: "setup", bench, shape });
    return { ...times, results: results.map(decode) };
  }

  warmUp(seconds: number): Promise<number> {
    return this.#ask({ op: "warm", seconds });
  }

  sample(seconds: number): Promise<number[]> {
    return this.#ask({ op: "run", seconds });
  }

  async #ask<T>(request: PageRequest): Promise<T> {
    const answer = await this.#page.evaluate((asked) => (window as unknown as Answering).answer(asked), request);
    if ("error" in answer) throw new Error(answer.error);
    return answer.value as T;
  }
}

/** The f64 values of a data URL. */
function decode(dataUrl: string): Float64Array {
  const bytes = Buffer.from(dataUrl.slice(dataUrl.indexOf(",") + 1), "base64");
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
