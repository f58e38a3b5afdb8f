/** Arrays on the GPU and the one way in which kernels are launched on them. */
import { DeviceError, DisposedError } from "../../../core/errors.js";
import type { GpuKernel } from "./gpu-js.js";
import { checkLimits, type Limits } from "./limits.js";
import type { Mode } from "../modes/mode.js";
import { Queue } from "./queue.js";
import { javascript } from "../notation/source.js";
import { EXACT, isQuads, line, type Space } from "./space.js";

/** Storage of one array: what the mode keeps for it, once the kernel that computes it has been launched. */
export interface GpuArray {
  readonly engine: Engine;
  readonly size: number;
  handle: unknown;
  freed: boolean;
}

/**
 * A launch: the body of the kernel (notation in source.ts), the spaces in which it sees its arrays, its sizes and scalars. Sizes are
 * arguments in dynamic modes, so that one kernel serves all of them, unless the kernel is `specialised`: where a thread's loops gain
 * by it, sizes are part of the source, and every combination of sizes is a kernel that has to be compiled.
 */
export interface Launch {
  readonly kernel: string;
  readonly output: Space;
  readonly inputs?: Readonly<Record<string, readonly [array: GpuArray, space: Space]>>;
  readonly sizes?: Readonly<Record<string, number>>;
  readonly specialised?: boolean;
  readonly scalars?: Readonly<Record<string, number>>;
  readonly body: string;
}

/** Launches a kernel whose result becomes the contents of y; y may be among the inputs. Throws DeviceError at a limit of the mode. */
export function launch(y: GpuArray, spec: Launch): void {
  y.engine.launch(y, spec);
}

/** Calls fn with arrays of the given sizes and frees them afterwards. */
export function withScratch(like: GpuArray, sizes: readonly number[], fn: (...arrays: GpuArray[]) => void): void {
  const arrays = sizes.map((size) => like.engine.allocate(size));
  try {
    fn(...arrays);
  } finally {
    for (const array of arrays) like.engine.free(array);
  }
}

/** One launch, as `onLaunch` hears of it, in ms. */
export interface LaunchTime {
  readonly kernel: string;
  /** Until gpu.js gave back the handle: compiling, at a kernel's first call, and issuing. */
  readonly issuing: number;
  /** From then until the GPU was done. */
  readonly computing: number;
}

export class Engine {
  /** For profiles: when set, every launch is waited for and reported. */
  onLaunch: ((time: LaunchTime) => void) | undefined;
  readonly #mode: Mode<unknown>;
  /** The class that must be seen to run: gpu.js changes to another silently. */
  readonly #kernelClass: unknown;
  /** Kernels by what tells them apart: the generated source and, where they are not dynamic, the sizes of all arrays. */
  readonly #kernels = new Map<string, GpuKernel>();
  /** The same kernels by body and shapes, so that a launch need not generate its source again. */
  readonly #calls = new Map<string, GpuKernel>();
  readonly #sources = new Map<string, string>();
  readonly queue = new Queue();
  #waitedMs = 0;

  constructor(mode: Mode<unknown>, kernelClass: unknown) {
    this.#mode = mode;
    this.#kernelClass = kernelClass;
  }

  /** Kernels compiled so far. */
  get compiled(): number {
    return this.#kernels.size;
  }

  /** What the mode cannot go beyond. */
  get limits(): Limits {
    return this.#mode.limits;
  }

  /** Buffers or textures that gpu.js holds. */
  get live(): number {
    return this.#mode.live();
  }

  /** Ms spent so far in waiting for results, in reads and syncs, with nothing left to issue. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** The source last generated for a kernel. */
  source(kernel: string): string | undefined {
    return this.#sources.get(kernel);
  }

  allocate(size: number): GpuArray {
    const { name, limits } = this.#mode;
    if (size > limits.elements) {
      throw new DeviceError(`gpu: ${size} numbers are too many for one array`, [`limit    ${limits.elements} (${name})`]);
    }
    return { engine: this, size, handle: undefined, freed: false };
  }

  upload(values: ArrayLike<number>): GpuArray {
    const y = this.allocate(values.length);
    const argument = this.#mode.hostArgument(Float32Array.from(values));
    const output = line(y.size);
    const spec = { kernel: "upload", output, body: "return host[index];" }; // `host` sets it apart: kernels take either kind of argument
    this.queue.push("upload", () => this.#run(y, spec, ["host"], [output], () => [argument]));
    return y;
  }

  launch(y: GpuArray, spec: Launch): void {
    this.queue.throwFailure();
    const names = Object.keys(spec.inputs ?? {});
    const inputs = Object.values(spec.inputs ?? {});
    for (const [array] of inputs) assertAlive(spec.kernel, array);
    assertAlive(spec.kernel, y);
    const spaces = inputs.map(([, space]) => space);
    checkLimits(this.#mode, spec.kernel, [spec.output, ...spaces]);
    const numbers = [...Object.values(spec.scalars ?? {}), ...(this.#isDynamic(spec) ? Object.values(spec.sizes ?? {}) : [])];
    this.queue.push(spec.kernel, () =>
      this.#run(y, spec, names, spaces, () => [...inputs.map(([array, space]) => this.#argument(spec.kernel, array, space)), ...numbers]));
  }

  read(x: GpuArray): Float32Array | Promise<Float32Array> {
    assertAlive("read", x);
    this.queue.throwFailure();
    let values: Float32Array | Promise<Float32Array> | undefined;
    const later = new Promise<Float32Array>((resolve, reject) => {
      this.queue.push("read", () => {
        try {
          this.queue.throwFailure();
          const started = performance.now();
          values = this.#mode.read(this.#handle("read", x), x.size);
          if (values instanceof Promise) values = values.finally(() => this.#count(started));
          else this.#count(started);
          resolve(values);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    if (values === undefined || values instanceof Promise) return later;
    return values;
  }

  free(x: GpuArray): void {
    assertAlive("free", x);
    x.freed = true;
    this.queue.push("free", () => {
      if (x.handle !== undefined) this.#mode.free(x.handle);
      x.handle = undefined;
    });
  }

  async sync(): Promise<void> {
    await this.queue.idle();
    const started = performance.now();
    await this.#mode.sync();
    this.#count(started);
    this.queue.throwFailure();
  }

  /** Counts the time since then as waited. */
  #count(started: number): void {
    this.#waitedMs += performance.now() - started;
  }

  async dispose(): Promise<void> {
    await this.queue.idle();
    await this.#mode.dispose();
  }

  /** Runs a kernel now; y gets the result in place of what it held. */
  #run(y: GpuArray, spec: Launch, names: readonly string[], spaces: readonly Space[], args: () => unknown[]): void | Promise<void> {
    const lanes = this.#lanes(spec);
    const { kernel, isNew } = this.#kernel(spec, names, spaces, lanes);
    const settle = (handle: unknown): void => {
      if (isNew) this.#assertClass(spec.kernel, kernel);
      if (y.handle !== undefined) this.#mode.free(y.handle);
      y.handle = handle;
    };
    const started = performance.now();
    const result = this.#mode.run(kernel, args(), spec.output, isQuads(spec.output) ? 1 : lanes);
    if (this.onLaunch !== undefined) return this.#report(spec.kernel, started, result).then(settle);
    return result instanceof Promise ? result.then(settle) : settle(result);
  }

  /** Waits for a launch and reports it. */
  async #report(kernel: string, started: number, result: unknown): Promise<unknown> {
    const handle = await result;
    const issued = performance.now();
    await this.#mode.sync();
    this.onLaunch?.({ kernel, issuing: issued - started, computing: performance.now() - issued });
    return handle;
  }

  #kernel(spec: Launch, names: readonly string[], spaces: readonly Space[], lanes: number): { kernel: GpuKernel; isNew: boolean } {
    const { kernel: name, output, sizes = {}, scalars = {}, body } = spec;
    const all = [output, ...spaces];
    const dynamic = this.#isDynamic(spec);
    const shapes = dynamic ? all.map((space) => space.length).join() : JSON.stringify([all, Object.values(sizes)]);
    const call = `${name} ${lanes} ${body} ${shapes}`;
    const called = this.#calls.get(call);
    if (called !== undefined) return { kernel: called, isNew: false };
    const source = javascript({
      inputs: names, quads: names.filter((_, i) => isQuads(spaces[i])), scalars: Object.keys(scalars), output, lanes, body,
      sizes: dynamic ? Object.keys(sizes) : [], constants: dynamic ? {} : sizes,
    }, this.#mode.indexing);
    const known = this.#kernels.get(source + shapes);
    const kernel = known ?? this.#mode.createKernel(source, output, dynamic);
    this.#calls.set(call, kernel);
    this.#kernels.set(source + shapes, kernel);
    this.#sources.set(name, source);
    return { kernel, isNew: known === undefined };
  }

  #isDynamic({ specialised = false }: Launch): boolean {
    return this.#mode.dynamic && !specialised;
  }

  /** Results of a thread: a quad, or as many columns as the mode can return, where the body is written for several and they divide the columns. */
  #lanes({ output, body }: Launch): number {
    if (isQuads(output)) return 4;
    const { lanes } = this.#mode;
    return output.length === 2 && output[1] % lanes === 0 && body.includes("$") ? lanes : 1;
  }

  #argument(kernel: string, array: GpuArray, space: Space): unknown {
    return this.#mode.argument(this.#handle(kernel, array), space);
  }

  #handle(kernel: string, array: GpuArray): unknown {
    if (array.handle === undefined) throw new DeviceError(`${kernel}: an input was never computed, because an earlier kernel failed`);
    return array.handle;
  }

  #assertClass(name: string, { kernel }: GpuKernel): void {
    if (kernel.constructor === this.#kernelClass && !kernel.fallbackReason) return;
    throw new DeviceError(`${name}: gpu.js left the mode ${this.#mode.name} on its own`, [
      `ran      ${(kernel.constructor as { name: string }).name}`, `reason   ${kernel.fallbackReason ?? "none given"}`,
    ]);
  }
}

/** Throws DeviceError where a kernel would compute addresses that an f32 cannot hold. */
export function assertExact(kernel: string, n: number): void {
  if (n > EXACT) throw new DeviceError(`${kernel}: ${n} numbers are too many`, [`limit    ${EXACT}, beyond which f32 addresses are not exact`]);
}

function assertAlive(use: string, array: GpuArray): void {
  if (array.freed) throw new DisposedError(`${use}: an array is used after it was freed`);
}
