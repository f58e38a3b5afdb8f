/**
 * Reductions of one axis. A long axis with few results is cut into chunks, fixed by the shape: one kernel reduces every chunk, a
 * second one the results of the chunks. So enough threads have work, and rounding errors do not pile up along the axis.
 */
import type { AxisAttrs, KernelTable, ReduceOp } from "../../../kernels/contract.js";
import { assertExact, launch, withScratch, type GpuArray } from "../engine/engine.js";
import { foldedAt, foldedPlace, foldedSpace, line, type Folded } from "../engine/space.js";

/** Below this many results a GPU idles. */
const FEW_RESULTS = 1 << 14;
const LONG_AXIS = 128;

/** How `best` takes in the element v of place j; it starts as the first element. NaN wins. */
const folds: Readonly<Record<ReduceOp, string>> = {
  sum: "best += v;",
  max: "if (v > best || v !== v) { best = v; }",
  min: "if (v < best || v !== v) { best = v; }",
  argmax: "if (best === best) { if (v > best || v !== v) { best = v; place = j; } }",
};

/** y[o, k, i] = op over the elements j of chunk k of x[o, j, i] */
export function reduceChunks(y: GpuArray, x: GpuArray, { outer, axis, inner }: AxisAttrs, length: number, op: ReduceOp): void {
  const chunks = Math.ceil(axis / length);
  const size: Folded = [outer, chunks, inner];
  const from: Folded = [outer, axis, inner];
  launch(y, {
    kernel: op, output: foldedSpace(size), inputs: { x: [x, foldedSpace(from)] }, sizes: { axis, chunks, length },
    body: `
  ${foldedPlace(size, "chunks").replace(/\bj\b/g, "chunk")}
  let place = 0;
  let best = x[${foldedAt(from, "axis", "o", "chunk * length", "i")}];
  for (let l = 1; l < length; l++) {
    const j = chunk * length + l;
    if (j < axis) {
      const v = x[${foldedAt(from, "axis", "o", "j", "i")}];
      ${folds[op]}
    }
  }
  return ${op === "argmax" ? "place" : "best"};`,
  });
}

/** The whole axis, or about its square root where it is long and there are few results. */
export function chunkLength(axis: number, results: number): number {
  if (axis <= LONG_AXIS || results >= FEW_RESULTS) return axis;
  return Math.min(1024, 2 ** Math.ceil(Math.log2(axis) / 2));
}

/** Elements of the largest tensor that a thread of sumSquares takes, as long as there are not too many threads. */
const SHARE = 64;

/**
 * sums[t] = before[t] + the squares of the elements t, t + threads, t + 2 threads, ... of every tensor of a group, added tensor by
 * tensor. Neighbouring threads read neighbouring elements; a thread that a small tensor has nothing for passes it over. Places that
 * the group leaves free repeat its first tensor, with no elements, so that lists of every length have the same kernel.
 */
function addSquares(
  sums: GpuArray, before: GpuArray | undefined, group: readonly GpuArray[], places: number, threads: number,
): void {
  const each = <T>(f: (k: number) => T): T[] => Array.from({ length: places }, (_, k) => f(k));
  const lines = (text: (k: number) => string): string => each(text).join("\n  ");
  const tensor = (k: number): GpuArray => group[k] ?? group[0];
  launch(sums, {
    kernel: "sumSquares", output: line(threads),
    inputs: {
      ...Object.fromEntries(each((k) => [`x${k}`, [tensor(k), line(tensor(k).size)] as const])),
      ...(before === undefined ? {} : { before: [before, line(threads)] as const }),
    },
    sizes: {
      threads, rounds: Math.ceil(Math.max(...group.map(({ size }) => size)) / threads),
      ...Object.fromEntries(each((k) => [`n${k}`, group[k]?.size ?? 0])),
    },
    body: `
  ${lines((k) => `let sum${k} = 0;`)}
  for (let l = 0; l < rounds; l++) {
    const i = index + l * threads;
    ${lines((k) => `if (i < n${k}) { sum${k} += x${k}[i] * x${k}[i]; }`)}
  }
  let total = ${before === undefined ? "0" : "before[index]"};
  ${lines((k) => `total += sum${k};`)}
  return total;`,
  });
}

export const reductions = {
  reduce({ y }, { x }, attrs) {
    const { outer, axis, inner, op } = attrs;
    const length = chunkLength(axis, outer * inner);
    if (op === "argmax" || length === axis) {
      reduceChunks(y, x, attrs, axis, op);
      return;
    }
    const chunks = Math.ceil(axis / length);
    withScratch(y, [outer * chunks * inner], (partial) => {
      reduceChunks(partial, x, attrs, length, op);
      reductions.reduce({ y }, { x: partial }, { outer, axis: chunks, inner, op });
    });
  },

  /**
   * A launch takes as many tensors as a kernel may have inputs, the largest first, so that those of one launch have about one size
   * and often the sizes of another launch. Later launches take the sums so far among their inputs: each thread's sum is the same
   * however many tensors a launch takes.
   */
  sumSquares({ y }, { x }, { sizes }) {
    const largest = Math.max(...sizes);
    assertExact("sumSquares", largest);
    const threads = Math.min(FEW_RESULTS, Math.ceil(largest / SHARE));
    const tensors = [...x].sort((a, b) => b.size - a.size);
    const first = y.engine.limits.inputs;
    const then = first - 1; // the sums so far are an input too
    withScratch(y, [threads], (sums) => {
      addSquares(sums, undefined, tensors.slice(0, first), first, threads);
      for (let at = first; at < tensors.length; at += then) addSquares(sums, sums, tensors.slice(at, at + then), then, threads);
      reductions.reduce({ y }, { x: sums }, { outer: 1, axis: threads, inner: 1, op: "sum" });
    });
  },
} satisfies Pick<KernelTable<GpuArray>, "reduce" | "sumSquares">;
