/** Samples of a dataset as rows, and what is searched among them without all of them in memory. */
import { loadBatch } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import { NearestSearch, type Nearest, type NearestOptions } from "./nearest.js";
import type { Rows } from "./rows.js";

/** Samples of a block. */
const BLOCK = 256;

/** Called as work goes on. */
export interface Watched {
  /** What is done now, how much of it, and how much there is. */
  readonly onProgress?: ((what: string, done: number, total: number) => void) | undefined;
  /** Ends the work before its next part. */
  readonly signal?: AbortSignal | undefined;
}

/** The samples of these indices as rows. Throws as `loadBatch`. */
export function datasetRows(dataset: Dataset, indices: ArrayLike<number>): Rows {
  return { shape: [indices.length, ...dataset.shape], data: loadBatch(dataset, indices) };
}

/** n of `count` indices, evenly spread, in order: floor((k + 1/2) count / n); all of them where n is not less. */
export function evenly(count: number, n: number): Int32Array {
  const kept = Math.min(count, n);
  return Int32Array.from({ length: kept }, (_, k) => Math.floor(((k + 0.5) * count) / kept));
}

/** Blocks of consecutive indices: [0, 256), [256, 512), ... Gives others their turn between them. Throws the signal's reason. */
export async function* blocksOf(count: number, what: string, { onProgress, signal }: Watched = {}, size = BLOCK): AsyncGenerator<{ start: number; end: number }> {
  for (let start = 0; start < count; start += size) {
    signal?.throwIfAborted();
    const end = Math.min(count, start + size);
    yield { start, end };
    onProgress?.(what, end, count);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** For each row its nearest among all samples of a dataset, of which one block at a time is in memory. Throws as NearestSearch and `loadBatch`. */
export async function nearestIn(rows: Rows, dataset: Dataset, what: string, options: NearestOptions & Watched = {}): Promise<Nearest> {
  const search = new NearestSearch(rows, options);
  for await (const { start, end } of blocksOf(dataset.count, what, options)) {
    search.add(datasetRows(dataset, Int32Array.from({ length: end - start }, (_, k) => start + k)));
  }
  return search.result;
}
