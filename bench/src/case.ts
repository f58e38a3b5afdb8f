/** What a bench is: a computation on closed-form inputs that any contender may do in its own way. */
import type { DType, Device, Tensor } from "@fromnoise/tensor";

export const benchNames = [
  "matmul", "conv2d-forward", "conv2d-grad-input", "conv2d-grad-weight", "groupnorm-silu-forward", "groupnorm-silu-backward", "softmax",
  "attention", "elementwise", "reduce", "adam", "unet-forward", "unet-train-step", "demo-train-step",
] as const;
export type BenchName = (typeof benchNames)[number];

/** The sizes of a bench, as peers receive them and reports print them. */
export type BenchShape = Readonly<Record<string, number | Readonly<Record<string, unknown>>>>;

export interface BenchCase {
  bench: BenchName;
  shape: BenchShape;
  /** Short form of the shape for tables: "16x32x32x64". */
  title: string;
  /** Part of `--quick`. */
  quick: boolean;
  /** Floating-point operations and bytes of memory traffic of one run, 0 where the number means nothing. */
  flops: number;
  bytes: number;
  /** Prepares the computation on one of our devices. */
  open: (device: Device, dtype: DType) => Promise<Workload>;
}

/** A computation, prepared: its inputs are on the device. */
export interface Workload {
  /** Runs it once and frees what it made; the caller waits for the device. */
  run: () => void | Promise<void>;
  /** The results of one run: tensors, which the caller frees; for a training step the losses of the first three steps. */
  results: () => Promise<Float64Array[]>;
  /** Moves the inputs to the device again, for the upload time; absent where nothing is moved. */
  upload?: () => Tensor[];
  dispose: () => void;
}
