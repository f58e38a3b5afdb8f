import { run } from "../../core/device.js";
import type { GroupNormAttrs } from "../../kernels/contract.js";
import type { Tensor } from "../../core/tensor.js";
import { ones, zeros } from "../array/create.js";
import { epsOf } from "../shared/eps.js";
import { matchShapes, type Pattern } from "../shared/match-shapes.js";

/** What keeps the root away from 0. */
export interface WeightStandardizeOptions { eps: number }

/**
 * Weight standardisation: the weights of each output channel are brought to mean 0 and variance 1 before a convolution uses them,
 *   what = (w - m) r, m = mean over kh, kw, Cin, r = 1 / sqrt(variance + eps), the variance divided by the count.
 * Backward, means over the weights of the channel: dw = r (dy - mean(dy) - what mean(dy what)).
 * Shapes: w and y [kh, kw, Cin, Cout]. It is group normalisation of one image with a group for every channel and no gain.
 * Source: Qiao et al. (2019), Micro-Batch Training with Batch-Channel Normalization and Weight Standardization, section 3.
 */
export const weightStandardize = {
  /** (w - mean) / sqrt(variance + eps) for each output channel. Throws ShapeError, ConfigError for eps < 0. */
  forward(w: Tensor, options: WeightStandardizeOptions): Tensor {
    const attrs = channelsAsGroups("weightStandardize", { w: [w, "kh kw Cin Cout"] });
    const eps = epsOf("weightStandardize", options);
    return w.device.scope(() => {
      const inputs = { x: w, gamma: ones([attrs.c], w), beta: zeros([attrs.c], w) };
      return run("groupNormWithStats", inputs, attrs, { eps }, { y: w.shape }).y;
    });
  },

  /** dw = r (dy - mean(dy) - what mean(dy what)). Throws as forward. */
  backward(dy: Tensor, w: Tensor, options: WeightStandardizeOptions): Tensor {
    const attrs = channelsAsGroups("weightStandardize.backward", { w: [w, "kh kw Cin Cout"], dy: [dy, "kh kw Cin Cout"] });
    const eps = epsOf("weightStandardize.backward", options);
    return w.device.scope(() => {
      const { stats } = run("groupNormStats", { x: w }, attrs, { eps });
      return run("groupNormGrad", { dy, x: w, stats, gamma: ones([attrs.c], w) }, attrs, {}, { dx: w.shape }).dx;
    });
  },
};

type WeightPattern = Pattern<"kh kw Cin Cout">;

function channelsAsGroups(op: string, patterns: { readonly w: WeightPattern; readonly dy?: WeightPattern }): GroupNormAttrs {
  const { kh, kw, Cin, Cout } = matchShapes(op, patterns);
  return { n: 1, hw: kh * kw * Cin, c: Cout, groups: Cout };
}
