/** Devices: the one choke point that runs a kernel, and the scopes that free what a computation leaves behind. */
import type { Backend, NumberArray } from "./backend.js";
import { DeviceError, DisposedError, NoRoomError, ShapeError } from "./errors.js";
import { assertTensor } from "./expect-tensor.js";
import { compositions, isFused, kernels, operationName } from "../kernels/contract.js";
import type {
  Attrs, DType, Inputs, KernelName, LooseKernel, Outputs, RequiredKernelName, Runner, Scalars,
} from "../kernels/contract.js";
import { LeakWatch } from "./leak-watch.js";
import { here } from "./location.js";
import type { KernelCall, Observer, TensorsByName } from "./observe.js";
import { hasElements, isList, nameOf, storageOf, storages } from "./operands.js";
import { forEachTensor, moveTo, type Scope } from "./scope.js";
import { formatShape, sizeOf, type Shape } from "./shape.js";
import { signatures, type Signature } from "./signatures.js";
import { Tensor } from "./tensor.js";

export { forEachTensor, moveTo, type Scope };

/** @internal Storage shared by the tensors that show it; freed with the last of them. `mark` is for those who look for one met twice. */
export interface DeviceBuffer { storage: unknown; bytes: number; owners: number; mark: number }

/** What is alive on a device. */
export interface MemoryReport { tensors: number; bytes: number; peakBytes: number }

/** Shapes for the new outputs of a kernel, where they are not to be the canonical ones; the sizes must be equal. */
export type OutputShapes<K extends KernelName> = {
  readonly [name in Exclude<keyof Outputs<K, unknown>, keyof Inputs<K, unknown>>]?: Shape;
};

/** Takes what an observer of a whole device will say later. */
type VerdictSink = (verdict: Promise<void>) => void;

const BYTES = { f32: 4, f64: 8 } as const;

/** A place where tensors live and kernels run. Made by `openDevice`. */
export class Device {
  readonly name: string;
  readonly #backend: Backend<unknown>;
  #observers: readonly { readonly observer: Observer; readonly sink: VerdictSink }[] = [];
  #scope: Scope | undefined;
  #memory: MemoryReport = { tensors: 0, bytes: 0, peakBytes: 0 };
  #failure: Error | undefined;
  #leaks: LeakWatch | undefined;
  #disposed = false;

  /** A device over any backend. */
  static over<T>(name: string, backend: Backend<T>): Device {
    return new Device(name, backend as unknown as Backend<unknown>); // only the backend itself ever looks into its storage
  }

  private constructor(name: string, backend: Backend<unknown>) {
    this.name = name;
    this.#backend = backend;
  }

  /** One line for people: variant, threads, renderer. */
  get description(): string { return this.#backend.description; }

  /** Number types that the device computes in. */
  get dtypes(): readonly DType[] { return this.#backend.dtypes; }

  /** How the device rounds a b + c, where it knows: once ("fused"), or after each operation ("separate"). */
  get multiplyAdds(): "fused" | "separate" | undefined { return this.#backend.multiplyAdds; }

  /** Bytes that tensors can take in all, as far as is known before they are made: what is beyond need not be begun. */
  get capacity(): number {
    return this.#backend.capacity ?? Infinity;
  }

  /** Live tensors and bytes now, and the most bytes that were alive at once since `resetPeak`. */
  memory(): MemoryReport {
    return { ...this.#memory };
  }

  /** @internal Live tensors, for those who ask often. */
  get tensorCount(): number {
    return this.#memory.tensors;
  }

  /** From now on the peak is counted anew. */
  resetPeak(): void {
    this.#memory.peakBytes = this.#memory.bytes;
  }

  /**
   * Has an observer see every kernel of the device until the function that comes back is called; for one computation, `observe` is
   * the safer form. What the observer says later, by a promise, goes to `sink`; without one, a failure is thrown by the device's
   * next op, read or sync.
   */
  attach(observer: Observer, sink: VerdictSink = (verdict) => void verdict.catch((error: Error) => void (this.#failure ??= error))): () => void {
    const entry = { observer, sink };
    this.#observers = [...this.#observers, entry];
    return () => void (this.#observers = this.#observers.filter((other) => other !== entry));
  }

  /** @internal Has the device say once when a program makes tensors in a loop and never frees them. */
  warnOfLeaks(print: (line: string) => void): void {
    this.#leaks = new LeakWatch(this, print);
  }

  /** An error of the backend; where there is no room, with a word on the tensors that fill it. */
  #withTensors(error: unknown): unknown {
    return error instanceof NoRoomError ? error.filledBy(this.#memory.tensors) : error;
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
    try {
      return this.#own(this.#backend.upload(values, shape, dtype), shape, dtype);
    } catch (error) {
      throw this.#withTensors(error);
    }
  }

  /** The same values under another shape, in the same storage. Throws ShapeError when the sizes do not fit. */
  reshape(x: Tensor, shape: Shape): Tensor {
    x.assertAlive("reshape");
    if (sizeOf(shape) !== x.size) {
      throw new ShapeError(`reshape: ${x.size} elements do not fit the new shape`, [
        `x        ${formatShape(x.shape)}`, `shape    ${formatShape(shape)}`,
      ]);
    }
    x.buffer.owners++;
    return this.#enter(new Tensor(shape, x.dtype, this, x.buffer));
  }

  /**
   * @internal Runs a kernel on tensors of this device, for ops: attributes and the values of indices are theirs to check. New
   * outputs have the shapes given, or the kernel's own, and the dtype of the inputs (without inputs, `dtype`); updated inputs come
   * back as they are. Where there is nothing to compute, nothing runs. Throws when the inputs do not fit the kernel or each other.
   */
  run<K extends KernelName>(
    kernel: K, inputs: Inputs<K, Tensor>, attrs: Attrs<K>, scalars: Scalars<K>, shapes?: OutputShapes<K>, dtype?: DType,
  ): Outputs<K, Tensor> {
    const operands = inputs as unknown as TensorsByName;
    const signature = signatures[kernel];
    const type = this.#checkInputs(kernel, signature, operands, attrs) ?? this.#checkDtype(dtype ?? "f32");
    const named = (shapes ?? {}) as Readonly<Record<string, Shape | undefined>>;
    const entry = this.#backend.kernels[kernel] as LooseKernel<unknown> | undefined;
    if (entry === undefined) return this.#compose(kernel, inputs, attrs, scalars, named);

    const outputs: Record<string, Tensor | readonly Tensor[]> = {};
    const results: Record<string, unknown> = {}; // storages of the outputs
    let work = false;
    for (const name of signature.updated) {
      outputs[name] = operands[name];
      results[name] = storageOf(operands[name]);
      work ||= hasElements(operands[name]);
    }
    try {
      for (const { name, shape } of signature.fresh) {
        const canonical = shape(attrs);
        const y = this.#room(kernel, canonical, named[name] ?? canonical, type);
        outputs[name] = y;
        results[name] = y.buffer.storage;
        work ||= y.size > 0;
      }
      if (!work) return outputs as unknown as Outputs<K, Tensor>;
      if (this.#observers.length > 0) {
        this.#runObserved({ device: this, kernel, layer: here(), inputs: operands, attrs, scalars }, entry, outputs, results);
      } else {
        entry(results as never, storages(operands) as never, attrs, scalars);
      }
    } catch (error) {
      for (const { name } of signature.fresh) (outputs[name] as Tensor | undefined)?.dispose();
      throw this.#withTensors(error);
    }
    if (this.#leaks?.ran(kernel, attrs, outputs, signature)) this.#leaks = undefined;
    return outputs as unknown as Outputs<K, Tensor>;
  }

  /** Runs what a fused kernel stands for. */
  #compose<K extends KernelName>(
    kernel: K, inputs: Inputs<K, Tensor>, attrs: Attrs<K>, scalars: Scalars<K>, shapes: Readonly<Record<string, Shape | undefined>>,
  ): Outputs<K, Tensor> {
    if (!isFused(kernel)) throw new DeviceError(`${this.name} has no kernel ${kernel}`, [`kernels  ${Object.keys(kernels).join(", ")}`]);
    const composed = compositions[kernel] as (run: Runner<Tensor>, inputs: unknown, attrs: unknown, scalars: unknown) => TensorsByName;
    return this.scope(() => {
      const outputs = composed(this.#runner, inputs, attrs, scalars);
      const named = (name: string, y: Tensor): Tensor => this.reshape(y, shapes[name] ?? y.shape);
      return Object.fromEntries(Object.entries(outputs).map(([name, y]) => [name, name in inputs ? y : named(name, y as Tensor)]));
    }) as unknown as Outputs<K, Tensor>;
  }

  readonly #runner: Runner<Tensor> = (kernel, inputs, attrs, scalars) =>
    this.run<RequiredKernelName>(kernel, inputs as never, attrs as never, scalars as never) as never;

  /** Room for a new output. */
  #room(kernel: KernelName, canonical: Shape, shape: Shape, dtype: DType): Tensor {
    const size = sizeOf(canonical);
    if (size !== sizeOf(shape)) {
      throw new ShapeError(`${kernel}: the kernel gives ${formatShape(canonical)}, the op expects ${formatShape(shape)}`);
    }
    return size === 0 ? this.#empty(shape, dtype) : this.#own(this.#backend.allocate(canonical, dtype), shape, dtype);
  }

  #runObserved(call: KernelCall, entry: LooseKernel<unknown>, outputs: TensorsByName, results: Record<string, unknown>): void {
    const observers = this.#observers;
    this.#observers = []; // an observer's own kernels are not observed
    try {
      for (const { observer } of observers) observer.before?.(call);
      const started = performance.now();
      entry(results as never, storages(call.inputs) as never, call.attrs, call.scalars);
      const result = { ...call, outputs, ms: performance.now() - started };
      for (const { observer, sink } of observers) {
        const verdict = observer.after?.(result);
        if (verdict !== undefined) sink(verdict);
      }
    } finally {
      this.#observers = observers;
    }
  }

  /** @internal The values of a tensor: at once where the device computes at once, else a promise. */
  peek(x: Tensor): NumberArray | Promise<NumberArray> {
    if (x.size === 0) return x.dtype === "f32" ? new Float32Array() : new Float64Array();
    return this.#backend.read(x.buffer.storage);
  }

  /** @internal The source generated for a kernel; undefined where there is none. */
  source(kernel: KernelName): string | undefined {
    return this.#backend.source?.(kernel);
  }

  /** @internal The values of a tensor, copied. */
  async read(x: Tensor): Promise<NumberArray> {
    this.#assertUsable("data()");
    const values = await this.peek(x);
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
    const scope: Scope = { parent: this.#scope, last: undefined };
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
      while (scope.last !== undefined) scope.last.dispose();
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
    moveTo(t, undefined);
    this.#memory.tensors--;
    this.#leaks?.freed();
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

  /** Checks all inputs of a kernel; their dtype, undefined where there are none. */
  #checkInputs(kernel: KernelName, { inputs }: Signature, operands: TensorsByName, attrs: unknown): DType | undefined {
    if (this.#disposed || this.#failure !== undefined) this.#assertUsable(operationName(kernel, attrs));
    let first: Tensor | undefined;
    for (const input of inputs) {
      const operand = operands[input.name];
      if (input.shape !== undefined) {
        first ??= operand as Tensor;
        this.#checkInput(kernel, attrs, operands, input.name, operand as Tensor, first, input.shape(attrs));
        continue;
      }
      const list = operand as readonly Tensor[], shapes = input.list!(attrs);
      if (list.length !== shapes.length) throw new ShapeError(`${kernel}: ${input.name} has ${list.length} tensors, the kernel needs ${shapes.length}`);
      for (let i = 0; i < list.length; i++) {
        first ??= list[i];
        this.#checkInput(kernel, attrs, operands, input.name, list[i], first, shapes[i]);
      }
    }
    return first?.dtype;
  }

  #checkInput(
    kernel: KernelName, attrs: unknown, operands: TensorsByName, name: string, t: Tensor, first: Tensor, expected: Shape,
  ): void {
    if (!(t instanceof Tensor)) assertTensor(operationName(kernel, attrs), name, t);
    if (t.disposed) t.assertAlive(`${operationName(kernel, attrs)} (${name})`);
    if (t.device !== this) throw mixedDevices(operationName(kernel, attrs), nameOf(first, operands), first, name, t);
    if (t.dtype !== first.dtype) {
      throw new DeviceError(`${operationName(kernel, attrs)}: ${name} is ${t.dtype} where the other inputs are ${first.dtype}`, [
        "convert one with cast()",
      ]);
    }
    if (sizeOf(expected) !== t.size) {
      throw new ShapeError(`${operationName(kernel, attrs)}: ${name} has ${t.size} elements, the kernel needs ${sizeOf(expected)}`, [
        `${name.padEnd(8)} ${formatShape(t.shape)}   expected ${formatShape(expected)}`,
      ]);
    }
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
    return this.#enter(new Tensor(shape, dtype, this, { storage, bytes, owners: 1, mark: 0 }));
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
export function run<K extends KernelName>(
  kernel: K, inputs: Inputs<K, Tensor>, attrs: Attrs<K>, scalars: Scalars<K>, shapes?: OutputShapes<K>,
): Outputs<K, Tensor> {
  for (const name in inputs) {
    const operand = inputs[name] as Tensor | readonly Tensor[];
    const first: unknown = isList(operand) ? operand[0] : operand;
    if (!(first instanceof Tensor)) assertTensor(operationName(kernel, attrs), name, first);
    return first.device.run(kernel, inputs, attrs, scalars, shapes);
  }
  throw new DeviceError(`${kernel}: without inputs there is no device to run on`);
}

function mixedDevices(op: string, nameA: string, a: Tensor, nameB: string, b: Tensor): DeviceError {
  return new DeviceError(`${op}: the inputs live on two devices, ${a.device.name} and ${b.device.name}`, [
    `${nameA}: ${a.toString()}`, `${nameB}: ${b.toString()}`, "move one with to(x, device)",
  ]);
}
