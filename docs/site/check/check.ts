/** What a check of a figure is: check/NAME.ts exports `check`, which drives figures/NAME.ts in a browser and reads its numbers. */
import type { Locator, Page } from "playwright-core";
import type { Readings } from "../figures/figure.js";

/** A figure on a page of the browser. */
export interface Driven {
  readonly page: Page;
  /** The figure's own element. */
  readonly root: Locator;
  read(): Promise<Readings>;
  set(state: Readonly<Record<string, unknown>>): Promise<void>;
  /** Reads until `test` is true of the numbers; throws with the last ones after `ms`, by default a minute. */
  until(what: string, test: (readings: Readings) => boolean, ms?: number): Promise<Readings>;
}

/**
 * Drives a figure as a reader does; says in a few words what was measured, and throws for what is wrong. `thorough` is true once for each
 * figure, and false where only another size or colour scheme is tried: then a second or two are enough.
 */
export type Check = (figure: Driven, thorough: boolean) => Promise<string>;

/** Throws unless it holds. */
export function hold(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
