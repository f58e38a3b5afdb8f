import { ShapeError } from "../../core/errors.js";
import { formatShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { divide, multiply, subtract } from "../array/arithmetic.js";
import { oneHot } from "../array/create.js";
import { sum } from "../array/reduce.js";
import { exp, negative } from "../array/unary.js";
import { checkIndices, type Indices } from "../shared/indices.js";
import { matchShapes } from "../shared/match-shapes.js";
import { logSoftmax } from "./log-softmax.js";

/**
 * Cross-entropy of classes from logits: y = mean over rows i of -log softmax(x_i)[label_i].
 * Backward: dx = (dy / N) (softmax(x) - onehot(labels)).
 * Shapes: x [N, K], labels: N integers in 0 .. K - 1 on the host, y and dy scalars [].
 * Source: Bishop (2006), Pattern Recognition and Machine Learning, equations 4.108 and 4.109.
 */
export const crossEntropy = {
  /** mean of -log softmax(x)[label] as a scalar []. Throws ShapeError. */
  forward(x: Tensor, labels: Indices): Tensor {
    const { N, K } = shapesOf("crossEntropy", x, labels);
    return x.device.scope(() => {
      const picked = sum(multiply(logSoftmax.forward(x), oneHot(labels, K, x)));
      return divide(negative(picked), N);
    });
  },

  /** dx = (dy / N) (softmax(x) - onehot(labels)); dy [] is the gradient of the loss itself. Throws ShapeError. */
  backward(dy: Tensor, x: Tensor, labels: Indices): Tensor {
    const { N, K } = shapesOf("crossEntropy.backward", x, labels);
    matchShapes("crossEntropy.backward", { dy: [dy, ""] });
    return x.device.scope(() => multiply(subtract(exp(logSoftmax.forward(x)), oneHot(labels, K, x)), divide(dy, N)));
  },
};

function shapesOf(op: string, x: Tensor, labels: Indices): { N: number; K: number } {
  const { N, K } = matchShapes(op, { x: [x, "N K"] });
  if (labels.length !== N) {
    throw new ShapeError(`${op}: ${labels.length} labels for ${N} rows`, [`x        ${formatShape(x.shape)}   expected [N, K]`]);
  }
  checkIndices(op, labels, K, `${K} classes`);
  return { N, K };
}
