/** Layout kernels: they move numbers and, but for scatterAdd, compute nothing. (o, j, i) is a place in [outer, axis, inner]. */
import type { AxisAttrs, KernelTable } from "../../../kernels/contract.js";
import { sizeOf, type Shape } from "../../../core/shape.js";
import { launch, type GpuArray } from "../engine/engine.js";
import { foldedAt, foldedPlace, foldedSpace, line, matrix, type Folded, type Space } from "../engine/space.js";

const fold = ({ outer, axis, inner }: AxisAttrs): Folded => [outer, axis, inner];

/** An array seen from its last axis. */
const rowsOf = (shape: Shape): Space => matrix(sizeOf(shape.slice(0, -1)), shape[shape.length - 1]);

export const layout = {
  /** y[o, j, i] = x[o, i] */
  expand({ y }, { x }, attrs) {
    const size = fold(attrs);
    const from: Folded = [attrs.outer, 1, attrs.inner];
    launch(y, {
      kernel: "expand", output: foldedSpace(size), inputs: { x: [x, foldedSpace(from)] }, sizes: { axis: attrs.axis },
      body: `${foldedPlace(size, "axis")} return x[${foldedAt(from, "1", "o", "0", "i")}];`,
    });
  },

  /** y's last axis gives the columns; the row is taken apart into the other places, from which x's row is put together. */
  permute({ y }, { x }, { shape, order }) {
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
  },

  slice({ y }, { x }, attrs, { start }) {
    const size: Folded = [attrs.outer, attrs.size, attrs.inner];
    launch(y, {
      kernel: "slice", output: foldedSpace(size), inputs: { x: [x, foldedSpace(fold(attrs))] },
      sizes: { axis: attrs.axis, size: attrs.size }, scalars: { start },
      body: `${foldedPlace(size, "size")} return x[${foldedAt(fold(attrs), "axis", "o", "(start + j)", "i")}];`,
    });
  },

  pad({ y }, { x }, attrs, { value }) {
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
  },

  concat({ y }, { a, b }, { outer, axisA, axisB, inner }) {
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
  },

  gather({ y }, { x, index: places }, attrs) {
    const { outer, inner, count } = attrs;
    const size: Folded = [outer, count, inner];
    launch(y, {
      kernel: "gather", output: foldedSpace(size), inputs: { x: [x, foldedSpace(fold(attrs))], places: [places, line(count)] },
      sizes: { axis: attrs.axis, count },
      body: `${foldedPlace(size, "count")} const from = places[j]; return x[${foldedAt(fold(attrs), "axis", "o", "from", "i")}];`,
    });
  },

  /** The adjoint of gather: each element of y looks for those that were taken from its place, in the order of k. */
  scatterAdd({ y }, { x, index: places }, attrs) {
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
  },
} satisfies Pick<KernelTable<GpuArray>, "expand" | "permute" | "slice" | "pad" | "concat" | "gather" | "scatterAdd">;
