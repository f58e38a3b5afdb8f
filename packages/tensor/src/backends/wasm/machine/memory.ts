/**
 * The one WebAssembly memory of a device. It may reach 4 GiB, reserved by the engine as addresses only, or less where a limit of
 * the system leaves no room for so many, and grows in large steps, so that a training step after the first finds all it needs. Growing detaches views of an unshared memory: they are taken from
 * here at each use and never kept.
 */
import { DeviceError, NoRoomError } from "../../../core/errors.js";
import { Allocator, type Block } from "./allocator.js";
import { webAssembly, type WasmMemory } from "./host.js";

const PAGE = 65536;
const MAXIMUM_PAGES = 65536;
const INITIAL_PAGES = 256;
/** Less to grow into than 256 MiB is no use. */
const LEAST_MAXIMUM_PAGES = 4096;
/** Kernels read up to 64 bytes behind an array: nothing ends closer to the end of the memory. */
const MARGIN = 128;

export class Memory {
  readonly memory: WasmMemory;
  readonly shared: boolean;
  /** Pages that it may grow to. */
  readonly #maximum: number;
  #allocator: Allocator | undefined;
  #words!: Int32Array;
  #floats!: Float32Array;

  /** A memory of 16 MiB, shared between threads or not. */
  constructor(shared: boolean) {
    this.shared = shared;
    [this.memory, this.#maximum] = reserve(shared);
    this.#view();
  }

  /** Hands the memory from `start` (behind the module's constants) to the allocator. */
  begin(start: number): void {
    this.#allocator = new Allocator(start, this.memory.buffer.byteLength - MARGIN);
  }

  /** Bytes of the memory now. */
  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** Bytes that it may grow to. */
  get limit(): number {
    return this.#maximum * PAGE;
  }

  /** Bytes of it that are in use. */
  get used(): number {
    return this.#allocator?.used ?? 0;
  }

  /** The memory as 32-bit integers; valid until the next allocation. */
  get words(): Int32Array {
    return this.#words;
  }

  /** The memory as floats; valid until the next allocation. */
  get floats(): Float32Array {
    return this.#floats;
  }

  /** Views of the memory as it is now. */
  #view(): void {
    this.#words = new Int32Array(this.memory.buffer);
    this.#floats = new Float32Array(this.memory.buffer);
  }

  /** Room for `bytes` bytes; `purpose` says what for, where there is none: NoRoomError. */
  allocate(bytes: number, purpose: () => string): Block {
    const allocator = this.#allocator!;
    return allocator.allocate(bytes) ?? this.#grow(allocator, bytes, purpose);
  }

  free(block: Block): void {
    this.#allocator!.free(block);
  }

  /** Grows by a half, or by what is missing where that is more. */
  #grow(allocator: Allocator, bytes: number, purpose: () => string): Block {
    const have = this.bytes / PAGE;
    const missing = Math.ceil((allocator.missing(bytes) + MARGIN) / PAGE);
    const steps = [Math.min(Math.max(missing, have >> 1), this.#maximum - have), missing];
    for (const pages of steps) {
      if (pages < missing || have + pages > this.#maximum) continue;
      try {
        this.memory.grow(pages);
      } catch {
        continue; // the engine has no room for so much; try less
      }
      this.#view();
      allocator.extend(this.bytes - MARGIN);
      return allocator.allocate(bytes)!;
    }
    const limit = have + missing > MAXIMUM_PAGES ? "4 GiB, all that 32-bit addresses reach"
      : have + missing > this.#maximum ? `${this.#maximum >> 4} MiB, all that the system lets the engine reserve`
      : "what the engine grants";
    throw new NoRoomError(`wasm: no room for ${bytes} bytes`, [
      `for      ${purpose()}`, `in use   ${allocator.used} of ${this.bytes} bytes`, `limit    ${limit}`,
    ]);
  }
}

/** A memory that may reach 4 GiB, or half as much and so on where so many addresses cannot be reserved; and its maximum in pages. */
function reserve(shared: boolean): [memory: WasmMemory, maximum: number] {
  for (let maximum = MAXIMUM_PAGES; maximum >= LEAST_MAXIMUM_PAGES; maximum /= 2) {
    try {
      return [new webAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared }), maximum];
    } catch {
      // no room for so much; try less
    }
  }
  throw new DeviceError("wasm: the engine cannot reserve memory", [
    `needed   ${LEAST_MAXIMUM_PAGES >> 4} MiB of addresses, and 8 GiB more where the engine guards its bounds by them`,
    "hint     ulimit -v; NODE_OPTIONS=--disable-wasm-trap-handler reserves no guards",
  ]);
}
