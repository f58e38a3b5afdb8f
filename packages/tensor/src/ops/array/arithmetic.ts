/** Elementwise arithmetic with NumPy broadcasting. At least one operand is a tensor; a number takes its device and dtype. */
import type { Tensor } from "../../core/tensor.js";
import { binary, type Operand } from "../shared/binary.js";
import { unary } from "../shared/unary.js";
import { square } from "./unary.js";

/** y = a + b. Throws ShapeError when the shapes do not broadcast, DeviceError when devices or dtypes differ. */
export function add(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number") return affine("add", a, 1, b);
  if (typeof a === "number" && typeof b !== "number") return affine("add", b, 1, a);
  return binary("add", a, b);
}

/** y = a - b. Throws as `add`. */
export function subtract(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number") return affine("subtract", a, 1, -b);
  if (typeof a === "number" && typeof b !== "number") return affine("subtract", b, -1, a);
  return binary("subtract", a, b);
}

/** y = a b, element by element. Throws as `add`. */
export function multiply(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number") return affine("multiply", a, b, -0);
  if (typeof a === "number" && typeof b !== "number") return affine("multiply", b, a, -0);
  return binary("multiply", a, b);
}

/** y = a / b. Throws as `add`. */
export function divide(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number") return unary("over", a, b);
  return binary("divide", a, b);
}

/** y = a^b. Throws as `add`. */
export function power(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number") return b === 2 ? square(a) : unary("raise", a, b);
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

/** scale x + shift in one kernel, on behalf of `op`. A shift of -0 changes nothing, whereas -0 + 0 = 0. */
function affine(op: string, x: Tensor, scale: number, shift: number): Tensor {
  x.assertAlive(op);
  return unary("affine", x, scale, shift);
}
