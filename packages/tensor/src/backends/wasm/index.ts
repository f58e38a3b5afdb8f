/**
 * The wasm backend: kernels in SIMD WebAssembly on one memory, by one thread or several. f32 only. Every kernel has run when its
 * call returns, and its result depends on neither the number of threads nor their timing.
 */
import { platform } from "#platform";
import type { Backend } from "../../core/backend.js";
import { ConfigError, DeviceError } from "../../core/errors.js";
import type { KernelTable } from "../../kernels/contract.js";
import { formatShape, sizeOf, type Shape } from "../../core/shape.js";
import { chooseBuild, type Revectorize } from "./check/choose.js";
import { multiplyAddsOf, type MultiplyAdds } from "./check/multiply-adds.js";
import { attentions } from "./kernels/attention.js";
import { convolutions, type Precision } from "./kernels/conv2d.js";
import { elementwise } from "./kernels/elementwise.js";
import { groupNorms } from "./kernels/group-norm.js";
import { layout } from "./kernels/layout.js";
import { Machine, type Storage } from "./machine/machine.js";
import { products } from "./kernels/matmul.js";
import { Memory } from "./machine/memory.js";
import { reductions } from "./kernels/reduce.js";
import { resampling } from "./kernels/resample.js";
import { softmaxes } from "./kernels/softmax.js";
import { updates } from "./kernels/update.js";
import { WeightCache } from "./machine/weight-cache.js";

export interface WasmOptions {
  /**
   * Threads that work, the calling one among them; unless given as many as FROMNOISE_THREADS says, else all cores; 1 where threads
   * cannot share memory.
   */
  threads?: number;
  /**
   * How 3x3 convolutions are computed: `fast` by F(4x4, 3x3), error about 1e-5, `exact` by F(2x2, 3x3), about 1e-6. Default fast.
   */
  precision?: Precision;
  /** Only operations that give the same bits on every machine. */
  deterministic?: boolean;
  /**
   * Code of V8 in its test phase, checked before use: `true` computes by its revectorizer (Node 24 and later, x86-64) or not at all;
   * "auto", as the `fromnoise` command does, where that is there, right and faster, and with relaxed SIMD by flag on Node 20; the
   * description says what runs. FROMNOISE_REVECTORIZE (1, auto, 0) is for devices that are not told. Default false.
   */
  revectorize?: Revectorize;
  /**
   * How multiply-adds round, where that can be had without what was not asked for: what a run began with, so that it goes on with the
   * same bits. The device says how it does (`multiplyAdds`). "unflagged" is as this engine does without flags.
   */
  multiplyAdds?: MultiplyAdds | "unflagged";
}

/** @internal The kernels of a device. */
export function kernelsOn(machine: Machine, precision: Precision, cache: WeightCache): KernelTable<Storage> {
  return {
    ...elementwise(machine), ...reductions(machine), ...layout(machine), ...products(machine),
    ...convolutions(machine, precision, cache),
    ...attentions(machine), ...groupNorms(machine), ...softmaxes(machine), ...resampling(machine), ...updates(machine, cache),
  };
}

/**
 * The most threads a device may have. Those beyond the cores only wait for each other, so few more make sense anywhere; 64 start
 * on a small machine too (10 MB each), while thousands end the process, as the engine has no room for their heaps.
 */
const MAXIMUM_THREADS = Math.max(64, 4 * platform.cores);

/**
 * How many threads to start. Throws ConfigError for a number that is none or too large, DeviceError where threads cannot work
 * together.
 */
function threadCount(threads: number | undefined): number {
  const shares = typeof SharedArrayBuffer !== "undefined";
  if (threads === undefined) return shares && platform.mayBlock ? threadsByDefault() : 1;
  checkThreads("wasm: threads", threads, threads);
  if (threads === 1) return 1;
  if (!platform.mayBlock) {
    throw new DeviceError("wasm: the main thread of a page cannot wait for other threads", [
      `threads  ${threads}`, "open the device in a worker, or with threads: 1",
    ]);
  }
  if (!shares) {
    throw new DeviceError("wasm: threads need SharedArrayBuffer", [
      `threads  ${threads}`, "serve the page with COOP: same-origin and COEP: require-corp, or use threads: 1",
    ]);
  }
  return threads;
}

function checkThreads(what: string, threads: number, given: unknown): void {
  if (Number.isInteger(threads) && threads >= 1 && threads <= MAXIMUM_THREADS) return;
  throw new ConfigError(`${what} is ${String(given)}`, [`allowed  whole numbers from 1 to ${MAXIMUM_THREADS}`]);
}

/** What the environment says, else all cores. Throws ConfigError. */
function threadsByDefault(): number {
  const value = platform.environment("FROMNOISE_THREADS");
  if (value === undefined) return platform.cores;
  checkThreads("FROMNOISE_THREADS", value === "" ? NaN : Number(value), JSON.stringify(value));
  return Number(value);
}

/** What the environment says. Throws ConfigError for anything but 0, 1 and auto. */
function wantsRevectorized(): Revectorize {
  const value = platform.environment("FROMNOISE_REVECTORIZE") ?? "0";
  if (value === "0" || value === "1") return value === "1";
  if (value === "auto") return value;
  throw new ConfigError(`FROMNOISE_REVECTORIZE is ${JSON.stringify(value)}`, ["allowed  0, 1, auto"]);
}

/** A backend that also tells what it holds. */
export interface WasmBackend extends Backend<Storage> {
  /** Bytes of the WebAssembly memory, and those of them that arrays, workspaces and the threads' control block take. */
  memory(): { bytes: number; used: number };
}

/** Opens the backend. Throws ConfigError and DeviceError, which say what is missing. */
export async function openWasm(options: WasmOptions = {}): Promise<WasmBackend> {
  const { precision = "fast", deterministic = false, multiplyAdds } = options;
  const revectorize = options.revectorize ?? wantsRevectorized();
  if (deterministic && options.revectorize === true) {
    throw new ConfigError("wasm: deterministic and revectorize exclude each other");
  }
  const threads = threadCount(options.threads);
  const { variant, module, name, note } = await chooseBuild({ deterministic, revectorize, multiplyAdds, shared: threads > 1, kernelsOn });
  const memory = new Memory(threads > 1);
  const machine = await Machine.start(module, memory, threads);

  const cache = new WeightCache(machine);
  const allocate = (shape: Shape): Storage => {
    const block = memory.allocate(sizeOf(shape) * 4, () => `a tensor f32 ${formatShape(shape)}`);
    return { block, address: block.address, size: sizeOf(shape) };
  };
  const view = ({ address, size }: Storage): Float32Array => memory.floats.subarray(address / 4, address / 4 + size);
  const traits = [name, `${threads} ${threads === 1 ? "thread" : "threads"}`, precision];
  return {
    description: `wasm: ${traits.join(", ")}${deterministic ? ", deterministic" : ""}${note === undefined ? "" : ` (${note})`}`,
    multiplyAdds: variant === "base" ? "separate" : multiplyAddsOf(machine, kernelsOn),
    dtypes: ["f32"],
    capacity: memory.limit,
    kernels: kernelsOn(machine, precision, cache),
    allocate,
    upload(values, shape) {
      const storage = allocate(shape);
      view(storage).set(values);
      return storage;
    },
    read: (storage) => new Float32Array(view(storage)),
    free(storage) {
      cache.forget(storage);
      memory.free(storage.block);
    },
    sync: () => undefined,
    dispose: () => machine.dispose(),
    memory: () => ({ bytes: memory.bytes, used: memory.used }),
  };
}
