/** Layout kernels: they move numbers and, but for scatterAdd, compute nothing. (o, j, i) is a place in [outer, axis, inner]. */
import type { AxisAttrs, Kernel } from "../../../kernels/contract.js";
import { sizeOf, type Shape } from "../../../core/shape.js";
import { launch, type GpuArray } from "../engine/engine.js";
import { foldedAt, foldedPlace, foldedSpace, line, matrix, type Folded, type Space } from "../engine/space.js";

const fold = ({ outer, axis, inner }: AxisAttrs): Folded => [outer, axis, inner];

/** y[o, j, i] = x[o, i] */
export const expand: Kernel<"expand", GpuArray> = (y, { x }, attrs) => {
  const size = fold(attrs);
  const from: Folded = [attrs.outer, 1, attrs.inner];
  launch(y, {
    kernel: "expand", output: foldedSpace(size), inputs: { x: [x, foldedSpace(from)] }, sizes: { axis: attrs.axis },
    body: `${foldedPlace(size, "axis")} return x[${foldedAt(from, "1", "o", "0", "i")}];`,
  });
};

export const slice: Kernel<"slice", GpuArray> = (y, { x }, attrs, { start }) => {
  const size: Folded = [attrs.outer, attrs.size, attrs.inner];
  launch(y, {
    kernel: "slice", output: foldedSpace(size), inputs: { x: [x, foldedSpace(fold(attrs))] },
    sizes: { axis: attrs.axis, size: attrs.size }, scalars: { start },
    body: `${foldedPlace(size, "size")} return x[${foldedAt(fold(attrs), "axis", "o", "(start + j)", "i")}];`,
  });
};

export const pad: Kernel<"pad", GpuArray> = (y, { x }, attrs, { value }) => {
  const { outer, axis, inner, before, after } = attrs;
  const size: Folded = [outer, before + axis + after, inner];
  launch(y, {
    kernel: "pad", output: foldedSpace(size), inputs: { x: [x, foldedSpace(fold(attrs))] },
    sizes: { axis, before, padded: size[1] }, scalars: { value },
    body: `
  ${foldedPlace(size, "padded")}
  if (j >= before && j < before + axis) { return x[${foldedAt(fold(attrs), "axis", "o", "(j - before)", "i")}]; }
  return value;`,
  });
};

export const concat: Kernel<"concat", GpuArray> = (y, { a, b }, { outer, axisA, axisB, inner }) => {
  const sizeA: Folded = [outer, axisA, inner];
  const sizeB: Folded = [outer, axisB, inner];
  const size: Folded = [outer, axisA + axisB, inner];
  launch(y, {
    kernel: "concat", output: foldedSpace(size), inputs: { a: [a, foldedSpace(sizeA)], b: [b, foldedSpace(sizeB)] },
    sizes: { axisA, axisB, both: axisA + axisB },
    body: `
  ${foldedPlace(size, "both")}
  if (j < axisA) { return a[${foldedAt(sizeA, "axisA", "o", "j", "i")}]; }
  return b[${foldedAt(sizeB, "axisB", "o", "(j - axisA)", "i")}];`,
  });
};

export const gather: Kernel<"gather", GpuArray> = (y, { x, index: places }, attrs) => {
  const { outer, inner, count } = attrs;
  const size: Folded = [outer, count, inner];
  launch(y, {
    kernel: "gather", output: foldedSpace(size), inputs: { x: [x, foldedSpace(fold(attrs))], places: [places, line(count)] },
    sizes: { axis: attrs.axis, count },
    body: `${foldedPlace(size, "count")} const from = places[j]; return x[${foldedAt(fold(attrs), "axis", "o", "from", "i")}];`,
  });
};

/** The adjoint of gather: each element of y looks for those that were taken from its place, in the order of k. */
export const scatterAdd: Kernel<"scatterAdd", GpuArray> = (y, { x, index: places }, attrs) => {
  const { outer, inner, count } = attrs;
  const size = fold(attrs);
  const from: Folded = [outer, count, inner];
  launch(y, {
    kernel: "scatterAdd", output: foldedSpace(size), inputs: { x: [x, foldedSpace(from)], places: [places, line(count)] },
    sizes: { axis: attrs.axis, count },
    body: `
  ${foldedPlace(size, "axis")}
  let sum = 0;
  for (let k = 0; k < count; k++) {
    if (places[k] === j) { sum += x[${foldedAt(from, "count", "o", "k", "i")}]; }
  }
  return sum;`,
  });
};

/** Axes of size 1 are dropped and axes that stay neighbours are joined; then y's last axis gives the columns. */
export const permute: Kernel<"permute", GpuArray> = (y, { x }, attrs) => {
  const { shape, order } = joinAxes(attrs.shape, attrs.order);
  if (order.length < 2) {
    const n = sizeOf(shape);
    launch(y, { kernel: "permute", output: line(n), inputs: { x: [x, line(n)] }, body: "return x[index];" });
    return;
  }
  const last = order.length - 1;
  const sides = shape.map((_, axis) => `side${axis}`);
  const place = new Array<string>(order.length); // of the element in x, axis by axis
  place[order[last]] = "col";
  const lines = ["const rest = row;"];
  let rest = "rest";
  for (let k = last - 1; k > 0; k--) {
    lines.push(`const next${k} = div(${rest}, ${sides[order[k]]}); const at${k} = ${rest} - next${k} * ${sides[order[k]]};`);
    place[order[k]] = `at${k}`;
    rest = `next${k}`;
  }
  place[order[0]] = rest;
  const row = place.slice(0, last).reduce((address, at, axis) => (axis === 0 ? at : `(${address}) * ${sides[axis]} + ${at}`));
  launch(y, {
    kernel: "permute", output: rowsOf(order.map((axis) => shape[axis])), inputs: { x: [x, rowsOf(shape)] },
    sizes: Object.fromEntries(sides.map((side, axis) => [side, shape[axis]])),
    body: `${lines.join("\n  ")}\n  return x[${row}, ${place[last]}];`,
  });
};

const rowsOf = (shape: Shape): Space => matrix(sizeOf(shape.slice(0, -1)), shape[shape.length - 1]);

/** The same permutation over as few axes as possible. */
function joinAxes(shape: Shape, order: readonly number[]): { shape: number[]; order: number[] } {
  const groups: number[][] = []; // axes of x that move together, in the order of y
  for (const axis of order) {
    if (shape[axis] === 1) continue;
    const group = groups[groups.length - 1];
    const previous = group?.[group.length - 1];
    const adjacent = previous !== undefined && axis > previous && shape.slice(previous + 1, axis).every((side) => side === 1);
    if (adjacent) group.push(axis);
    else groups.push([axis]);
  }
  const inX = [...groups].sort(([a], [b]) => a - b);
  return {
    shape: inX.map((group) => group.reduce((product, axis) => product * shape[axis], 1)),
    order: groups.map((group) => inX.indexOf(group)),
  };
}
