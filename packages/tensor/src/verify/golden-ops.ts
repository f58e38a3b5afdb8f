/**
 * Golden numbers of single ops, files of kind "ops" in the format fromnoise-golden-1: inputs, output and gradients as some other
 * implementation computed them, in PyTorch's layouts (images NCHW, convolution weights OIHW, linear weights [out, in]).
 */
import type { Device } from "../core/device.js";
import { ConfigError } from "../core/errors.js";
import type { DType } from "../kernels/contract.js";
import { tensor } from "../ops/array/create.js";
import { permute, reshape, transpose } from "../ops/array/layout.js";
import { openDryDevice } from "../core/dry-device.js";
import { formatShape, sameShape, sizeOf, type Shape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { goldenError, numbersAt, objectAt, ownField, shapeAt, textAt } from "./golden-fields.js";
import { goldenOps, type GoldenAttrs, type Layout } from "./golden-table.js";

/** A tensor in a file of golden numbers, row by row. */
export interface GoldenTensor { shape: Shape; data: readonly number[] }

/** One op of a file: y = op(inputs), and the gradients of sum(y grad_output). */
export interface GoldenOp {
  op: string;
  attrs: GoldenAttrs;
  inputs: Readonly<Record<string, GoldenTensor>>;
  output: GoldenTensor;
  grad_output: readonly number[];
  grads: Readonly<Record<string, readonly number[]>>;
}

/**
 * How far one quantity is off. Output: max|difference| / max|reference|. Gradients: max|difference| / D, D the Euclidean norm of the
 * reference or, as some are 0 but for rounding (a bias before softmax), 1e-4 of the largest such norm in the file.
 */
export interface GoldenRow { quantity: string; error: number }

const SMALLEST_SCALE = 1e-4;

/**
 * The ops of a file of kind "ops" by their names, checked: what has to be a number, a shape or an object is one. Throws ConfigError that
 * names the first field that is not, and for a file without ops.
 */
export function goldenOpsOf(ops: unknown): Readonly<Record<string, GoldenOp>> {
  const named = Object.entries(objectAt(ops, "ops"));
  if (named.length === 0) throw goldenError("ops", ops, "one op or more: a file without any compares nothing");
  return Object.fromEntries(named.map(([name, op]) => [name, goldenOpAt(op, `ops.${name}`)]));
}

function goldenOpAt(value: unknown, where: string): GoldenOp {
  const fields = objectAt(value, where);
  const attrs = ownField(fields, "attrs");
  return {
    op: textAt(ownField(fields, "op"), `${where}.op`), attrs: attrs === undefined ? {} : objectAt(attrs, `${where}.attrs`),
    inputs: each(ownField(fields, "inputs"), `${where}.inputs`, goldenTensorAt), output: goldenTensorAt(ownField(fields, "output"), `${where}.output`),
    grad_output: numbersAt(ownField(fields, "grad_output"), `${where}.grad_output`),
    grads: each(ownField(fields, "grads"), `${where}.grads`, (gradient, at) => numbersAt(gradient, at)),
  };
}

function goldenTensorAt(value: unknown, where: string): GoldenTensor {
  const fields = objectAt(value, where);
  const shape = shapeAt(ownField(fields, "shape"), `${where}.shape`);
  return { shape, data: numbersAt(ownField(fields, "data"), `${where}.data`) };
}

/** What `read` makes of every field of an object. */
function each<T>(value: unknown, where: string, read: (value: unknown, where: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(objectAt(value, where)).map(([name, inner]) => [name, read(inner, `${where}.${name}`)]));
}

/** The largest Euclidean norm of a gradient among some ops: those of a file. */
export function largestGradient(ops: Iterable<GoldenOp>): number {
  let most = 0;
  for (const { grads } of ops) for (const gradient of Object.values(grads)) most = Math.max(most, normOf(gradient));
  return most;
}

/**
 * Runs one op of a file and compares its output ("output") and every gradient ("dx", "dw", ...) with the file's, whose largest
 * gradient is that of the op itself unless given.
 * Throws ConfigError for an op or input that is not known, a gradient without an input, data that do not fill their shape, and an
 * output of another shape than the op gives, which is found out before anything is computed.
 */
export async function runGoldenOp(
  given: GoldenOp, device: Device, dtype: DType = "f64", largestInFile = largestGradient([given]),
): Promise<GoldenRow[]> {
  const golden = goldenOpAt(given, given.op);
  if (!Object.hasOwn(goldenOps, golden.op)) {
    throw new ConfigError(`golden file: op "${golden.op}" is unknown`, [`allowed  ${Object.keys(goldenOps).join(", ")}`]);
  }
  const shapes = Object.fromEntries(Object.entries(golden.inputs).map(([name, { shape }]) => [name, shape]));
  const entry = goldenOps[golden.op](golden.attrs, shapes);
  const layoutOf = (name: string): Layout => {
    if (!Object.hasOwn(entry.inputs, name) || !Object.hasOwn(golden.inputs, name)) {
      throw new ConfigError(`golden file: the inputs of ${golden.op} do not fit`, [
        `inputs   ${Object.keys(golden.inputs).join(", ")}`, `expected ${Object.keys(entry.inputs).join(", ")}`,
      ]);
    }
    return entry.inputs[name];
  };
  Object.keys(entry.inputs).forEach(layoutOf);
  const loadOn = (where: Device) => (what: string, data: readonly number[], shape: Shape, layout: Layout): Tensor => {
    if (data.length !== sizeOf(shape)) {
      throw new ConfigError(`golden file: ${golden.op}: ${what} has ${data.length} values`, [
        `shape    ${formatShape(shape)} = ${sizeOf(shape)} values`,
      ]);
    }
    return fromTorch(tensor(Float64Array.from(data), { device: where, dtype, shape }), layout);
  };
  const inputsOn = (where: Device): Record<string, Tensor> => Object.fromEntries(
    Object.entries(golden.inputs).map(([name, { data, shape }]) => [name, loadOn(where)(name, data, shape, layoutOf(name))]));
  const dry = openDryDevice();
  const [ours, theirs] = dry.scope(() => (
    [entry.forward(inputsOn(dry)), loadOn(dry)("output", golden.output.data, golden.output.shape, entry.output)].map(({ shape }) => shape)
  ));
  if (!sameShape(ours, theirs)) {
    throw new ConfigError(`golden file: ${golden.op}: the output has another shape`, [`file     ${formatShape(theirs)}`, `op       ${formatShape(ours)}`]);
  }

  const load = loadOn(device);
  const compared = device.scope(() => {
    const inputs = inputsOn(device);
    const output = entry.forward(inputs);
    const expected = load("output", golden.output.data, golden.output.shape, entry.output);
    const dy = load("grad_output", golden.grad_output, golden.output.shape, entry.output);
    const gradients = entry.backward(dy, inputs);
    return {
      output: [output, expected] as const,
      gradients: Object.entries(golden.grads).map(([name, data]) => {
        const reference = load(`grads.${name}`, data, shapes[name], layoutOf(name));
        return { name: `d${name}`, pair: [gradients[`d${name}`], reference] as const };
      }),
    };
  });

  const rows: GoldenRow[] = [];
  const [y, yExpected] = await valuesOf(compared.output);
  rows.push({ quantity: "output", error: largestDifference(y, yExpected) / largest(yExpected) });
  for (const { name, pair } of compared.gradients) {
    const [dx, expected] = await valuesOf(pair);
    rows.push({ quantity: name, error: largestDifference(dx, expected) / Math.max(normOf(expected), SMALLEST_SCALE * largestInFile) });
  }
  for (const t of [...compared.output, ...compared.gradients.flatMap(({ pair }) => pair)]) t.dispose();
  return rows;
}

/** A tensor of a file in the layout of this library. */
function fromTorch(x: Tensor, layout: Layout): Tensor {
  switch (layout) {
    case "image": return permute(x, [0, 2, 3, 1]);                                                // [N, C, H, W] -> [N, H, W, C]
    case "kernel": return permute(x, [2, 3, 1, 0]);                                               // [O, I, H, W] -> [H, W, I, O]
    case "matrix": return transpose(x);                                                           // [out, in] -> [in, out]
    case "channels": return reshape(x, [x.size]);                                                 // [1, C, 1, 1] -> [C]
    case "heads": {                                                                               // [N, heads, d, L] ->
      const [n, heads, d, l] = x.shape;
      return reshape(permute(x, [0, 3, 1, 2]), [n, l, heads * d]);                                // [N, L, heads d]
    }
    case "same": return reshape(x, x.shape);
  }
}

async function valuesOf([a, b]: readonly [Tensor, Tensor]): Promise<[Float64Array, Float64Array]> {
  return [Float64Array.from(await a.data()), Float64Array.from(await b.data())];
}

/** The Euclidean norm, whatever the number of values. */
function normOf(values: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i] ** 2;
  return Math.sqrt(squares);
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Infinite where the numbers of values differ. */
function largestDifference(a: Float64Array, b: Float64Array): number {
  if (a.length !== b.length) return Infinity;
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}
