/** The activations with a backward, one line each: gradient checks and golden files run over them. */
import type { Tensor } from "../core/tensor.js";
import { gelu } from "../ops/neural/gelu.js";
import { leakyRelu } from "../ops/neural/leaky-relu.js";
import { mish } from "../ops/neural/mish.js";
import { relu } from "../ops/neural/relu.js";
import { sigmoid } from "../ops/neural/sigmoid.js";
import { silu } from "../ops/neural/silu.js";
import { tanh } from "../ops/neural/tanh.js";

/** y = forward(x) and dx = backward(dy, x); `slope` is the one number that some of them take. */
export interface Activation {
  readonly forward: (x: Tensor, slope: number) => Tensor;
  readonly backward: (dy: Tensor, x: Tensor, slope: number) => Tensor;
}

export const activations: Readonly<Record<string, Activation>> = {
  silu: { forward: silu.forward, backward: silu.backward },
  relu: { forward: relu.forward, backward: relu.backward },
  leakyRelu: {
    forward: (x, slope) => leakyRelu.forward(x, { slope }), backward: (dy, x, slope) => leakyRelu.backward(dy, x, { slope }),
  },
  tanh: { forward: tanh, backward: (dy, x) => tanh.backward(dy, tanh(x)) },
  sigmoid: { forward: sigmoid, backward: (dy, x) => sigmoid.backward(dy, sigmoid(x)) },
  gelu: { forward: gelu.forward, backward: gelu.backward },
  mish: { forward: mish.forward, backward: mish.backward },
};
