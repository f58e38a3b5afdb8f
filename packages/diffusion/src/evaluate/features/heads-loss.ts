import { add, concat, crossEntropy, ShapeError, split, type Tensor } from "@fromnoise/tensor";
import type { Heads } from "./config.js";

/** The right answers, for each head one a sample. */
export type Answers = Readonly<Record<string, ArrayLike<number>>>;

/**
 * The loss of several questions at once: L = sum over heads h of crossEntropy(y_h, answers_h), y_h the part of y that answers h.
 * Backward: dy_h = the cross-entropy's. Shapes: y [N, sum of counts], answers N a head, L and dL scalars []. Throws ShapeError where
 * answers are missing or do not fit.
 */
export const headsLoss = {
  /** The mean over all heads of what each loses, as a scalar []. */
  forward(y: Tensor, answers: Answers, heads: Heads): Tensor {
    return y.device.scope(() => parts(y, answers, heads).map(([part, right]) => crossEntropy.forward(part, right)).reduce((a, b) => add(a, b)));
  },

  /** dy [N, outputs]; dloss [] is the gradient of the loss itself. */
  backward(dloss: Tensor, y: Tensor, answers: Answers, heads: Heads): Tensor {
    return y.device.scope(() => concat(parts(y, answers, heads).map(([part, right]) => crossEntropy.backward(dloss, part, right)), 1));
  },
};

function parts(y: Tensor, answers: Answers, heads: Heads): [part: Tensor, right: number[]][] {
  const missing = Object.keys(heads).find((name) => !Object.hasOwn(answers, name));
  if (missing !== undefined) throw new ShapeError(`headsLoss: there are no answers to ${missing}`);
  const pieces = split(y, Object.values(heads), 1);
  return Object.keys(heads).map((name, i) => [pieces[i], Array.from(answers[name])]);
}
