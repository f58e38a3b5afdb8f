import { run } from "../../core/device.js";
import type { Tensor } from "../../core/tensor.js";
import { matchShapes } from "../shared/match-shapes.js";

/** The sum of x^2 over all elements as a tensor [1]: what the norm of gradients is made of. Throws ShapeError for an empty x. */
export function sumSquares(x: Tensor): Tensor {
  const { "...": n } = matchShapes("sumSquares", { x: [x, "..."] });
  return run("sumSquares", { x }, { n }, {}, [1]);
}
