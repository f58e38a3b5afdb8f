/**
 * What a figure of the book is. `figures/NAME.ts` exports `mount`; `<Figure name="NAME" />` in a page shows it; a test finds it as
 * `window.figures.NAME`.
 */

/** Numbers that are on show, by name. */
export type Readings = Readonly<Record<string, unknown>>;

export interface Figure<S> {
  /** Changes part of what the reader may change, and draws. */
  set(state: Partial<S>): void;
  /** The numbers on show. */
  read(): Readings;
  /** Stops what runs: timers, workers, listeners. */
  dispose(): void;
}

/** Fills an empty element with a figure. */
export type Mount<S> = (element: HTMLElement, state?: Partial<S>) => Figure<S>;
