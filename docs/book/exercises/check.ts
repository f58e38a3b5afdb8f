/** What the checks of exercises have in common. */

/** Looks at a solution, the module of a starter or an answer; rejects, or throws, with what is wrong. */
export type Check<S> = (solution: S) => void | Promise<void>;

/** Throws Error, with both numbers, unless got is within `tolerance` of wanted (absolute). NaN is near nothing. */
export function near(what: string, got: number, wanted: number, tolerance: number): void {
  if (Math.abs(got - wanted) <= tolerance) return;
  throw new Error(`${what}: got ${got}, wanted ${wanted}${tolerance > 0 ? ` to within ${tolerance}` : ""}`);
}
