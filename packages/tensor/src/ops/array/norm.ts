import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import type { Tensor } from "../../core/tensor.js";
import { matchShapes } from "../shared/match-shapes.js";

/**
 * The sum of x^2 over all elements of a tensor, or of all tensors of a list, as a tensor [1]: what the norm of gradients is made of, in
 * one kernel. Throws ShapeError for an empty list and for an empty tensor.
 */
export function sumSquares(x: Tensor | readonly Tensor[]): Tensor {
  const list = Array.isArray(x) ? x as readonly Tensor[] : [x as Tensor];
  if (list.length === 0) throw new ShapeError("sumSquares: the list of tensors is empty");
  const sizes = list.map((t) => matchShapes("sumSquares", { x: [t, "..."] })["..."]);
  return run("sumSquares", { x: list }, { sizes }, {}).y;
}
