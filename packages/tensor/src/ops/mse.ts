/**
 * Mean squared error: y = mean((a - b)^2) over all elements.
 * Backward: da = (2 dy / n) (a - b), db = -da, n the number of elements.
 * Shapes: a and b equal, y and dy scalars [].
 * Source: Ho et al. (2020), Denoising Diffusion Probabilistic Models, equation 14 (L_simple, a = epsTheta, b = epsilon).
 */
import { run } from "../device.js";
import type { Tensor } from "../tensor.js";
import { matchShapes } from "./match-shapes.js";

export const mse = {
  /** mean((a - b)^2) as a scalar []. Throws ShapeError. */
  forward(a: Tensor, b: Tensor): Tensor {
    const { "...": n } = matchShapes("mse", { a: [a, "..."], b: [b, "..."] });
    return a.device.scope(() => {
      const sum = run("sumSquares", { x: difference(a, b, n) }, { n }, {}, []);
      return run("affine", { x: sum }, { n: 1 }, { scale: 1 / n, shift: 0 }, []);
    });
  },

  /** da = (2 dy / n) (a - b), db = -da; dy [] is the gradient of the loss itself. Throws ShapeError. */
  backward(dy: Tensor, a: Tensor, b: Tensor): { da: Tensor; db: Tensor } {
    const { "...": n } = matchShapes("mse.backward", { a: [a, "..."], b: [b, "..."], dy: [dy, ""] });
    const size = [1, 1, n] as const;
    return a.device.scope(() => {
      const factor = run("affine", { x: dy }, { n: 1 }, { scale: 2 / n, shift: 0 }, []);
      const attrs = { op: "multiply", size, a: size, b: [1, 1, 1] } as const;
      const da = run("binary", { a: difference(a, b, n), b: factor }, attrs, {}, a.shape);
      return { da, db: run("unary", { x: da }, { op: "negative", n }, {}, a.shape) };
    });
  },
};

function difference(a: Tensor, b: Tensor, n: number): Tensor {
  const size = [1, 1, n] as const;
  return run("binary", { a, b }, { op: "subtract", size, a: size, b: size }, {}, a.shape);
}
