/** Cases large enough that every kernel has several chunks, and what a wasm backend makes of them, bit for bit. */
import type { WasmBackend } from "../../../src/backends/wasm/index.js";
import type { Storage } from "../../../src/backends/wasm/machine/machine.js";
import { updateKernels, type AnyKernelName, type Attrs, type Conv2dAttrs } from "../../../src/kernels/contract.js";
import { makeInputs, makeScalars } from "../conformance-inputs.js";
import { kernelShapes, type LooseKernel, type LooseUpdate } from "../run-reference.js";

/** A kernel and its attributes. */
export type Case = { [K in AnyKernelName]: readonly [K, Attrs<K>] }[AnyKernelName];

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
const axes = { outer: 3, axis: 4001, inner: 9 };
const size = [3, 4001, 9] as const;

/** Large enough that every kernel has several chunks. */
export const largeCases: readonly Case[] = [
  ["full", vector], ["affine", vector], ["where", vector],
  ["unary", { op: "silu", ...vector }], ["unary", { op: "exp", ...vector }],
  ["binary", { op: "multiply", size, a: size, b: [3, 1, 9] }], ["binary", { op: "siluGrad", size, a: size, b: size }],
  ["reduce", { op: "sum", ...axes }], ["reduce", { op: "max", ...axes }], ["reduce", { op: "argmax", ...axes }],
  ["reduce", { op: "sum", outer: 2, axis: 70_001, inner: 1 }], ["sumSquares", vector],
  ["expand", axes],
  ["permute", { shape: [301, 403], order: [1, 0] }], ["permute", { shape: [3, 300, 5, 33], order: [0, 2, 1, 3] }],
  ["slice", { ...axes, size: 3000 }], ["pad", { ...axes, before: 1, after: 2 }],
  ["concat", { outer: 5000, axisA: 3, axisB: 1, inner: 11 }], ["gather", { outer: 1, axis: 300, inner: 65, count: 2000 }],
  ["scatterAdd", { outer: 1, axis: 300, inner: 165, count: 2000 }],
  ["matmul", { batch: 3, m: 200, k: 65, n: 130, transposeA: false, transposeB: true }],
  ["matmul", { batch: 1, m: 33, k: 5000, n: 40, transposeA: true, transposeB: false }],
  ["linear", { batch: 1, m: 300, k: 65, n: 130, transposeA: false, transposeB: false }],
  ["conv2d", conv], ["conv2dGradInput", conv], ["conv2dGradWeight", conv], ["conv2dBias", strided],
  ["conv2d", wide], ["conv2dGradInput", wide], ["conv2dGradWeight", wide],
  ["conv2dGradInput", strided], ["conv2dGradWeight", strided],
  ["conv2dBias", fewInputs], ["conv2dGradInput", fewInputs], ["conv2dGradWeight", fewInputs],
  ["conv2dBias", fewOutputs], ["conv2dGradInput", fewOutputs], ["conv2dGradWeight", fewOutputs],
  ["groupNormStats", norm], ["groupNormSilu", norm], ["groupNormSiluGradInput", norm], ["groupNormSiluGradParams", norm],
  ["groupNormStats", norms], ["groupNorm", norms], ["groupNormGradInput", norms], ["groupNormGradParams", norms],
  ["groupNormSiluGradInput", norms],
  ["softmax", { rows: 900, n: 65 }], ["softmaxGrad", { rows: 900, n: 65 }],
  ["upsampleNearest", { n: 2, h: 40, w: 41, c: 19, scale: 2 }], ["sumPool", { n: 2, h: 80, w: 82, c: 19, scale: 2 }],
  ["adam", vector], ["ema", vector], ["assign", vector],
];

const madeInputs = new Map<Case, Record<string, Float64Array>>();

function inputsOf(attempt: Case): Record<string, Float64Array> {
  const inputs = madeInputs.get(attempt) ?? makeInputs(attempt[0], attempt[1], 11);
  madeInputs.set(attempt, inputs);
  return inputs;
}

/** The output of a kernel, or the tensors it replaces, one after the other. */
export function results(backend: WasmBackend, attempt: Case): Float32Array[] {
  const [kernel, attrs] = attempt;
  const inputs = inputsOf(attempt);
  const { inputs: shapes, output } = kernelShapes(kernel, attrs);
  const storage: Record<string, Storage> = {};
  for (const [name, values] of Object.entries(inputs)) storage[name] = backend.upload(values, shapes[name], "f32");
  const scalars = makeScalars(kernel, attrs, 11);
  const entry: unknown = backend.kernels[kernel];
  const y = backend.allocate(output, "f32");
  const isUpdate = kernel in updateKernels;
  if (isUpdate) (entry as LooseUpdate<Storage>)(storage, attrs, scalars);
  else (entry as LooseKernel<Storage>)(y, storage, attrs, scalars);
  const read = isUpdate ? Object.values(storage) : [y];
  const values = read.map((x) => backend.read(x) as Float32Array);
  for (const x of [...Object.values(storage), y]) backend.free(x);
  return values;
}
