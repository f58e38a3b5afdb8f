/** What the checks of figures have in common: a figure is driven through its own `set` and `read`, in Chromium. */
import type { JSHandle, Page } from "playwright-core";
import type { Figure } from "../figures/figure.js";

export type Driven = JSHandle<Figure<Record<string, unknown>>>;

/** What a figure shows. */
export async function read<R>(handle: Driven): Promise<R> {
  return await handle.evaluate((figure) => figure.read()) as R;
}

/** Changes a figure's state and gives what it shows once it has drawn it. Throws Error where it does not come to rest in 30 seconds. */
export async function setAndRead<R>(page: Page, handle: Driven, state: Record<string, unknown>): Promise<R> {
  await handle.evaluate((figure, given) => figure.set(given), state);
  return atRest<R>(page, handle);
}

/** What a figure shows once nothing is under way any more. */
export async function atRest<R>(page: Page, handle: Driven): Promise<R> {
  await page.waitForFunction((figure) => figure.read().ready === true, handle, { timeout: 30_000 });
  const shown = await read<{ failure?: string }>(handle);
  if (shown.failure !== undefined) throw new Error(`the figure failed: ${shown.failure}`);
  return shown as R;
}
