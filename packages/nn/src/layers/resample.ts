import { averagePool, upsampleNearest, type Tensor } from "@fromnoise/tensor";

/** Layers without parameters; their backward needs nothing of the forward. */
export interface Resample {
  forward(x: Tensor): Tensor;
  backward(dy: Tensor): Tensor;
}

/** y = x. */
export const identity: Resample = { forward: (x) => x, backward: (dy) => dy };

/** Mean of each 2x2 square: [N, H, W, C] -> [N, H/2, W/2, C]. */
export const halve: Resample = {
  forward: (x) => averagePool.forward(x, { scale: 2 }),
  backward: (dy) => averagePool.backward(dy, { scale: 2 }),
};

/** Every pixel twice in each direction: [N, H, W, C] -> [N, 2H, 2W, C]. */
export const double: Resample = {
  forward: (x) => upsampleNearest.forward(x, { scale: 2 }),
  backward: (dy) => upsampleNearest.backward(dy, { scale: 2 }),
};
