/**
 * Threads that share one memory and one list of work. A kernel's chunks are handed out one by one by an atomic counter, so that a
 * thread which lost its core holds up one chunk and no more. Threads join a launch when they come: the calling thread
 * works from the start, and waits at the end only for those that hold a chunk. A thread out of work spins shortly, then sleeps.
 * Where a thread lost its core while it held a chunk, the calling thread works alone for a while; see STALL_MS. Little work it
 * does alone, or with those that are awake; see SHARED_MS.
 */
import { platform } from "#platform";
import { DeviceError } from "../../../core/errors.js";
import type { WasmModule } from "./host.js";
import type { Kernel } from "./machine.js";
import type { Memory } from "./memory.js";
import { workerSource } from "./worker-source.js";

/** Words of the control block in shared memory. */
const words = {
  /** Counts launches: threads wait for it to change. */
  GENERATION: 0,
  /**
   * 1 while the launch's description below is valid. A thread adds itself to ACTIVE before it looks, so nobody changes it then.
   */
  OPEN: 1,
  ACTIVE: 2,
  /** First chunk nobody has taken yet. */
  NEXT: 3,
  /** 1 while the calling thread sleeps until ACTIVE is 0. */
  WAITING: 4,
  SLEEPERS: 5,
  STOP: 6,
  FAILED: 7,
  /** The launch: place of the kernel among the exports, address of its arguments, chunks. */
  KERNEL: 8,
  ARGS: 9,
  CHUNKS: 10,
  /** Workspace of thread i: WORKSPACE + i STRIDE. */
  WORKSPACE: 11,
  STRIDE: 12,
} as const;

export const CONTROL_BYTES = 64;

/**
 * How long a thread looks out for work, or the calling thread for the others, before it sleeps: longer than a network leaves it
 * without any between two launches that are shared.
 */
const WORKER_SPIN_MS = 1;
const CALLER_SPINS = 2000;

/**
 * A thread whose core another process took holds up the launch by that process's time slice, some milliseconds, and does so again
 * and again. A wait is such a stall where it is longer than two chunks and STALL_MS. Where a stall comes within SOON_MS of the
 * last one, the calling thread works alone for twice as long as it took, then four times, up to MOST_ALONE times; one stall by
 * itself changes nothing.
 */
const STALL_MS = 0.25;
const SOON_MS = 30;
const MOST_ALONE = 32;

/**
 * What a launch must be expected to take, in milliseconds of one thread, to be shared, and to wake threads that sleep: that takes
 * them up to 0.06 ms. Expected is what the kernel's chunks took last time.
 */
const SHARED_MS = 0.01;
const WAKING_MS = 0.1;

export class Pool {
  readonly threads: number;
  readonly #control: Int32Array;
  /** Milliseconds that a chunk of each kernel took, by the kernel's place. */
  readonly #chunkMs: number[] = [];
  readonly #workers: { terminate(): Promise<void> }[];
  /** Until then, in milliseconds of the clock, the calling thread works alone; and how many times as long as the last stall. */
  #aloneUntil = 0;
  #alone = 0;

  /**
   * Starts threads - 1 workers on a shared memory; the calling thread is the other one. `control` is the address of CONTROL_BYTES
   * bytes of zeros. Throws DeviceError where a worker does not start.
   */
  static async start(threads: number, module: WasmModule, memory: Memory, control: number): Promise<Pool> {
    const start = (index: number): Promise<{ terminate(): Promise<void> }> => platform.startWorker(workerSource, {
      module, memory: memory.memory, control, index, words, spinMs: WORKER_SPIN_MS,
    });
    const started = await Promise.allSettled(Array.from({ length: threads - 1 }, (_, i) => start(i + 1)));
    const pool = new Pool(threads, new Int32Array(memory.memory.buffer, control, CONTROL_BYTES / 4), started.flatMap((result) =>
      (result.status === "fulfilled" ? [result.value] : [])));
    const failed = started.find((result) => result.status === "rejected");
    if (failed === undefined) return pool;
    await pool.dispose();
    throw new DeviceError(`wasm: a thread did not start: ${String((failed.reason as Error).message)}`, ["threads: 1 needs none"]);
  }

  private constructor(threads: number, control: Int32Array, workers: { terminate(): Promise<void> }[]) {
    this.threads = threads;
    this.#control = control;
    this.#workers = workers;
  }

  /**
   * Does all chunks of a kernel, with all threads that come in time; returns when all are done. Thread i has the workspace at
   * workspace + i stride.
   */
  run({ name, run, place }: Kernel, args: number, chunks: number, workspace: number, stride: number): void {
    const began = performance.now(), expected = chunks * (this.#chunkMs[place] ?? Infinity);
    if (expected < SHARED_MS || began < this.#aloneUntil) {
      run(args, 0, chunks, workspace);
      this.#chunkMs[place] = (performance.now() - began) / chunks;
      return;
    }
    const control = this.#control;
    control[words.KERNEL] = place;
    control[words.ARGS] = args;
    control[words.CHUNKS] = chunks;
    control[words.WORKSPACE] = workspace;
    control[words.STRIDE] = stride;
    Atomics.store(control, words.NEXT, 0);
    Atomics.store(control, words.OPEN, 1);
    Atomics.add(control, words.GENERATION, 1);
    if (expected > WAKING_MS && Atomics.load(control, words.SLEEPERS) > 0) Atomics.notify(control, words.GENERATION, chunks - 1);
    let mine = 0, done = began;
    try {
      for (let chunk; (chunk = Atomics.add(control, words.NEXT, 1)) < chunks; mine++) run(args, chunk, chunk + 1, workspace);
      done = performance.now();
    } finally {
      Atomics.store(control, words.OPEN, 0);
      this.#awaitWorkers();
    }
    const chunkMs = (done - began) / Math.max(1, mine);
    if (mine > 0) this.#chunkMs[place] = chunkMs;
    this.#noteStall(done, chunkMs);
    if (Atomics.exchange(control, words.FAILED, 0) === 1) throw new DeviceError(`wasm: ${name} failed in a thread of the pool`);
  }

  /** Decides, after a launch whose own chunks were done at `done`, how long to work alone. */
  #noteStall(done: number, chunkMs: number): void {
    const end = performance.now(), waited = end - done;
    if (waited <= STALL_MS + 2 * chunkMs) return;
    this.#alone = end - this.#aloneUntil < SOON_MS ? Math.min(Math.max(2, 2 * this.#alone), MOST_ALONE) : 0;
    this.#aloneUntil = end + this.#alone * waited;
  }

  #awaitWorkers(): void {
    const control = this.#control;
    for (let i = 0; i < CALLER_SPINS; i++) if (Atomics.load(control, words.ACTIVE) === 0) return;
    Atomics.store(control, words.WAITING, 1);
    for (let active; (active = Atomics.load(control, words.ACTIVE)) !== 0;) Atomics.wait(control, words.ACTIVE, active);
    Atomics.store(control, words.WAITING, 0);
  }

  /** Ends the workers. */
  async dispose(): Promise<void> {
    Atomics.store(this.#control, words.STOP, 1);
    Atomics.add(this.#control, words.GENERATION, 1);
    Atomics.notify(this.#control, words.GENERATION);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
