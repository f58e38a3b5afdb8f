/** Update kernels: their outputs name inputs, whose contents they replace. Optimisers and averages take all their tensors at once. */
import { define, vector, vectors, type N, type Sizes } from "./definition.js";

export const updates = {
  adam: define<Sizes>()({
    equation:
      "g' = gradScale g; m = beta1 m + (1 - beta1) g'; v = beta2 v + (1 - beta2) g'^2; " +
      "p = p (1 - lr weightDecay) - lr (m / correction1) / (sqrt(v / correction2) + eps), for every tensor of the lists",
    inputs: { p: vectors, m: vectors, v: vectors, g: vectors },
    scalars: ["lr", "beta1", "beta2", "eps", "correction1", "correction2", "weightDecay", "gradScale"],
    outputs: { p: vectors, m: vectors, v: vectors },
  }),
  ema: define<Sizes>()({
    equation: "target = decay target + (1 - decay) source, for every tensor of the lists",
    inputs: { target: vectors, source: vectors }, scalars: ["decay"], outputs: { target: vectors },
  }),
  assign: define<N>()({
    equation: "target = source", inputs: { target: vector, source: vector }, scalars: [], outputs: { target: vector },
  }),
} as const;
