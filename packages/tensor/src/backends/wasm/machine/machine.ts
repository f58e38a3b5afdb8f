/** A device's memory, kernels and threads: what the bindings launch the work of the kernel files on. */
import { DeviceError } from "../../../core/errors.js";
import { AdamTensor, ARGUMENT_BYTES, Bindings, kernelNames } from "../generated/bindings.js";
import type { Block } from "./allocator.js";
import { webAssembly, type WasmExports, type WasmModule } from "./host.js";
import type { Memory } from "./memory.js";
import { CONTROL_BYTES, Pool } from "./pool.js";

/** Storage of one array: a new object for each, though a block serves many in turn. */
export interface Storage { readonly block: Block; readonly address: number; readonly size: number }

export type KernelName = (typeof kernelNames)[number];

/** The functions of one kernel (see assembly/index.ts), with the arguments at an address. */
export interface Kernel {
  readonly name: KernelName;
  readonly run: (args: number, from: number, to: number, workspace: number) => void;
  readonly chunks: (args: number) => number;
  /** Bytes of workspace of each thread; undefined where it needs none. */
  readonly workspace: ((args: number) => number) | undefined;
  /** Place among the exports: the number by which pool threads know it. */
  readonly place: number;
}

/** How a row of a list in memory is written. */
export interface RowType<Fields> { readonly bytes: number; write(memory: Memory, address: number, fields: Fields): void }

/** Workspaces of two threads begin at least so far apart, and on a multiple of it: no cache line is written by both. */
const WORKSPACE_STEP = 4096;

/** What a kernel needs besides its arrays must be smaller: the assembly computes such sizes in 32 bits. */
const SIZE_LIMIT = 2 ** 31;
/** Bytes of the longest rows of lists: those of Adam. */
const LARGEST_ROW = AdamTensor.bytes;

/** Bytes of a size that may be used. Throws DeviceError, saying for what, where it is too large. */
function checkedSize(bytes: number, purpose: () => string): number {
  if (bytes < SIZE_LIMIT) return bytes;
  throw new DeviceError(`wasm: no room for ${bytes} bytes`, [
    `for      ${purpose()}`, `limit    below ${SIZE_LIMIT} bytes (2 GiB) for what a kernel needs beside its tensors`,
  ]);
}

function kernelsOf(exports: WasmExports): Readonly<Record<KernelName, Kernel>> {
  const places = new Map(Object.keys(exports).map((name, place) => [name, place]));
  const kernel = (name: KernelName): Kernel => ({
    name, run: exports[name], chunks: exports[`${name}Chunks`], workspace: exports[`${name}Workspace`], place: places.get(name)!,
  });
  return Object.fromEntries(kernelNames.map((name) => [name, kernel(name)])) as Record<KernelName, Kernel>;
}

export class Machine {
  readonly memory: Memory;
  readonly threads: number;
  readonly exports: WasmExports;
  readonly kernels: Readonly<Record<KernelName, Kernel>>;
  /** `machine.bind.Gemm({...})`: arguments of kernels. */
  readonly bind: Bindings = new Bindings(this);
  /** Address of the arguments of the next launch. */
  readonly arguments: number;
  /** Whose values are there. */
  #writer: object | undefined;
  readonly #pool: Pool | undefined;
  #workspace: Block | undefined;
  #workspaceStride = 0;
  #list: Block | undefined;
  #listRows = 0;

  /**
   * An instance of the module on a memory, and its pool of threads; with one thread nothing is shared. Kernels that share work out
   * by threads do so for `shares` of them.
   */
  static async start(module: WasmModule, memory: Memory, threads: number, shares = threads): Promise<Machine> {
    const { exports } = await webAssembly.instantiate(module, { env: { memory: memory.memory } });
    memory.begin(exports.heapBase.value);
    const control = memory.allocate(CONTROL_BYTES, () => "the control block").address;
    const pool = threads > 1 ? await Pool.start(threads, module, memory, control) : undefined;
    return new Machine(exports, memory, pool, shares);
  }

  private constructor(exports: WasmExports, memory: Memory, pool: Pool | undefined, shares: number) {
    this.memory = memory;
    this.threads = shares;
    this.exports = exports;
    this.kernels = kernelsOf(exports);
    this.#pool = pool;
    this.arguments = memory.allocate(ARGUMENT_BYTES, () => "kernel arguments").address;
  }

  /** Whether a binding must write its values before it is used: another one did so since. It is the last writer from now on. */
  writesArguments(binding: object): boolean {
    if (this.#writer === binding) return false;
    this.#writer = binding;
    return true;
  }

  /** A binding has other values now. */
  forgetArguments(binding: object): void {
    if (this.#writer === binding) this.#writer = undefined;
  }

  /** Does all chunks of a kernel, its arguments at `args`, by one thread or several, with the same results. */
  launch(kernel: Kernel, args: number): void {
    const chunks = kernel.chunks(args);
    if (kernel.workspace !== undefined) {
      const bytes = kernel.workspace(args);
      if (bytes > this.#workspaceStride) this.#widen(checkedSize(bytes, () => `the workspace of ${kernel.name}`));
    }
    const workspace = this.#workspace?.address ?? 0;
    if (this.#pool === undefined || chunks === 1) kernel.run(args, 0, chunks, workspace);
    else this.#pool.run(kernel, args, chunks, workspace, this.#workspaceStride);
  }

  /** Calls fn with the address of `bytes` bytes that are free again afterwards. Throws DeviceError where they are too many. */
  scratch<R>(bytes: number, purpose: string, fn: (address: number) => R): R {
    const block = this.memory.allocate(checkedSize(bytes, () => purpose), () => purpose);
    try {
      return fn(block.address);
    } finally {
      this.memory.free(block);
    }
  }

  /**
   * Calls fn with the address of a list of `count` rows, the fields of row i given by row(i). Their place is kept, and has room for
   * rows of every type: so the update of a training step, whose lists are as long as that of the gradients' norm before it, needs no
   * room that could be missing when half of it is done. Lists do not nest.
   */
  list<Fields, R>(type: RowType<Fields>, count: number, row: (i: number) => Fields, fn: (address: number) => R): R {
    if (count > this.#listRows) {
      const block = this.memory.allocate(checkedSize(count * LARGEST_ROW, () => "a list of tensors"), () => "a list of tensors");
      if (this.#list !== undefined) this.memory.free(this.#list);
      this.#list = block;
      this.#listRows = count;
    }
    const address = this.#list?.address ?? 0;                                         // none of no rows
    for (let i = 0; i < count; i++) type.write(this.memory, address + i * type.bytes, row(i));
    return fn(address);
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
