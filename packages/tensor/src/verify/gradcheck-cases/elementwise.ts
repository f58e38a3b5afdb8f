/** Gradient checks of activations, dropout, softmax, losses and the time vector's sum. */
import { addPerImage, sumPerImage } from "../../ops/neural/add-per-image.js";
import { crossEntropy } from "../../ops/neural/cross-entropy.js";
import { dropout } from "../../ops/neural/dropout.js";
import { huber } from "../../ops/neural/huber.js";
import { l1 } from "../../ops/neural/l1.js";
import { logSoftmax } from "../../ops/neural/log-softmax.js";
import { mse } from "../../ops/neural/mse.js";
import { softmax } from "../../ops/neural/softmax.js";
import { activations, type Activation } from "../activations.js";
import { gradcheckCase, type GradcheckCase } from "./case.js";

const activationCase = ([op, { forward, backward }]: readonly [string, Activation]): GradcheckCase =>
  gradcheckCase(op, "3x7", ({ normal }) => ({
    inputs: { x: normal(3, 7) }, forward: ({ x }) => forward(x, 0.2), backward: (dy, { x }) => backward(dy, x, 0.2),
  }));

const softmaxCase = (name: string, shape: readonly number[], axis: number): GradcheckCase =>
  gradcheckCase("softmax", name, ({ normal }) => ({
    inputs: { x: normal(...shape) },
    forward: ({ x }) => softmax.forward(x, { axis }),
    backward: (dy, { x }) => softmax.backward(dy, softmax.forward(x, { axis }), { axis }),
  }));

const logSoftmaxCase = (name: string, shape: readonly number[], axis: number): GradcheckCase =>
  gradcheckCase("logSoftmax", name, ({ normal }) => ({
    inputs: { x: normal(...shape) },
    forward: ({ x }) => logSoftmax.forward(x, { axis }),
    backward: (dy, { x }) => logSoftmax.backward(dy, logSoftmax.forward(x, { axis }), { axis }),
  }));

const huberCase = (name: string, shape: readonly number[], delta: number): GradcheckCase =>
  gradcheckCase("huber", name, ({ normal }) => ({
    inputs: { a: normal(...shape), b: normal(...shape) },
    forward: ({ a, b }) => huber.forward(a, b, { delta }),
    backward: (dy, { a, b }) => huber.backward(dy, a, b, { delta }),
  }));

export const elementwiseCases: readonly GradcheckCase[] = [
  ...Object.entries(activations).map(activationCase),
  gradcheckCase("dropout", "rate 0.3", ({ normal, random, device, dtype }) => {
    const mask = dropout.mask([4, 5], 0.3, random, { device, dtype });
    return {
      inputs: { x: normal(4, 5) },
      forward: ({ x }) => dropout.forward(x, mask),
      backward: (dy) => dropout.backward(dy, mask),
    };
  }),
  softmaxCase("last axis", [2, 3, 5], -1),
  softmaxCase("middle axis", [2, 4, 3], 1),
  softmaxCase("first axis", [6, 2], 0),
  gradcheckCase("mse", "2x3x2", ({ normal }) => ({
    inputs: { a: normal(2, 3, 2), b: normal(2, 3, 2) },
    forward: ({ a, b }) => mse.forward(a, b),
    backward: (dy, { a, b }) => mse.backward(dy, a, b),
  })),
  huberCase("delta 1", [3, 5], 1),
  gradcheckCase("l1", "3x5", ({ normal }) => ({
    inputs: { a: normal(3, 5), b: normal(3, 5) },
    forward: ({ a, b }) => l1.forward(a, b),
    backward: (dy, { a, b }) => l1.backward(dy, a, b),
  })),
  gradcheckCase("crossEntropy", "4 rows, 5 classes", ({ normal }) => ({
    inputs: { x: normal(4, 5) },
    forward: ({ x }) => crossEntropy.forward(x, [3, 0, 4, 3]),
    backward: (dy, { x }) => crossEntropy.backward(dy, x, [3, 0, 4, 3]),
  })),
  logSoftmaxCase("last axis", [3, 5], -1),
  logSoftmaxCase("first axis", [4, 2], 0),
  huberCase("delta 0.4", [2, 2, 3], 0.4),
  gradcheckCase("addPerImage", "2 images 3x2, 4 channels", ({ normal }) => ({
    inputs: { x: normal(2, 3, 2, 4), v: normal(2, 4) },
    forward: ({ x, v }) => addPerImage(x, v),
    backward: (dy) => ({ dx: dy, dv: sumPerImage(dy) }),
  })),
];
