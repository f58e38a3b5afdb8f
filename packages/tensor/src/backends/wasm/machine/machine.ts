/** A device's memory, kernels and threads: what the kernel files of this folder launch their work on. */
import type { Block } from "./allocator.js";
import { webAssembly, type WasmExports, type WasmModule } from "./host.js";
import type { Memory } from "./memory.js";
import { CONTROL_BYTES, Pool } from "./pool.js";

/** Storage of one array: a new object for each, though a block serves many in turn. `version` counts updates of the contents. */
export interface Storage { readonly block: Block; readonly address: number; readonly size: number; version: number }

const ARGS_BYTES = 128;
/** Workspaces of two threads begin at least so far apart, and on a multiple of it: no cache line is written by both. */
const WORKSPACE_STEP = 4096;

export class Machine {
  readonly memory: Memory;
  readonly threads: number;
  readonly #exports: WasmExports;
  /** Place of each kernel among the exports: the number by which pool threads know it. */
  readonly #places: ReadonlyMap<string, number>;
  readonly #pool: Pool | undefined;
  readonly #args: number;
  #workspace: Block | undefined;
  #workspaceStride = 0;

  /** An instance of the module on a memory, and its pool of threads; with one thread nothing is shared. */
  static async start(module: WasmModule, memory: Memory, threads: number): Promise<Machine> {
    const { exports } = await webAssembly.instantiate(module, { env: { memory: memory.memory } });
    memory.begin(exports.heapBase.value);
    const control = memory.allocate(CONTROL_BYTES, () => "the control block").address;
    const pool = threads > 1 ? await Pool.start(threads, module, memory, control) : undefined;
    return new Machine(exports, memory, pool);
  }

  private constructor(exports: WasmExports, memory: Memory, pool: Pool | undefined) {
    this.memory = memory;
    this.threads = pool?.threads ?? 1;
    this.#exports = exports;
    this.#places = new Map(Object.keys(exports).map((name, place) => [name, place]));
    this.#pool = pool;
    this.#args = memory.allocate(ARGS_BYTES, () => "kernel arguments").address;
  }

  /** Writes the arguments of the next launches: 32-bit integers, then floats. */
  args(integers: readonly number[], floats: readonly number[] = []): void {
    const at = this.#args / 4;
    const { words, floats: values } = this.memory;
    for (let i = 0; i < integers.length; i++) words[at + i] = integers[i];
    for (let i = 0; i < floats.length; i++) values[at + integers.length + i] = floats[i];
  }

  /** What an export says of the arguments: numbers of chunks, bytes of buffers. */
  ask(name: string): number {
    return this.#exports[name](this.#args);
  }

  /**
   * Runs a kernel over units 0 .. units - 1, `grain` of them in a chunk, with `workspace` bytes for each thread. All units are
   * done when it returns, by one thread or several, with the same results.
   */
  launch(name: string, units: number, grain = 1, workspace = 0): void {
    if (workspace > this.#workspaceStride) this.#widen(workspace);
    const kernel = this.#exports[name];
    const room = this.#workspace?.address ?? 0;
    if (this.#pool === undefined || units <= grain) {
      kernel(this.#args, 0, units, room);
    } else {
      const place = this.#places.get(name)!;
      this.#pool.run({ name, kernel, place, args: this.#args, units, grain, workspace: room, stride: this.#workspaceStride });
    }
  }

  /** Runs a kernel that says itself how many chunks it has (`nameChunks`) and, with `workspace`, what each thread needs. */
  launchChunks(name: string, workspace = false): void {
    this.launch(name, this.ask(`${name}Chunks`), 1, workspace ? this.ask(`${name}Workspace`) : 0);
  }

  /** Calls fn with the address of `bytes` bytes that are free again afterwards. */
  scratch<R>(bytes: number, purpose: string, fn: (address: number) => R): R {
    const block = this.memory.allocate(bytes, () => purpose);
    try {
      return fn(block.address);
    } finally {
      this.memory.free(block);
    }
  }

  /** Gives each thread a larger workspace. */
  #widen(bytes: number): void {
    const stride = Math.ceil(bytes / WORKSPACE_STEP) * WORKSPACE_STEP;
    if (this.#workspace !== undefined) this.memory.free(this.#workspace);
    this.#workspace = undefined;
    this.#workspaceStride = 0;
    this.#workspace = this.memory.allocate(stride * this.threads, () => "workspaces of the threads");
    this.#workspaceStride = stride;
  }

  async dispose(): Promise<void> {
    await this.#pool?.dispose();
  }
}

