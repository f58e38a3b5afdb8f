/** Taking parts of a tensor, and the reverse, padding. */
import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import { foldAxis, formatShape, normalizeAxis, sizeOf } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { chain, type Step } from "../shared/chain.js";
import { full } from "./create.js";

/**
 * x[starts[0]:ends[0], starts[1]:ends[1], ...] by NumPy's rules: negative positions count from the end, undefined means from the
 * start or to the end, positions past an end are cut off, axes not listed stay whole. Throws ShapeError when more axes are
 * listed than x has, or a position is no integer.
 */
export function slice(x: Tensor, starts: readonly (number | undefined)[], ends: readonly (number | undefined)[] = []): Tensor {
  assertTensor("slice", "x", x);
  const listed = Math.max(starts.length, ends.length);
  if (listed > x.rank) {
    throw new ShapeError(`slice: ${listed} axes are listed, the tensor has ${x.rank}`, [`x        ${formatShape(x.shape)}`]);
  }
  const ranges = x.shape.map((side, axis): [start: number, size: number] => {
    const start = position(starts[axis] ?? 0, side);
    return [start, Math.max(0, position(ends[axis] ?? side, side) - start)];
  });
  const shape = [...x.shape];
  const steps = ranges.flatMap(([start, size], axis): Step<"slice">[] => {
    if (size === x.shape[axis]) return [];
    const [outer, length, inner] = foldAxis(shape, axis);
    shape[axis] = size;
    return [{ attrs: { outer, axis: length, inner, size }, scalars: { start } }];
  });
  return chain("slice", x, steps, ranges.map(([, size]) => size));
}

/**
 * Parts of x along `axis`: `count` equal ones, or one of each size listed. The reverse of `concat`.
 * Throws ShapeError when the count does not divide the axis, or the sizes do not add up to it.
 */
export function split(x: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  assertTensor("split", "x", x);
  const at = normalizeAxis("split", axis, x.rank);
  const side = x.shape[at];
  const list = typeof sizes === "number" ? new Array<number>(wholeCount(sizes)).fill(side / sizes) : sizes;
  if (list.some((size) => !Number.isInteger(size) || size < 0) || list.reduce((a, b) => a + b, 0) !== side) {
    throw new ShapeError(
      typeof sizes === "number" ? `split: ${sizes} equal parts do not fill axis ${at} of size ${side}`
        : `split: sizes [${sizes.join(", ")}] do not add up to axis ${at} of size ${side}`,
      [`x        ${formatShape(x.shape)}`],
    );
  }
  let start = 0;
  return list.map((size) => {
    const edge = (value: number): (number | undefined)[] => x.shape.map((_, i) => (i === at ? value : undefined));
    return slice(x, edge(start), edge(start += size));
  });
}

/**
 * x with `value` around it: [before, after] elements for each axis in turn, none for axes not listed.
 * Throws ShapeError when more axes are listed than x has, or a number is no integer >= 0.
 */
export function pad(x: Tensor, widths: readonly (readonly [before: number, after: number])[], value = 0): Tensor {
  assertTensor("pad", "x", x);
  if (widths.length > x.rank || widths.flat().some((width) => !Number.isInteger(width) || width < 0)) {
    throw new ShapeError("pad: widths must be pairs of integers >= 0, at most one pair for each axis", [
      `x        ${formatShape(x.shape)}`, `widths   ${widths.map((pair) => formatShape(pair)).join(", ")}`,
    ]);
  }
  const shape = [...x.shape];
  const steps = widths.flatMap(([before, after], axis): Step<"pad">[] => {
    if (before + after === 0) return [];
    const [outer, length, inner] = foldAxis(shape, axis);
    shape[axis] += before + after;
    return [{ attrs: { outer, axis: length, inner, before, after }, scalars: { value } }];
  });
  if (x.size === 0 && sizeOf(shape) > 0) return full(shape, value, x);
  return chain("pad", x, steps, shape);
}

/** A slice's position in 0 .. side. */
function position(at: number, side: number): number {
  if (!Number.isInteger(at)) throw new ShapeError(`slice: ${at} is no position`, ["positions are integers or undefined"]);
  return Math.min(Math.max(at < 0 ? at + side : at, 0), side);
}

function wholeCount(count: number): number {
  if (Number.isInteger(count) && count > 0) return count;
  throw new ShapeError(`split: ${count} is no number of parts`, ["allowed  integers >= 1"]);
}
