import {
  conv2d, divide, greaterEqual, maximum, mean, multiply, sqrt, square, subtract, weightStandardize, type Tensor,
} from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import type { Parameter } from "../parameters/parameter.js";
import { Conv2d } from "./conv2d.js";
import { backwardAt, forwardAt } from "./enter.js";
import type { Layer } from "./layer.js";

/** Where eps goes: sqrt(variance + eps), or sqrt(max(variance, eps)). */
export type VarianceFloor = "add" | "clamp";

/** What keeps the root away from 0, added to the variance or as its floor. */
export interface StandardizedConv2dOptions {
  /** Default "add". */
  readonly floor?: VarianceFloor;
  /** Default 1e-5, the program's in f32 (in every other type it took 1e-3). */
  readonly eps?: number;
}

/** x, and the standardised weights. */
export interface StandardizedConv2dCache {
  /** [N, H, W, Cin] */
  x: Tensor;
  /** [3, 3, Cin, Cout]: the weights that the convolution used. */
  w: Tensor;
}

type Standardize = Pick<typeof weightStandardize, "forward" | "backward">;

const overChannel = { axes: [0, 1, 2], keepDims: true } as const;

/** 1 / sqrt(max(variance, eps)) in place of 1 / sqrt(variance + eps): where the variance is below eps it counts as a constant. */
const clamped: Standardize = {
  forward(w, { eps }) {
    return w.device.scope(() => {
      const centred = subtract(w, mean(w, overChannel));
      return divide(centred, sqrt(maximum(mean(square(centred), overChannel), eps)));
    });
  },

  /** dw = r (dy - mean(dy) - what mean(dy what) [variance >= eps]). */
  backward(dy, w, { eps }) {
    return w.device.scope(() => {
      const centred = subtract(w, mean(w, overChannel));
      const variance = mean(square(centred), overChannel);
      const deviation = sqrt(maximum(variance, eps));
      const what = divide(centred, deviation);
      const along = multiply(mean(multiply(dy, what), overChannel), greaterEqual(variance, eps));
      return divide(subtract(subtract(dy, mean(dy, overChannel)), multiply(what, along)), deviation);
    });
  },
};

const floors: Readonly<Record<VarianceFloor, Standardize>> = { add: weightStandardize, clamp: clamped };

/**
 * A 3x3 convolution whose weights are standardised before it uses them: y = conv(x, (w - mean) / sqrt(variance + eps)) + b, mean and
 * variance over what makes one output channel; x [N, H, W, Cin], y [N, H, W, Cout].
 * Source: Qiao et al. (2019), section 3, as lucidrains' U-Net had it to version 1.7.1.
 */
export class StandardizedConv2d implements Layer<StandardizedConv2dCache> {
  private readonly conv: Conv2d;
  private readonly standardize: Standardize;
  private readonly eps: number;

  constructor(
    readonly name: string, inChannels: number, outChannels: number, { floor = "add", eps = 1e-5 }: StandardizedConv2dOptions = {},
  ) {
    this.conv = new Conv2d(name, inChannels, outChannels);
    this.standardize = floors[floor];
    this.eps = eps;
  }

  get parameters(): Parameter[] {
    return this.conv.parameters;
  }

  forward(x: Tensor): [y: Tensor, cache: StandardizedConv2dCache] {
    return forwardAt(this, { x }, () => {
      const w = this.standardize.forward(this.conv.weight.tensor, { eps: this.eps });
      return [conv2d.forward(x, w, this.conv.bias!.tensor, { padding: 1 }), { x, w }];
    });
  }

  backward(dy: Tensor, cache: StandardizedConv2dCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const { x, w } = cache;
      const { weight, bias } = this.conv;
      const dw = conv2d.gradWeight(dy, x, weight.shape, { padding: 1 });
      grads.add(bias!, conv2d.gradBias(dy));
      grads.add(weight, this.standardize.backward(dw, weight.tensor, { eps: this.eps }));
      return conv2d.gradInput(dy, w, x.shape, { padding: 1 });
    });
  }
}
