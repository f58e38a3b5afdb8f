/** What a bench is: a computation on closed-form inputs, which every contender does in its own way. */
import type { DType, Device, Shape } from "@fromnoise/tensor";

export const benchNames = [
  "matmul", "conv2d-forward", "conv2d-grad-input", "conv2d-grad-weight", "groupnorm-silu-forward", "groupnorm-silu-backward",
  "softmax", "attention", "elementwise", "reduce", "adam", "unet-forward", "unet-train-step", "demo-train-step",
  "sampler",
] as const;
export type BenchName = (typeof benchNames)[number];

/** The sizes of one case by name, as peers receive them and reports store them. */
export type Sizes = Readonly<Record<string, number>>;

/** A case of a model bench: images a step, the network in the fields of diffusers' UNet2DModel, and a sampler's steps. */
export interface ModelShape { readonly batch: number; readonly config: Readonly<Record<string, unknown>>; readonly steps?: number }

export type BenchShape = Sizes | ModelShape;

/** One bench at one size. */
export interface BenchCase {
  readonly bench: BenchName;
  readonly shape: BenchShape;
}

/** An input in closed form, see `fill`: scale 1 and base 0 unless given. */
export interface Input { readonly shape: Shape; readonly k: number; readonly scale?: number; readonly base?: number }

/** Floating-point operations and bytes of memory traffic that a case needs at least; 0 where the number would mean nothing. */
export interface Cost { readonly flops: number; readonly bytes: number }

/** A bench over shapes of type S. */
export interface Bench<S extends BenchShape = BenchShape> {
  /** A network rather than a kernel: measured in a process of its own, with its peak memory. */
  readonly model: boolean;
  /** Results further from the f64 reference than this (max |difference| / max |reference|) are wrong, and not timed. */
  readonly tolerance: number;
  /** Short form of the shape for tables: "B16 32->32 32x32". */
  title(shape: S): string;
  cost(shape: S): Cost;
  /** Inputs of a kernel, by name, for peers; models say in `model-benches.ts` how theirs are filled. */
  inputs?(shape: S): Readonly<Record<string, Input>>;
  /** The computation on one of our devices, its inputs uploaded. */
  open(shape: S, device: Device, dtype: DType): Workload;
}

/** A computation, ready to run. */
export interface Workload {
  /** Runs it once and frees what it made; the caller waits for the device. */
  run(): void | Promise<void>;
  /** The results of a run from the initial state, one array a tensor. */
  results(): Promise<Float64Array[]>;
  /** Times, in milliseconds, of moving the inputs to the device and the results back; absent for models. */
  transfer?(): Promise<{ upload: number; readback: number }>;
  dispose(): void;
}
