import type { NumberArray } from "../../../src/core/backend.js";
import { runReference } from "../../../src/verify/run-reference.js";
import { largest, uniform, type Specs } from "./spec.js";

const cases = ([[1, 1], [3, 2], [1, 17], [5, 8], [7, 33], [64, 64], [2, 257], [19, 5]] as const).map(([rows, n]) => ({ rows, n }));
const logits = uniform(-5, 5);

export const softmaxes: Specs<"softmax" | "softmaxGrad"> = {
  softmax: { cases, draws: () => ({ x: logits }) },
  softmaxGrad: {
    cases, draws: () => ({ dy: logits, y: logits }),
    settle: ({ y }, attrs) => ({ y: (runReference("softmax", { x: y }, attrs, {}).y as NumberArray).map(Math.fround) }),
    terms: ({ dy, y }) => ({ dx: largest(y) * largest(dy) }),
  },
};
