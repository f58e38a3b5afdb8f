/** Elementwise arithmetic with NumPy broadcasting. At least one operand is a tensor; a number takes its device and dtype. */
import type { Tensor } from "../../core/tensor.js";
import type { UnaryOp } from "../../kernels/contract.js";
import { assertOperand, binary, type Operand } from "../shared/binary.js";
import { unary } from "../shared/unary.js";

/** y = a + b. Throws ShapeError when the shapes do not broadcast, DeviceError when devices or dtypes differ. */
export function add(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number") return withNumber("add", "a", a, "affine", 1, b);
  if (typeof a === "number" && typeof b !== "number") return withNumber("add", "b", b, "affine", 1, a);
  return binary("add", a, b);
}

/** y = a - b. Throws as `add`. */
export function subtract(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number") return withNumber("subtract", "a", a, "affine", 1, -b);
  if (typeof a === "number" && typeof b !== "number") return withNumber("subtract", "b", b, "affine", -1, a);
  return binary("subtract", a, b);
}

/** y = a b, element by element. Throws as `add`. */
export function multiply(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number") return withNumber("multiply", "a", a, "affine", b, -0);
  if (typeof a === "number" && typeof b !== "number") return withNumber("multiply", "b", b, "affine", a, -0);
  return binary("multiply", a, b);
}

/** y = a / b. Throws as `add`. */
export function divide(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number") return withNumber("divide", "a", a, "over", b);
  return binary("divide", a, b);
}

/** y = a^b. Throws as `add`. */
export function power(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number") return withNumber("power", "a", a, b === 2 ? "square" : "raise", b === 2 ? 0 : b);
  return binary("power", a, b);
}

/** y = max(a, b); NaN where either is. Throws as `add`. */
export function maximum(a: Operand, b: Operand): Tensor {
  return binary("maximum", a, b);
}

/** y = min(a, b); NaN where either is. Throws as `add`. */
export function minimum(a: Operand, b: Operand): Tensor {
  return binary("minimum", a, b);
}

/**
 * One kernel for the operand `name` of `op` and a number. A multiplication adds -0, which changes nothing, whereas -0 + 0 = 0.
 * Throws as `add`.
 */
function withNumber(op: string, name: string, x: Tensor, kernel: UnaryOp, p = 0, q = 0): Tensor {
  assertOperand(op, name, x);
  x.assertAlive(op);
  return unary(kernel, x, p, q);
}
