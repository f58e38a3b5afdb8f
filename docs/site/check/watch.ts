/** What a page does while it is driven: what it says on its console, what it fetches in vain, and how long its main thread is busy at once. */
import type { Page } from "playwright-core";

export interface Watched {
  /** Errors of the console, of scripts, and files that were not there. */
  errors(): string[];
  /** Forgets the tasks until now. */
  forget(): Promise<void>;
  /** The longest task since then by the clock, in milliseconds; 0 where none took 50. */
  longestTask(): Promise<number>;
}

/** Watches a page from before it loads. */
export async function watch(page: Page): Promise<Watched> {
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => errors.push(`error: ${error.message}`));
  page.on("response", (response) => {
    if (response.status() >= 400) errors.push(`${response.status()}: ${response.url()}`);
  });
  await page.addInitScript(() => {
    const watchedTasks: number[] = [];
    Object.assign(window, { watchedTasks });
    new PerformanceObserver((list) => watchedTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask", buffered: true });
  });
  return {
    errors: () => errors,
    forget: () => page.evaluate(() => { (window as unknown as WithTasks).watchedTasks.length = 0; }),
    longestTask: () => page.evaluate(() => Math.max(0, ...(window as unknown as WithTasks).watchedTasks)),
  };
}

type WithTasks = Window & { watchedTasks: number[] };

interface TraceEvent { readonly name: string; readonly pid: number; readonly tid: number; readonly tdur?: number }

/** The mark by which a page's main thread is known in a trace, which may hold that of another process of the browser as well. */
const MARK = "watched";

/**
 * Traces the browser from now on. The function that it gives ends that, and tells the longest task of the page's main thread in milliseconds
 * of that thread's own time, which other programs do not lengthen. A trace holds some minutes at most; then the browser keeps no more.
 */
export async function ownTime(page: Page): Promise<() => Promise<number>> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ["toplevel", "blink.user_timing"] });
  return async () => {
    await page.evaluate((mark) => void performance.mark(mark), MARK);
    const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
    const marked = traceEvents.find(({ name }) => name === MARK);
    if (marked === undefined) throw new Error("the browser's trace does not know the page");
    const tasks = traceEvents.filter(({ name, pid, tid }) => name.endsWith("RunTask") && pid === marked.pid && tid === marked.tid);
    if (tasks.length < FEWEST) throw new Error(`the browser traced ${tasks.length} tasks of the page`);
    return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000;
  };
}

/** A page that loads has hundreds, one that is driven for a second some tens. */
const FEWEST = 10;
