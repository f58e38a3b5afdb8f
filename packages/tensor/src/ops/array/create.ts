/** Making tensors: from host values, constants, ranges and random numbers. Without an open device in `options`, a ConfigError. */
import type { Device } from "../../core/device.js";
import { ConfigError, ShapeError } from "../../core/errors.js";
import { assertDeviceIn } from "../../core/expect-device.js";
import { assertTensor, inWords } from "../../core/expect-tensor.js";
import type { DType } from "../../kernels/contract.js";
import { Random } from "../../random/random.js";
import { checkShape, formatShape, sizeOf, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { checkIndices, type Indices } from "../shared/indices.js";

/** Where a tensor is made, and its dtype: "f32" unless set. */
export interface TensorOptions { device: Device; dtype?: DType }

/** Numbers in nested arrays: the outer array is axis 0. */
export type NestedArray = number | readonly NestedArray[];
type TypedArray = Float32Array | Float64Array
  | Int8Array | Int16Array | Int32Array | Uint8Array | Uint8ClampedArray | Uint16Array | Uint32Array;

/**
 * A tensor of host values: a number (shape []), nested arrays, or a typed array (one axis); with `shape`, its values in row-major
 * order. Throws ShapeError when nested arrays are ragged or the values do not fill the shape, ConfigError for what is no number.
 */
export function tensor(data: NestedArray | TypedArray, options: TensorOptions & { shape?: Shape }): Tensor {
  assertDeviceIn("tensor", options);
  const { device, dtype = "f32" } = options;
  const values = ArrayBuffer.isView(data) ? data : flatten(data);
  const shape = options.shape ?? shapeOf(data);
  checkShape("tensor", shape);
  const floats = values instanceof Float32Array || values instanceof Float64Array ? values : Float64Array.from(values);
  return device.upload(floats, shape, dtype);
}

/** y = 0 everywhere. Throws ShapeError on a broken shape. */
export function zeros(shape: Shape, options: TensorOptions): Tensor {
  return constant("zeros", shape, 0, options);
}

/** y = 1 everywhere. Throws ShapeError on a broken shape. */
export function ones(shape: Shape, options: TensorOptions): Tensor {
  return constant("ones", shape, 1, options);
}

/** y = value everywhere. Throws ShapeError on a broken shape. */
export function full(shape: Shape, value: number, options: TensorOptions): Tensor {
  return constant("full", shape, value, options);
}

function constant(op: string, shape: Shape, value: number, options: TensorOptions): Tensor {
  assertDeviceIn(op, options);
  checkShape(op, shape);
  const { device, dtype = "f32" } = options;
  return device.run("full", {}, { n: sizeOf(shape) }, { value }, { y: shape }, dtype).y;
}

/** Zeros of the shape, dtype and device of x. */
export function zerosLike(x: Tensor): Tensor {
  assertTensor("zerosLike", "x", x);
  return full(x.shape, 0, x);
}

/** Ones of the shape, dtype and device of x. */
export function onesLike(x: Tensor): Tensor {
  assertTensor("onesLike", "x", x);
  return full(x.shape, 1, x);
}

/**
 * y[i] = start + i step for i = 0 .. n - 1, n = max(0, ceil((stop - start) / step)): stop is left out.
 * Throws ShapeError when the step is 0 or a value is not finite.
 */
export function arange(start: number, stop: number, step: number, options: TensorOptions): Tensor {
  assertDeviceIn("arange", options);
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!Number.isFinite(count)) {
    throw new ShapeError("arange: start, stop and step give no finite number of values", [
      `start    ${start}`, `stop     ${stop}`, `step     ${step}`,
    ]);
  }
  return fill([count], (i) => start + i * step, options);
}

/**
 * num values from start to stop, both included: y[i] = start + i (stop - start) / (num - 1).
 * Throws ShapeError unless num is an integer >= 0.
 */
export function linspace(start: number, stop: number, num: number, options: TensorOptions): Tensor {
  assertDeviceIn("linspace", options);
  checkShape("linspace", [num]);
  const step = (stop - start) / (num - 1);
  return fill([num], (i) => (i === num - 1 && i > 0 ? stop : i === 0 ? start : start + i * step), options);
}

/** The identity matrix [n, n]. Throws ShapeError unless n is an integer >= 0. */
export function eye(n: number, options: TensorOptions): Tensor {
  assertDeviceIn("eye", options);
  checkShape("eye", [n, n]);
  return fill([n, n], (i) => (i % (n + 1) === 0 ? 1 : 0), options);
}

/** y[i, c] = 1 where c = indices[i], else 0: [count, classes]. Throws ShapeError when an index is not in 0 .. classes - 1. */
export function oneHot(indices: Indices, classes: number, options: TensorOptions): Tensor {
  assertDeviceIn("oneHot", options);
  checkShape("oneHot", [classes]);
  checkIndices("oneHot", indices, classes, `${classes} classes`);
  return fill([indices.length, classes], (i) => (indices[Math.floor(i / classes)] === i % classes ? 1 : 0), options);
}

/** Samples of N(0, 1), taken from `random` in f64 and rounded to the dtype: the same numbers on every device. */
export function randomNormal(shape: Shape, random: Random, options: TensorOptions): Tensor {
  assertRandom("randomNormal", random);
  assertDeviceIn("randomNormal", options);
  checkShape("randomNormal", shape);
  const { device, dtype = "f32" } = options;
  return device.upload(random.normal(sizeOf(shape)), shape, dtype);
}

/** Samples of U[0, 1), taken from `random` in f64 and rounded to the dtype, so that 1 can come up in f32. */
export function randomUniform(shape: Shape, random: Random, options: TensorOptions): Tensor {
  assertRandom("randomUniform", random);
  assertDeviceIn("randomUniform", options);
  checkShape("randomUniform", shape);
  const { device, dtype = "f32" } = options;
  return device.upload(random.uniform(sizeOf(shape)), shape, dtype);
}

function assertRandom(op: string, random: unknown): void {
  if (random instanceof Random) return;
  throw new ConfigError(`${op}: random is ${inWords(random)}, not a generator`, ["pass     new Random(seed)"]);
}

function fill(shape: Shape, value: (i: number) => number, { device, dtype = "f32" }: TensorOptions): Tensor {
  return device.upload(Float64Array.from({ length: sizeOf(shape) }, (_, i) => value(i)), shape, dtype);
}

function flatten(data: NestedArray): number[] {
  if (typeof data === "number") return [data];
  if (Array.isArray(data)) return (data as readonly NestedArray[]).flatMap(flatten);
  const advice = "pass     a number, nested arrays of numbers, or a typed array";
  throw new ConfigError(`tensor: among the values is ${inWords(data)}`, [advice]);
}

/** The shape of nested arrays. Throws ShapeError when arrays at one depth differ in shape. */
function shapeOf(data: NestedArray | TypedArray): Shape {
  if (typeof data === "number") return [];
  if (ArrayBuffer.isView(data)) return [data.length];
  const shapes = data.map(shapeOf);
  const odd = shapes.findIndex((shape) => formatShape(shape) !== formatShape(shapes[0]));
  if (odd > 0) {
    throw new ShapeError("tensor: the nested arrays are ragged", [
      `element 0 has shape ${formatShape(shapes[0])}, element ${odd} ${formatShape(shapes[odd])}`,
    ]);
  }
  return [data.length, ...(shapes[0] ?? [])];
}
