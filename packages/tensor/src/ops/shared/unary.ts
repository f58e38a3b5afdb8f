import { run } from "../../core/device.js";
import type { Tensor } from "../../core/tensor.js";
import type { UnaryOp } from "../../kernels/contract.js";

/** y = op(x; p, q), element by element. */
export function unary(op: UnaryOp, x: Tensor, p = 0, q = 0): Tensor {
  return run("unary", { x }, { op, n: x.size }, { p, q }, { y: x.shape }).y;
}
