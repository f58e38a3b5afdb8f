/**
 * Reductions of one axis. A long axis with few results is cut into chunks, fixed by the shape: one kernel reduces every chunk, a
 * second one the results of the chunks. So enough threads have work, and rounding errors do not pile up along the axis.
 */
import type { AxisAttrs, Kernel, ReduceOp } from "../../../kernels/contract.js";
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

export const reduce: Kernel<"reduce", GpuArray> = (y, { x }, attrs) => {
  const { outer, axis, inner, op } = attrs;
  const length = chunkLength(axis, outer * inner);
  if (op === "argmax" || length === axis) {
    reduceChunks(y, x, attrs, axis, op);
    return;
  }
  const chunks = Math.ceil(axis / length);
  withScratch(y, [outer * chunks * inner], (partial) => {
    reduceChunks(partial, x, attrs, length, op);
    reduce(y, { x: partial }, { outer, axis: chunks, inner, op }, {});
  });
};

/** y[o, k, i] = op over the elements j of chunk k of x[o, j, i] */
function reduceChunks(y: GpuArray, x: GpuArray, { outer, axis, inner }: AxisAttrs, length: number, op: ReduceOp): void {
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

export const sumSquares: Kernel<"sumSquares", GpuArray> = (y, { x }, { n }) => {
  assertExact("sumSquares", n);
  const length = chunkLength(n, 1);
  const chunks = Math.ceil(n / length);
  const sumChunks = (sums: GpuArray): void => {
    launch(sums, {
      kernel: "sumSquares", output: line(chunks), inputs: { x: [x, line(n)] }, sizes: { n, length },
      body: `
  const start = index * length;
  let sum = 0;
  for (let l = 0; l < length; l++) {
    if (start + l < n) { sum += x[start + l] * x[start + l]; }
  }
  return sum;`,
    });
  };
  if (chunks === 1) {
    sumChunks(y);
    return;
  }
  withScratch(y, [chunks], (partial) => {
    sumChunks(partial);
    reduce(y, { x: partial }, { outer: 1, axis: chunks, inner: 1, op: "sum" }, {});
  });
};

