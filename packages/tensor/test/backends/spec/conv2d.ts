import type { Conv2dAttrs } from "../../../src/kernels/contract.js";
import { largestTerms, type Specs } from "./spec.js";

const channels = [1, 3, 5, 8, 19, 33, 64];

/** Sides 1..17 both ways, every channel count on both sides, batch 1 and 3. */
const sides: Conv2dAttrs[] = Array.from({ length: 17 }, (_, i) => ({
  n: i % 4 === 0 ? 3 : 1, h: i + 1, w: 17 - i, cin: channels[i % 7], cout: channels[(3 * i + 2) % 7],
  kh: 3, kw: 3, stride: 1, pad: [1, 1, 1, 1],
}));

type ConvRow = readonly [n: number, h: number, w: number, cin: number, cout: number, kh: number, kw: number, stride: number,
  pad: readonly [number, number, number, number]];
const same = (k: number) => [(k - 1) / 2, (k - 1) / 2, (k - 1) / 2, (k - 1) / 2] as const;
const none = [0, 0, 0, 0] as const;
const bottomRight = [0, 1, 0, 1] as const;

const cases: Conv2dAttrs[] = [...sides, ...([
  [1, 2, 2, 1, 1, 1, 1, 2, none], [3, 5, 7, 8, 19, 1, 1, 2, none], [1, 4, 4, 64, 33, 1, 1, 3, none],
  [1, 9, 6, 5, 3, 1, 1, 2, none],
  [1, 1, 1, 19, 8, 3, 3, 1, same(3)], [3, 1, 1, 3, 5, 5, 5, 1, same(5)], [1, 1, 1, 8, 1, 7, 7, 1, same(7)],
  [1, 8, 8, 33, 64, 3, 3, 1, same(3)], [3, 9, 9, 64, 64, 3, 3, 1, same(3)], [1, 16, 16, 3, 33, 3, 3, 1, same(3)],
  [1, 6, 11, 8, 8, 3, 3, 1, none], [3, 3, 3, 5, 8, 3, 3, 1, none], [1, 7, 5, 8, 5, 3, 3, 1, [2, 2, 2, 2]],
  [1, 8, 8, 8, 16, 3, 3, 2, bottomRight], [3, 7, 9, 19, 5, 3, 3, 2, bottomRight], [1, 2, 2, 3, 8, 3, 3, 2, bottomRight],
  [1, 5, 6, 3, 3, 3, 3, 1, bottomRight], [1, 6, 5, 8, 3, 3, 3, 1, [1, 0, 1, 0]], [1, 7, 8, 5, 8, 3, 3, 2, [1, 0, 2, 1]],
  [1, 8, 8, 33, 19, 3, 3, 2, same(3)], [3, 7, 7, 8, 8, 3, 3, 2, same(3)], [1, 1, 5, 5, 1, 3, 3, 2, same(3)],
  [1, 9, 8, 3, 8, 5, 5, 1, same(5)], [3, 6, 6, 8, 5, 5, 5, 2, same(5)], [1, 5, 5, 19, 3, 5, 5, 1, none],
  [1, 11, 9, 3, 19, 7, 7, 1, same(7)], [1, 13, 8, 5, 8, 7, 7, 2, same(7)], [1, 7, 7, 1, 33, 7, 7, 1, none],
  [1, 6, 9, 3, 5, 1, 3, 1, [0, 0, 1, 1]], [1, 9, 6, 5, 3, 7, 1, 2, [3, 3, 0, 0]], [1, 8, 6, 5, 8, 2, 2, 2, none],
  [1, 5, 5, 2, 3, 1, 1, 1, [1, 1, 1, 1]], [3, 4, 6, 3, 2, 3, 3, 1, [3, 0, 0, 4]], [1, 9, 8, 5, 4, 2, 3, 3, [0, 1, 4, 0]],
] satisfies ConvRow[]).map(([n, h, w, cin, cout, kh, kw, stride, pad]) => ({ n, h, w, cin, kh, kw, cout, stride, pad }))];

export const convolutions: Specs<"conv2d" | "conv2dGradInput" | "conv2dGradWeight" | "conv2dBias" | "conv2dGrad"> = {
  conv2d: { cases, terms: ({ x, w }, attrs) => largestTerms("conv2d", { x, w }, attrs) },
  conv2dGradInput: { cases, terms: ({ dy, w }, attrs) => largestTerms("conv2dGradInput", { dy, w }, attrs) },
  conv2dGradWeight: { cases, terms: ({ x, dy }, attrs) => largestTerms("conv2dGradWeight", { x, dy }, attrs) },
  conv2dBias: { cases: cases.filter((_, i) => i % 2 === 0), terms: ({ x, w }, attrs) => largestTerms("conv2d", { x, w }, attrs) },
  conv2dGrad: { cases: cases.filter((_, i) => i % 2 === 1), terms: ({ dy, x, w }, attrs) => largestTerms("conv2dGrad", { dy, x, w }, attrs) },
};
