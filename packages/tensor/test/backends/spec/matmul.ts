import type { NumberArray } from "../../../src/core/backend.js";
import { asMatmul, type MatmulAttrs } from "../../../src/kernels/contract.js";
import { runReference } from "../../../src/verify/run-reference.js";
import { absolute, largest, largestTerms, type Specs } from "./spec.js";

const sizes = [
  [1, 1, 1, 1], [1, 3, 5, 7], [3, 17, 8, 19], [1, 64, 33, 64], [2, 16, 64, 5], [1, 8, 1, 33], [3, 1, 19, 1], [1, 33, 65, 130],
  [1, 1, 64, 19], [1, 256, 4, 8],
] as const;

/** 1x1 convolutions are products too: pixels by channels in by channels out, with a gradient of many rows. */
const pixels = [[1, 1, 1], [105, 8, 19], [16, 64, 33], [1027, 5, 3], [2, 33, 8], [7, 130, 1], [19, 1, 64]] as const;

const matmuls: MatmulAttrs[] = [
  ...sizes.flatMap(([batch, m, k, n]) => [[false, false], [false, true], [true, false], [true, true]]
    .map(([transposeA, transposeB]) => ({ batch, m, k, n, transposeA, transposeB }))),
  ...pixels.flatMap(([m, k, n]) => [
    asMatmul({ m, k, n }), { ...asMatmul({ m, k: n, n: k }), transposeB: true }, { ...asMatmul({ m: k, k: m, n }), transposeA: true },
  ]),
];

/** The largest sum of |a b| behind one element. */
const terms = (a: NumberArray, b: NumberArray, attrs: MatmulAttrs): number =>
  largest(runReference("matmul", { a: absolute(a), b: absolute(b) }, attrs, {}).y as NumberArray);

const linears = [
  ...sizes.filter(([batch]) => batch === 1).map(([, m, k, n]) => ({ m, k, n })), ...pixels.map(([m, k, n]) => ({ m, k, n })),
];

export const products: Specs<"matmul" | "linear" | "linearGrad"> = {
  matmul: { cases: matmuls, terms: ({ a, b }, attrs) => ({ y: terms(a, b, attrs) }) },
  linear: {
    cases: linears, terms: ({ x, w }, attrs) => ({ y: terms(x, w, asMatmul(attrs)) }),
  },
  linearGrad: {
    cases: linears, terms: ({ dy, x, w }, attrs) => largestTerms("linearGrad", { dy, x, w }, attrs),
  },
};
