import { ConfigError } from "../../core/errors.js";
import { assertDeviceIn } from "../../core/expect-device.js";
import type { Random } from "../../random/random.js";
import { sizeOf, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { multiply } from "../array/arithmetic.js";
import type { TensorOptions } from "../array/create.js";
import { matchShapes } from "../shared/match-shapes.js";

/**
 * Dropout: y = mask x, mask = 0 with probability `rate`, else 1 / (1 - rate), so that the mean stays.
 * Backward: dx = mask dy.
 * Shapes: all equal. The mask is drawn by the caller, once, and handed to both: no hidden random state.
 * Source: Srivastava et al. (2014), Dropout, section 4 (here scaled in training instead of at test time, section 10).
 */
export const dropout = {
  /** A mask of 0 and 1 / (1 - rate), rate in [0, 1). Advances `random`. Throws ConfigError. */
  mask(shape: Shape, rate: number, random: Random, options: TensorOptions): Tensor {
    assertDeviceIn("dropout.mask", options);
    const { device, dtype = "f32" } = options;
    if (!(rate >= 0 && rate < 1)) throw new ConfigError(`dropout: rate is ${rate}`, ["allowed  0 <= rate < 1"]);
    const kept = 1 / (1 - rate);
    return device.upload(random.uniform(sizeOf(shape)).map((u) => (u < rate ? 0 : kept)), shape, dtype);
  },

  /** y = mask x. Throws ShapeError. */
  forward(x: Tensor, mask: Tensor): Tensor {
    matchShapes("dropout", { x: [x, "..."], mask: [mask, "..."] });
    return multiply(x, mask);
  },

  /** dx = mask dy. Throws ShapeError. */
  backward(dy: Tensor, mask: Tensor): Tensor {
    matchShapes("dropout.backward", { dy: [dy, "..."], mask: [mask, "..."] });
    return multiply(dy, mask);
  },
};
