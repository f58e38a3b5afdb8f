/** A figure of a page, by its name. */
import type { Page } from "playwright-core";
import type { Figure, Readings } from "../figures/figure.js";
import type { Driven } from "./check.js";

type WithFigures = Window & { figures?: Record<string, Figure<Record<string, unknown>>> };

/** Brings a figure onto the screen and waits until it is there. */
export async function driven(page: Page, name: string): Promise<Driven> {
  const root = page.locator(`[data-figure="${name}"]`);
  await root.scrollIntoViewIfNeeded();
  await page.waitForFunction((one) => (window as unknown as WithFigures).figures?.[one] !== undefined, name, { timeout: 60_000 });
  const read = (): Promise<Readings> => page.evaluate((one) => (window as unknown as WithFigures).figures![one].read(), name);
  return {
    page, root, read,
    set: (state) => page.evaluate(([one, change]) => (window as unknown as WithFigures).figures![one].set(change), [name, state] as const),
    async until(what, test, ms = 60_000) {
      const end = performance.now() + ms;
      for (;;) {
        const readings = await read();
        if (test(readings)) return readings;
        if (performance.now() > end) throw new Error(`${what}: not in ${ms / 1000} s; ${JSON.stringify(readings).slice(0, 400)}`);
        await page.waitForTimeout(50);
      }
    },
  };
}
