/** How a machine rounds a b + c: once, where its build and its processor fuse the two operations, or after each of them. */
import { asMatmul, type LooseKernel } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";
import { WeightCache } from "../machine/weight-cache.js";
import type { KernelsOn } from "./run-trials.js";

/** All that the last bits of a result depend on: builds that round alike give the same bits. */
export type MultiplyAdds = "fused" | "separate";

/** With e = 2^-12, -(1 + 2e) + (1 + e)^2 is e^2; a product rounded by itself is 1 + 2e, and leaves 0. */
export function multiplyAddsOf(machine: Machine, kernelsOn: KernelsOn): MultiplyAdds {
  const { memory } = machine;
  const e = 2 ** -12;
  const filled = (...values: number[]): Storage => {
    const block = memory.allocate(values.length * 4, () => "a multiply-add");
    memory.floats.set(values, block.address / 4);
    return { block, address: block.address, size: values.length };
  };
  const a = filled(1, 1 + e), b = filled(-(1 + 2 * e), 1 + e), y = filled(NaN);
  const matmul = kernelsOn(machine, "fast", new WeightCache(machine)).matmul as LooseKernel<Storage>;
  matmul({ y }, { a, b }, asMatmul({ m: 1, k: 2, n: 1 }), {});
  const rest = memory.floats[y.address / 4];
  for (const { block } of [a, b, y]) memory.free(block);
  return rest === 0 ? "separate" : "fused";
}
