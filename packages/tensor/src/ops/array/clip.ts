import type { Tensor } from "../../core/tensor.js";
import { unary } from "../shared/unary.js";

/** y = min(max(x, low), high); NaN stays NaN, and high wins where low > high, as in NumPy. A bound may be infinite. */
export function clip(x: Tensor, low: number, high: number): Tensor {
  return unary("clip", x, low, high);
}
