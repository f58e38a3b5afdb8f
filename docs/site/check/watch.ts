/** What a page does while it is driven: what it says on its console, what it fetches in vain, and how long its main thread is busy at once. */
import type { Page } from "playwright-core";

export interface Watched {
  /** Errors of the console, of scripts, and files that were not there. */
  errors(): string[];
  /** What came until now was loading: the browser reads scripts, Vue takes over the page. */
  loaded(): Promise<void>;
  /** The longest tasks before and after that, in milliseconds; 0 where none took 50. */
  longestTasks(): Promise<{ loading: number; driving: number }>;
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
    const watchedTasks: { start: number; ms: number }[] = [];
    Object.assign(window, { watchedTasks, loadedAt: Infinity });
    new PerformanceObserver((list) => watchedTasks.push(...list.getEntries().map(({ startTime, duration }) => ({ start: startTime, ms: duration }))))
      .observe({ type: "longtask", buffered: true });
  });
  return {
    errors: () => errors,
    loaded: () => page.evaluate(() => { Object.assign(window, { loadedAt: performance.now() }); }),
    async longestTasks() {
      const { tasks, at } = await page.evaluate(() => {
        const { watchedTasks, loadedAt } = window as unknown as { watchedTasks: { start: number; ms: number }[]; loadedAt: number };
        return { tasks: watchedTasks, at: loadedAt };
      });
      const longest = (of: typeof tasks): number => Math.max(0, ...of.map(({ ms }) => ms));
      return { loading: longest(tasks.filter(({ start }) => start < at)), driving: longest(tasks.filter(({ start }) => start >= at)) };
    },
  };
}

interface TraceEvent { readonly name: string; readonly pid: number; readonly tid: number; readonly tdur?: number; readonly args?: { readonly name?: string } }

/**
 * Traces the browser from now on. The function that it gives ends that, and tells the longest task of a page's main thread in milliseconds
 * of that thread's own time, which other programs do not lengthen.
 */
export async function computedTasks(page: Page): Promise<() => Promise<number>> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ["toplevel"] });
  return async () => {
    const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
    const threads = new Set(traceEvents.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
    const tasks = traceEvents.filter(({ name, pid, tid }) => name.endsWith("RunTask") && threads.has(`${pid} ${tid}`));
    if (tasks.length === 0) throw new Error("the browser traced no task");
    return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000;
  };
}
