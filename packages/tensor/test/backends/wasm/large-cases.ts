/** Cases large enough that every kernel has several chunks, and what a wasm backend makes of them, bit for bit. */
import type { WasmBackend } from "../../../src/backends/wasm/index.js";
import type { Attrs, Conv2dAttrs, KernelName } from "../../../src/kernels/contract.js";
import type { Values } from "../../../src/verify/run-reference.js";
import { runOn } from "../conformance.js";
import { isListOf, makeInputs, makeScalars } from "../spec/index.js";

/** A kernel and its attributes. */
export type Case = { [K in KernelName]: readonly [K, Attrs<K>] }[KernelName];

const conv: Conv2dAttrs = { n: 2, h: 33, w: 29, cin: 19, cout: 33, kh: 3, kw: 3, stride: 1, pad: [1, 1, 1, 1] };
const strided: Conv2dAttrs = { ...conv, stride: 2, pad: [0, 1, 0, 1] };
/** More channels and tiles than a block of the gradient of the weights. */
const wide: Conv2dAttrs = { n: 3, h: 20, w: 21, cin: 70, cout: 67, kh: 3, kw: 3, stride: 1, pad: [1, 1, 1, 1] };
/** Few channels on one side. */
const fewInputs: Conv2dAttrs = { ...conv, cin: 3 };
const fewOutputs: Conv2dAttrs = { ...conv, cout: 2 };
const norm = { n: 3, hw: 1801, c: 33, groups: 11 };
/** So many images that gradients go image by image. */
const norms = { n: 13, hw: 1201, c: 24, groups: 4 };
const vector = { n: 150_003 };
/** Tensors that share chunks and are cut by them. */
const list = { sizes: [5, 70_003, 1, 32, 41_000, 9] };
const axes = { outer: 3, axis: 4001, inner: 9 };
const size = [3, 4001, 9] as const;
const flat = [1, 1, 108_027] as const;

/** Large enough that every kernel has several chunks. */
export const largeCases: readonly Case[] = [
  ["full", vector], ["unary", { op: "affine", ...vector }], ["where", vector],
  ["unary", { op: "silu", ...vector }], ["unary", { op: "raise", ...vector }], ["unary", { op: "exp", ...vector }],
  ["binary", { op: "multiply", size, a: size, b: [3, 1, 9] }], ["binary", { op: "siluGrad", size: flat, a: flat, b: flat }],
  ["reduce", { op: "sum", ...axes }], ["reduce", { op: "max", ...axes }], ["reduce", { op: "argmax", ...axes }],
  ["reduce", { op: "sum", outer: 2, axis: 70_001, inner: 1 }], 
  ["reduce", { op: "argmax", outer: 1, axis: 301, inner: 303 }], ["sumSquares", list],
  ["expand", axes],
  ["permute", { shape: [301, 403], order: [1, 0] }], ["permute", { shape: [3, 301, 103], order: [0, 2, 1] }],
  ["permute", { shape: [3, 300, 5, 33], order: [0, 2, 1, 3] }], 
  ["permute", { shape: [2, 3, 4, 2, 3, 4, 2, 3, 2], order: [8, 7, 6, 5, 4, 3, 2, 1, 0] }],
  ["slice", { ...axes, size: 3000 }], ["pad", { ...axes, before: 1, after: 2 }],
  ["concat", { outer: 5000, axisA: 3, axisB: 1, inner: 11 }], ["gather", { outer: 1, axis: 300, inner: 65, count: 2000 }],
  ["scatterAdd", { outer: 1, axis: 300, inner: 165, count: 2000 }],
  ["matmul", { batch: 3, m: 200, k: 65, n: 130, transposeA: false, transposeB: true }],
  ["matmul", { batch: 1, m: 33, k: 5000, n: 40, transposeA: true, transposeB: false }],
  ["linear", { m: 300, k: 65, n: 130 }], ["linearGrad", { m: 700, k: 65, n: 130 }],
  ["conv2d", conv], ["conv2dGradInput", conv], ["conv2dGradWeight", conv], ["conv2dBias", strided],
  ["conv2d", wide], ["conv2dGradInput", wide], ["conv2dGradWeight", wide],
  ["conv2dGradInput", strided], ["conv2dGradWeight", strided], ["conv2dGrad", wide], ["conv2dGrad", strided],
  ["conv2dBias", fewInputs], ["conv2dGradInput", fewInputs], ["conv2dGradWeight", fewInputs],
  ["conv2dBias", fewOutputs], ["conv2dGradInput", fewOutputs], ["conv2dGradWeight", fewOutputs],
  ["groupNormStats", norm], ["groupNormSilu", norm], ["groupNormSiluGrad", norm], ["groupNormSiluWithStats", norm],
  ["groupNormStats", norms], ["groupNorm", norms], ["groupNormGrad", norms], ["groupNormSiluGrad", norms],
  ["groupNormWithStats", norms], ["adaGroupNormSilu", norm], ["adaGroupNormSiluGrad", norm], ["adaGroupNormSiluGrad", norms],
  ["softmax", { rows: 900, n: 65 }], ["softmaxGrad", { rows: 900, n: 65 }],
  ["attention", { n: 2, heads: 3, l: 300, s: 65, d: 5 }], ["attention", { n: 1, heads: 2, l: 530, s: 1100, d: 8 }],
  ["attentionGrad", { n: 2, heads: 3, l: 65, s: 77, d: 33 }], ["attentionGrad", { n: 1, heads: 2, l: 130, s: 2100, d: 3 }],
  ["upsampleNearest", { n: 2, h: 40, w: 41, c: 19, scale: 2 }], ["sumPool", { n: 2, h: 80, w: 82, c: 19, scale: 2 }],
  ["adam", list], ["adamEma", list], ["ema", list], ["assign", vector],
];

const madeInputs = new Map<Case, Values>();

function inputsOf(attempt: Case): Values {
  const inputs = madeInputs.get(attempt) ?? makeInputs(attempt[0], attempt[1], 11);
  madeInputs.set(attempt, inputs);
  return inputs;
}

/** All outputs of a kernel, one after the other. */
export async function results(backend: WasmBackend, attempt: Case): Promise<Float32Array[]> {
  const [kernel, attrs] = attempt;
  const { outputs } = await runOn(backend, kernel, inputsOf(attempt), attrs, makeScalars(kernel, attrs, 11), { dtype: "f32" });
  return Object.values(outputs).flatMap((operand) => (isListOf(operand) ? operand : [operand])) as Float32Array[];
}
