/** What computes: one of our devices, or a peer. Lives in a process of its own, see `child.ts`. */
import type { BenchName, BenchShape, ModelShape } from "./bench.js";

/** A case prepared by an engine. */
export interface Session {
  /** Starts one run. */
  run(): void | Promise<void>;
  /** Waits until every run started is done; absent where a run is done when it returns or resolves. */
  sync?: () => Promise<void>;
  /** Results of a run from the initial state; the first call is the first run. Layouts are ours: channels last. */
  results(): Promise<ArrayLike<number>[]>;
  transfer?: (() => Promise<{ upload: number; readback: number }>) | undefined;
  dispose(): void;
}

export interface Engine {
  /** One line for the report: version, variant, renderer. */
  readonly description: string;
  /** Prepares a case. Throws, in its own words, where it cannot do the work. */
  open(bench: BenchName, shape: BenchShape): Promise<Session> | Session;
}

export interface NamedArray { readonly name: string; readonly shape: readonly number[]; readonly values: Float32Array }

/** What a module in bench/peers gets, so that it imports nothing of ours. Images are [N, H, W, C]; for weights see Parameter. */
export interface PeerContext {
  readonly threads: number;
  /** What comes after the colon of a peer's name. */
  readonly backend: string;
  /** Inputs of a kernel bench by name. */
  inputs(bench: BenchName, shape: BenchShape): Record<string, NamedArray>;
  /** Parameters of a network in order. */
  parameters(shape: ModelShape): Promise<NamedArray[]>;
  /** In a page: resolves when all that was sent to WebGL is done. */
  readonly waitForGl?: () => Promise<void>;
  batch(shape: ModelShape): { shape: readonly number[]; x: Float32Array; target: Float32Array; timesteps: number[] };
}
