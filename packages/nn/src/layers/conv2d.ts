import { conv2d, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join, type Module } from "../parameters/module.js";
import { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";

/** Kernel size, stride, padding, bias, and how the weights start. */
export interface Conv2dOptions {
  /** Side of the square kernel; default 3. */
  readonly kernel?: number;
  /** Default 1. */
  readonly stride?: number;
  /** Zeros around the image, or [top, bottom, left, right]; default (kernel - 1) / 2, which keeps the sides at stride 1. */
  readonly padding?: number | readonly [top: number, bottom: number, left: number, right: number];
  /** The last convolution of a residual branch: near zero in the paper's initialisation. */
  readonly closesBranch?: boolean;
  /** Default true. */
  readonly bias?: boolean;
}

/** x [N, H, W, Cin]. */
export interface Conv2dCache {
  /** [N, H, W, Cin] */
  x: Tensor;
}

/** Convolution, with bias unless told otherwise: x [N, H, W, Cin], weight [k, k, Cin, Cout], y [N, H', W', Cout]. */
export class Conv2d implements Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  private readonly attrs: { stride: number; padding: number | readonly [number, number, number, number] };

  constructor(readonly name: string, inChannels: number, outChannels: number, options: Conv2dOptions = {}) {
    const { kernel = 3, stride = 1, padding = (kernel - 1) / 2, closesBranch = false, bias = true } = options;
    this.attrs = { stride, padding };
    const fan = { fanIn: inChannels * kernel * kernel, fanOut: outChannels * kernel * kernel };
    const shape = [kernel, kernel, inChannels, outChannels];
    this.weight = new Parameter(join(name, "weight"), shape, { kind: "conv", role: "weight", ...fan, closesBranch });
    this.bias = bias ? new Parameter(join(name, "bias"), [outChannels], { kind: "vector", role: "bias", ...fan }) : undefined;
  }

  get parameters(): Parameter[] {
    return this.bias === undefined ? [this.weight] : [this.weight, this.bias];
  }

  forward(x: Tensor): [y: Tensor, cache: Conv2dCache] {
    return forwardAt(this, { x }, () => [conv2d.forward(x, this.weight.tensor, this.bias?.tensor, this.attrs), { x }]);
  }

  backward(dy: Tensor, cache: Conv2dCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const { x } = cache;
      if (this.bias === undefined) {
        grads.add(this.weight, conv2d.gradWeight(dy, x, this.weight.shape, this.attrs));
        return conv2d.gradInput(dy, this.weight.tensor, x.shape, this.attrs);
      }
      const { dx, dw, db } = conv2d.backward(dy, x, this.weight.tensor, this.attrs);
      grads.add(this.bias, db);
      grads.add(this.weight, dw);
      return dx;
    });
  }
}
