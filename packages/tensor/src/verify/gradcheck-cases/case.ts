/** A gradient check of an op as a value: tests and the command `fromnoise gradcheck` run over lists of them. */
import type { Device } from "../../core/device.js";
import type { GradcheckFunction } from "../gradcheck.js";
import type { DType } from "../../kernels/contract.js";
import { randomNormal } from "../../ops/array/create.js";
import { Random } from "../../random/random.js";
import type { Tensor } from "../../core/tensor.js";

/** The inputs of a check and the functions that are checked on them. */
export interface GradcheckSetup<K extends string = string> extends GradcheckFunction<K> {
  inputs: Record<K, Tensor>;
}

/** An operation to check, ready made: its name, its inputs, forward and backward. */
export interface GradcheckCase {
  op: string;
  /** Shapes and options, for people. */
  name: string;
  /** Makes the inputs; the same values for a seed on every device. Disposing them is the caller's. */
  build: (device: Device, seed: number, dtype?: DType) => GradcheckSetup;
}

/** What a case makes its inputs from. */
export interface Maker {
  /** Samples of N(0, 1). */
  normal: (...shape: number[]) => Tensor;
  random: Random;
  device: Device;
  dtype: DType;
}

/** A case whose inputs are drawn from `seed`; f64 unless a dtype is given. */
export function gradcheckCase<K extends string>(
  op: string, name: string, setup: (make: Maker) => GradcheckSetup<K>,
): GradcheckCase {
  return {
    op, name,
    build(device, seed, dtype = "f64") {
      const random = new Random(seed);
      const normal = (...shape: number[]): Tensor => randomNormal(shape, random, { device, dtype });
      return setup({ normal, random, device, dtype }) as unknown as GradcheckSetup;
    },
  };
}
