/** Devices: the one choke point that runs a kernel, and the scopes that free what a computation leaves behind. */
import type { Backend, NumberArray } from "./backend.js";
import { judge } from "../observers/checks.js";
import { debug, formatEvent, type KernelEvent } from "../observers/debug.js";
import { DeviceError, DisposedError, ShapeError } from "./errors.js";
import { compositions, isFused, type Runner } from "../kernels/fused.js";
import { kernelDefinition, operationName, updateKernels } from "../kernels/contract.js";
import type {
  AnyKernelName, Attrs, DType, FusedKernelName, Inputs, KernelName, Scalars, UpdateKernelName,
} from "../kernels/contract.js";
import { here } from "./location.js";
import { forEachTensor, moveTo, type Scope } from "./scope.js";
import { formatShape, sizeOf, type Shape } from "./shape.js";
import { Tensor } from "./tensor.js";

export { moveTo, type Scope };

/** @internal Storage shared by the tensors that show it; freed with the last of them. */
export interface DeviceBuffer { storage: unknown; bytes: number; owners: number }

/** What is alive on a device. */
export interface MemoryReport { tensors: number; bytes: number; peakBytes: number }

const BYTES = { f32: 4, f64: 8 } as const;

/** A place where tensors live and kernels run. Made by `openDevice`. */
export class Device {
  readonly name: string;
  /** Called after every kernel, for benches, `inspect` and tests; undefined costs nothing. */
  onKernel: ((event: KernelEvent) => void) | undefined;

  readonly #backend: Backend<unknown>;
  #scope: Scope | undefined;
  #memory: MemoryReport = { tensors: 0, bytes: 0, peakBytes: 0 };
  #failure: Error | undefined;
  #disposed = false;

  /** A device over any backend. */
  static over<T>(name: string, backend: Backend<T>): Device {
    return new Device(name, backend as unknown as Backend<unknown>); // only the backend itself ever looks into its storage
  }

  private constructor(name: string, backend: Backend<unknown>) {
    this.name = name;
    this.#backend = backend;
    if (debug.level >= 1) debug.print(`device ${name}: ${backend.description}`);
  }

  /** One line for people: variant, threads, renderer. */
  get description(): string {
    return this.#backend.description;
  }

  get dtypes(): readonly DType[] {
    return this.#backend.dtypes;
  }

  /** Live tensors and bytes now, and the most bytes that were alive at once since `resetPeak`. */
  memory(): MemoryReport {
    return { ...this.#memory };
  }

  resetPeak(): void {
    this.#memory.peakBytes = this.#memory.bytes;
  }

  /** A new tensor holding a copy of the values. Throws ShapeError when their number does not fit the shape. */
  upload(values: NumberArray, shape: Shape, dtype: DType): Tensor {
    this.#assertUsable(`upload of ${formatShape(shape)}`);
    this.#checkDtype(dtype);
    if (values.length !== sizeOf(shape)) {
      throw new ShapeError(`tensor: ${values.length} values do not fill the shape`, [
        `shape    ${formatShape(shape)} = ${sizeOf(shape)} values`,
      ]);
    }
    if (values.length === 0) return this.#empty(shape, dtype);
    return this.#own(this.#backend.upload(values, shape, dtype), shape, dtype);
  }

  /** The same values under another shape: the same storage where the backend allows it, else a copy. */
  reshape(x: Tensor, shape: Shape): Tensor {
    x.assertAlive("reshape");
    if (sizeOf(shape) !== x.size) {
      throw new ShapeError(`reshape: ${x.size} elements do not fit the new shape`, [
        `x        ${formatShape(x.shape)}`, `shape    ${formatShape(shape)}`,
      ]);
    }
    if (!this.#backend.sharesReshapes && x.size > 0) {
      return this.run("affine", { x }, { n: x.size }, { scale: 1, shift: -0 }, shape); // -0 + -0 = -0
    }
    x.buffer.owners++;
    return this.#enter(new Tensor(shape, x.dtype, this, x.buffer));
  }

  /**
   * Runs a kernel on tensors of this device; the output gets `shape`, whose size must be the kernel's, and the dtype of the
   * inputs (without inputs, `dtype`). An empty output runs nothing. Throws when the inputs do not fit the kernel or each other.
   */
  run<K extends KernelName | FusedKernelName>(
    kernel: K, inputs: Inputs<K, Tensor>, attrs: Attrs<K>, scalars: Scalars<K>, shape: Shape, dtype?: DType,
  ): Tensor {
    const type = this.#checkInputs(kernel, inputs as Record<string, Tensor>, attrs) ?? this.#checkDtype(dtype ?? "f32");
    const definition = kernelDefinition(kernel);
    const outputShape = definition.output(attrs as never);
    if (sizeOf(outputShape) !== sizeOf(shape)) {
      throw new ShapeError(`${kernel}: the kernel gives ${formatShape(outputShape)}, the op expects ${formatShape(shape)}`);
    }
    if (sizeOf(shape) === 0) return this.#empty(shape, type);
    const entry = this.#backend.kernels[kernel] as ((y: unknown, x: unknown, a: unknown, s: unknown) => void) | undefined;
    if (entry === undefined && isFused(kernel)) {
      const composed = compositions[kernel] as (run: Runner<Tensor>, inputs: unknown, attrs: unknown) => Tensor;
      return this.scope(() => this.reshape(composed(this.#runner, inputs, attrs), shape));
    }
    const y = this.#own(this.#backend.allocate(outputShape, type), shape, type);
    const started = this.#observed ? performance.now() : 0;
    try {
      entry!(y.buffer.storage, storages(inputs as Record<string, Tensor>), attrs, scalars);
      if (this.#observed) this.#observe(kernel, inputs as Record<string, Tensor>, attrs, scalars, y, started);
    } catch (error) {
      y.dispose();
      throw error;
    }
    return y;
  }

  /** Runs an update kernel, which replaces the contents of its first tensors. */
  update<K extends UpdateKernelName>(kernel: K, inputs: Inputs<K, Tensor>, attrs: Attrs<K>, scalars: Scalars<K>): void {
    const tensors = inputs as Record<string, Tensor>;
    this.#checkInputs(kernel, tensors, attrs);
    if (Object.values(tensors).every((t) => t.size === 0)) return;
    const started = this.#observed ? performance.now() : 0;
    const entry = this.#backend.kernels[kernel] as (x: unknown, a: unknown, s: unknown) => void;
    entry(storages(tensors), attrs, scalars);
    if (!this.#observed) return;
    for (const name of updateKernels[kernel].updates) this.#observe(kernel, tensors, attrs, scalars, tensors[name], started);
  }

  /** @internal The values of a tensor, copied. */
  async read(x: Tensor): Promise<NumberArray> {
    this.#assertUsable("data()");
    if (x.size === 0) return x.dtype === "f32" ? new Float32Array() : new Float64Array();
    const values = await this.#backend.read(x.buffer.storage);
    this.#throwStoredFailure();
    return values;
  }

  /** Waits until everything launched is done, without reading. Throws the first failure since the last wait. */
  async sync(): Promise<void> {
    this.#assertUsable("sync()");
    await this.#backend.sync();
    this.#throwStoredFailure();
  }

  /**
   * Runs fn at once and frees the tensors it made, except those reachable from its result (a tensor, array, object or Map),
   * which move to the enclosing scope; outside of any scope tensors live until disposed. When fn throws, all are freed.
   * Throws DeviceError when fn is asynchronous.
   */
  scope<R>(fn: () => R): R {
    this.#assertUsable("scope()");
    const scope: Scope = { parent: this.#scope, tensors: new Set() };
    this.#scope = scope;
    let result: R;
    try {
      result = fn();
      if (typeof (result as { then?: unknown } | undefined)?.then === "function") {
        Promise.resolve(result).catch(() => undefined); // this error is the one to report, not what becomes of the promise
        const advice = "read values outside the scope";
        throw new DeviceError("scope: the function returned a promise; scopes are synchronous", [advice]);
      }
      forEachTensor(result, (t) => {
        if (t.scope === scope) moveTo(t, scope.parent);
      });
    } finally {
      this.#scope = scope.parent;
      for (const t of [...scope.tensors]) t.dispose();
    }
    return result;
  }

  /** Makes a tensor persistent: no scope frees it, only `dispose()`. Returns it. */
  keep(t: Tensor): Tensor {
    t.assertAlive("keep");
    moveTo(t, undefined);
    return t;
  }

  /** @internal The innermost open scope; with `moveTo`, for containers that outlive the scope that fills them. */
  get currentScope(): Scope | undefined {
    return this.#scope;
  }

  /** @internal Called by `Tensor.dispose`. */
  release(t: Tensor): void {
    t.scope?.tensors.delete(t);
    t.scope = undefined;
    this.#memory.tensors--;
    if (--t.buffer.owners > 0) return;
    this.#memory.bytes -= t.buffer.bytes;
    if (!this.#disposed && t.size > 0) this.#backend.free(t.buffer.storage);
  }

  /** Frees the device and all it holds; its tensors cannot be used any more. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#backend.dispose();
  }

  readonly #runner: Runner<Tensor> = (kernel, inputs, attrs, scalars) =>
    this.run(kernel, inputs, attrs, scalars, kernelDefinition(kernel).output(attrs as never));

  get #observed(): boolean {
    return debug.level >= 2 || debug.check !== "none" || this.onKernel !== undefined;
  }

  #observe(
    kernel: AnyKernelName, inputs: Record<string, Tensor>, attrs: unknown, scalars: unknown, y: Tensor, started: number,
  ): void {
    const event: KernelEvent = {
      kernel, layer: here(), ms: performance.now() - started, output: y.shape,
      inputs: Object.entries(inputs).map(([name, t]) => [name, t.shape] as const),
      flops: kernelDefinition(kernel).flops?.(attrs as never) ?? 0,
    };
    this.onKernel?.(event);
    if (debug.level >= 2) debug.print(formatEvent(event, this.#memory.bytes, debug.level));
    if (debug.level >= 4) debug.print(this.#backend.source?.(kernel) ?? `${kernel}: the ${this.name} device generates no source`);
    if (debug.check !== "none") this.#check(kernel, inputs, attrs, scalars, y);
  }

  /** Judges a kernel's output: at once where it can be read at once, else when it arrives, for the next op or read to throw. */
  #check(kernel: AnyKernelName, inputs: Record<string, Tensor>, attrs: unknown, scalars: unknown, y: Tensor): void {
    const call = { kernel, attrs, scalars, device: this.name, layer: here(), output: y };
    const mode = debug.check;
    const read = (t: Tensor): NumberArray | Promise<NumberArray> => this.#backend.read(t.buffer.storage);
    const names = mode === "reference" ? Object.keys(inputs) : [];
    const arrays = [y, ...names.map((name) => inputs[name])].map(read);
    const operands = (operandValues: NumberArray[]): Record<string, NumberArray> =>
      Object.fromEntries(names.map((name, i) => [name, operandValues[i]]));
    if (!arrays.some((array) => array instanceof Promise)) {
      const [values, ...rest] = arrays as NumberArray[];
      return judge(mode, call, values, operands(rest));
    }
    Promise.all(arrays)
      .then(([values, ...rest]) => judge(mode, call, values, operands(rest)))
      .catch((error: Error) => void (this.#failure ??= error));
  }

  #checkInputs(kernel: AnyKernelName, inputs: Record<string, Tensor>, attrs: unknown): DType | undefined {
    const op = operationName(kernel, attrs);
    this.#assertUsable(op);
    const shapes = kernelDefinition(kernel).inputs as Record<string, (attrs: unknown) => Shape>;
    let first: Tensor | undefined;
    for (const name in inputs) {
      const t = inputs[name];
      t.assertAlive(`${op} (${name})`);
      first ??= t;
      if (t.device !== this) throw mixedDevices(op, Object.entries(inputs)[0], [name, t]);
      if (t.dtype !== first.dtype) {
        throw new DeviceError(`${op}: ${name} is ${t.dtype} where the other inputs are ${first.dtype}`, [
          "convert one with cast()",
        ]);
      }
      const expected = shapes[name](attrs);
      if (sizeOf(expected) !== t.size) {
        throw new ShapeError(`${op}: ${name} has ${t.size} elements, the kernel needs ${sizeOf(expected)}`, [
          `${name.padEnd(8)} ${formatShape(t.shape)}   expected ${formatShape(expected)}`,
        ]);
      }
    }
    return first?.dtype;
  }

  #checkDtype(dtype: DType): DType {
    if (this.dtypes.includes(dtype)) return dtype;
    throw new DeviceError(`${this.name} has no ${dtype}`, [`dtypes   ${this.dtypes.join(", ")}`]);
  }

  /** A tensor without elements: it has no storage, and backends never hear of it. */
  #empty(shape: Shape, dtype: DType): Tensor {
    return this.#own(undefined, shape, dtype);
  }

  #own(storage: unknown, shape: Shape, dtype: DType): Tensor {
    const bytes = sizeOf(shape) * BYTES[dtype];
    this.#memory.bytes += bytes;
    this.#memory.peakBytes = Math.max(this.#memory.peakBytes, this.#memory.bytes);
    return this.#enter(new Tensor(shape, dtype, this, { storage, bytes, owners: 1 }));
  }

  #enter(t: Tensor): Tensor {
    this.#memory.tensors++;
    moveTo(t, this.#scope);
    return t;
  }

  #assertUsable(use: string): void {
    if (this.#disposed) throw new DisposedError(`${use}: the ${this.name} device was disposed`);
    this.#throwStoredFailure();
  }

  #throwStoredFailure(): void {
    if (this.#failure === undefined) return;
    const failure = this.#failure;
    this.#failure = undefined;
    throw failure;
  }
}

/** Runs a kernel on the device of its inputs: how every op computes. Throws DeviceError when they live on different devices. */
export function run<K extends KernelName | FusedKernelName>(
  kernel: K, inputs: Inputs<K, Tensor>, attrs: Attrs<K>, scalars: Scalars<K>, shape: Shape,
): Tensor {
  const tensors = Object.values(inputs as Record<string, Tensor>);
  return tensors[0].device.run(kernel, inputs, attrs, scalars, shape);
}

function mixedDevices(op: string, [nameA, a]: [string, Tensor], [nameB, b]: [string, Tensor]): DeviceError {
  return new DeviceError(`${op}: the inputs live on two devices, ${a.device.name} and ${b.device.name}`, [
    `${nameA}: ${a.toString()}`, `${nameB}: ${b.toString()}`, "move one with to(x, device)",
  ]);
}

function storages(inputs: Record<string, Tensor>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const name in inputs) out[name] = inputs[name].buffer.storage;
  return out;
}
