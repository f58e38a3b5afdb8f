/** Training steps side by side in one page: what the page is given, what it gives, and the table of both. */
import type { BenchCase } from "./bench.js";
import { median, relativeMargin } from "./statistics.js";
import { table } from "./table.js";

/** The page's `case.json`. */
export interface PageCase {
  readonly case: BenchCase;
  /** The right results, in f64. */
  readonly reference: readonly (readonly number[])[];
  readonly rounds: number;
}

/** One of those compared. Times in ms, null or missing where `note` says why. */
export interface Entry {
  readonly name: string;
  /** Version and renderer. */
  description: string;
  /** Kernels compiled, where the contender tells. */
  kernels: number | null;
  /** The two steps that are checked, the first of which compiles. */
  first_ms: number | null;
  /** Largest relative error of loss and norm of the gradient in these two steps. */
  error: number | null;
  readonly rounds_ms: number[];
  note: string;
}

/** Ours over TensorFlow.js on the same API. */
const RIVALS: Readonly<Record<string, string>> = { "gpu:webgpu": "tfjs:webgpu", "gpu:webgl2": "tfjs:webgl" };

/** The ratio of medians to the contender on the same API; undefined for peers and where either has no time. */
export function ratioToRival(entry: Entry, entries: readonly Entry[]): number | undefined {
  const rival = entries.find(({ name }) => name === RIVALS[entry.name]);
  if (rival === undefined || entry.rounds_ms.length === 0 || rival.rounds_ms.length === 0) return undefined;
  return median(entry.rounds_ms) / median(rival.rounds_ms);
}

export function sideBySideTable(entries: readonly Entry[]): string {
  const head = ["training step", "ms", "+-", "ratio to tfjs", "two checked steps, ms", "kernels", "error", "note"];
  return table(head, entries.map((entry) => {
    const { name, rounds_ms, first_ms, kernels, error, note } = entry;
    const margin = relativeMargin(rounds_ms);
    return [
      name, rounds_ms.length === 0 ? "-" : median(rounds_ms).toFixed(0), Number.isNaN(margin) ? "-" : `${margin.toFixed(0)} %`,
      ratioToRival(entry, entries)?.toFixed(2) ?? "-", first_ms?.toFixed(0) ?? "-", `${kernels ?? "-"}`,
      error?.toExponential(1) ?? "-", note.split("\n")[0],
    ];
  }));
}
