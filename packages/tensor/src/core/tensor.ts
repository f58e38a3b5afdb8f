import type { NumberArray } from "./backend.js";
import type { Device, DeviceBuffer, Scope } from "./device.js";
import { DisposedError, ShapeError } from "./errors.js";
import { inspectSymbol } from "./inspect.js";
import type { DType } from "../kernels/contract.js";
import { formatShape, sizeOf, type Shape } from "./shape.js";

/**
 * An n-dimensional array on a device: shape, dtype, and storage that only the device can read.
 * Values never change, except those of tensors handed to an update kernel (optimiser, EMA).
 * Tensors are made by ops (`zeros`, `tensor`, `add`, ...), never by this constructor.
 */
export class Tensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly device: Device;
  /** @internal Shared by the tensors that show the same values under other shapes. */
  readonly buffer: DeviceBuffer;
  /** Number of elements. */
  readonly size: number;
  /** @internal The scope that frees this tensor; undefined for persistent ones. With its neighbours in the scope's list (scope.ts). */
  scope: Scope | undefined;
  /** @internal */
  before: Tensor | undefined;
  /** @internal */
  after: Tensor | undefined;
  #disposed = false;

  /** @internal */
  constructor(shape: Shape, dtype: DType, device: Device, buffer: DeviceBuffer) {
    this.shape = shape;
    this.dtype = dtype;
    this.device = device;
    this.buffer = buffer;
    this.size = sizeOf(shape);
    this.scope = undefined;
    this.before = undefined;
    this.after = undefined;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Whether its memory was freed. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** A copy of the values in row-major order, once everything before is computed. Throws DisposedError. */
  async data(): Promise<NumberArray> {
    this.assertAlive("data()");
    return this.device.read(this);
  }

  /** The value of a tensor with one element. Throws ShapeError for any other size. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(`item: the tensor has ${this.size} elements, not 1`, [`x        ${formatShape(this.shape)}`]);
    }
    return (await this.data())[0];
  }

  /** Gives the storage back to the device; a second call does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.device.release(this);
  }

  /** "Tensor f32 [2, 3] on reference"; for the values, `await format(t)`. */
  toString(): string {
    return `Tensor ${this.dtype} ${formatShape(this.shape)} on ${this.device.name}${this.#disposed ? " (disposed)" : ""}`;
  }

  /** What console.log shows. */
  [inspectSymbol](): string {
    return this.toString();
  }

  /** @internal Throws DisposedError naming the use. */
  assertAlive(use: string): void {
    if (!this.#disposed) return;
    throw new DisposedError(`${use}: the tensor was disposed`, [`x        ${this.dtype} ${formatShape(this.shape)}`]);
  }
}
