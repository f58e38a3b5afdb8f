import { run } from "../../core/device.js";
import { assertTensor } from "../../core/expect-tensor.js";
import type { Tensor } from "../../core/tensor.js";
import type { UnaryOp } from "../../kernels/contract.js";

/** y = op(x; p, q), element by element. Throws ConfigError for an x that is no tensor. */
export function unary(op: UnaryOp, x: Tensor, p = 0, q = 0): Tensor {
  assertTensor(op, "x", x);
  return run("unary", { x }, { op, n: x.size }, { p, q }, { y: x.shape }).y;
}
