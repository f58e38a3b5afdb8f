import type { NumberArray } from "../../../src/core/backend.js";
import type { ResampleAttrs } from "../../../src/kernels/contract.js";
import { runReference } from "../../../src/verify/run-reference.js";
import { absolute, largest, type Specs } from "./spec.js";

const ups: ResampleAttrs[] = ([
  [1, 1, 1, 1, 2], [3, 3, 5, 3, 2], [1, 7, 2, 19, 2], [1, 8, 8, 64, 2], [1, 2, 3, 5, 3], [1, 3, 3, 8, 1], [1, 1, 4, 33, 4],
] as const).map(([n, h, w, c, scale]) => ({ n, h, w, c, scale }));

export const resampling: Specs<"upsampleNearest" | "sumPool"> = {
  upsampleNearest: { cases: ups },
  sumPool: {
    cases: ups.map(({ h, w, scale, ...rest }) => ({ ...rest, h: h * scale, w: w * scale, scale })),
    terms: ({ x }, attrs) => ({ y: largest(runReference("sumPool", { x: absolute(x) }, attrs, {}).y as NumberArray) }),
  },
};
