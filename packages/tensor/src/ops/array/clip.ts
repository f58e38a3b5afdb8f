import { run } from "../../core/device.js";
import type { Tensor } from "../../core/tensor.js";

/** y = min(max(x, low), high); NaN stays NaN, and high wins where low > high, as in NumPy. A bound may be infinite. */
export function clip(x: Tensor, low: number, high: number): Tensor {
  return run("clip", { x }, { n: x.size }, { low, high }, x.shape);
}
