import { reduceOps } from "../../../src/kernels/contract.js";
import { runReference } from "../../../src/verify/run-reference.js";
import { absolute, axes, largest, lattice, lengths, usual, type Specs } from "./spec.js";
import type { NumberArray } from "../../../src/core/backend.js";

export const reductions: Specs<"reduce" | "sumSquares"> = {
  reduce: {
    cases: reduceOps.flatMap((op) => axes.map((size) => ({ op, ...size }))),
    draws: ({ op }) => ({ x: op === "sum" ? usual : lattice(-3, 3, 0.25) }),
    terms: ({ x }, attrs) => (attrs.op === "sum" ? { y: largest(runReference("reduce", { x: absolute(x) }, attrs, {}).y as NumberArray) } : {}),
  },
  sumSquares: { cases: [...lengths.map((n) => ({ sizes: [n] })), { sizes: [...lengths] }, { sizes: [40000, 1, 3, 17000, 8] }] },
};
