/** What a page does while it is driven: what it says on its console, what it fetches in vain, and how long its main thread is busy at once. */
import type { Page } from "playwright-core";

export interface Watched {
  /** Errors of the console, of scripts, and files that were not there. */
  errors(): string[];
  /** The longest task since the page was opened, in milliseconds; 0 where none took 50. */
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
    const tasks: number[] = [];
    Object.assign(window, { tasks });
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask", buffered: true });
  });
  return {
    errors: () => errors,
    longestTask: () => page.evaluate(() => Math.max(0, ...(window as unknown as { tasks: number[] }).tasks)),
  };
}
