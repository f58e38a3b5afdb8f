import type { PermuteAttrs } from "../../../src/kernels/contract.js";
import { runReference } from "../../../src/verify/run-reference.js";
import { absolute, axes, largest, lattice, type Specs } from "./spec.js";
import type { NumberArray } from "../../../src/core/backend.js";

const permutations: PermuteAttrs[] = ([
  [[5, 2], [1, 0]], [[3, 7], [1, 0]], [[33, 64], [1, 0]], [[2, 3, 5], [2, 1, 0]], [[2, 3, 5], [0, 2, 1]], [[19, 8, 3], [1, 0, 2]],
  [[3, 4, 5, 6], [0, 2, 1, 3]], [[2, 3, 4, 5], [3, 1, 0, 2]], [[2, 3, 3, 2], [2, 0, 3, 1]], [[3, 3, 8, 5], [3, 2, 1, 0]],
  [[2, 2, 3, 2, 5], [4, 2, 0, 3, 1]], [[2, 3, 2, 2, 3], [0, 2, 4, 1, 3]], [[2, 3, 4, 5], [0, 3, 2, 1]],
  [[3, 2, 2, 2, 2, 2, 2, 3], [7, 6, 5, 4, 3, 2, 1, 0]],
] as const).map(([shape, order]) => ({ shape, order }));

const gathers = ([
  [1, 1, 1, 1], [1, 5, 8, 3], [1, 17, 19, 40], [3, 4, 1, 9], [2, 8, 5, 8], [1, 3, 64, 64],
] as const).map(([outer, axis, inner, count]) => ({ outer, axis, inner, count }));

export const layout: Specs<"expand" | "permute" | "slice" | "pad" | "concat" | "gather" | "scatterAdd"> = {
  expand: { cases: axes },
  permute: { cases: permutations },
  slice: {
    cases: axes.flatMap((size) => [...new Set([1, Math.ceil(size.axis / 2), size.axis])].map((length) => ({ ...size, size: length }))),
    scalars: ({ axis, size }, random) => ({ start: random.integers(1, axis - size + 1)[0] }),
  },
  pad: {
    cases: axes.flatMap((size) => [[1, 1], [0, 1], [2, 0]].map(([before, after]) => ({ ...size, before, after }))),
    scalars: () => ({ value: 0.7 }),
  },
  concat: { cases: axes.map(({ outer, axis, inner }, i) => ({ outer, inner, axisA: axis, axisB: [1, 8, 3][i % 3] })) },
  gather: { cases: gathers, draws: ({ axis }) => ({ index: lattice(0, axis - 1, 1) }) },
  scatterAdd: {
    cases: gathers, draws: ({ axis }) => ({ index: lattice(0, axis - 1, 1) }),
    terms: ({ x, index }, attrs) => ({ y: largest(runReference("scatterAdd", { x: absolute(x), index }, attrs, {}).y as NumberArray) }),
  },
};
