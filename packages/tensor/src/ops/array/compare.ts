/** Elementwise comparisons with NumPy broadcasting: 1 where true and 0 where false, in the operands' dtype. */
import type { Tensor } from "../../core/tensor.js";
import { binary, type Operand } from "../shared/binary.js";

/** y = 1 where a = b, else 0; NaN equals nothing. Throws ShapeError and DeviceError as `add`. */
export function equal(a: Operand, b: Operand): Tensor {
  return binary("equal", a, b);
}

/** y = 1 where a != b, else 0. Throws as `equal`. */
export function notEqual(a: Operand, b: Operand): Tensor {
  return binary("notEqual", a, b);
}

/** y = 1 where a < b, else 0. Throws as `equal`. */
export function less(a: Operand, b: Operand): Tensor {
  return binary("less", a, b);
}

/** y = 1 where a <= b, else 0. Throws as `equal`. */
export function lessEqual(a: Operand, b: Operand): Tensor {
  return binary("lessEqual", a, b);
}

/** y = 1 where a > b, else 0. Throws as `equal`. */
export function greater(a: Operand, b: Operand): Tensor {
  return binary("greater", a, b);
}

/** y = 1 where a >= b, else 0. Throws as `equal`. */
export function greaterEqual(a: Operand, b: Operand): Tensor {
  return binary("greaterEqual", a, b);
}
