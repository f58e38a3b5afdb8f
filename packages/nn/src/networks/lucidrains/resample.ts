/** The steps between levels of lucidrains' U-Net that change the sides. */
import { pixelUnshuffle, type Tensor } from "@fromnoise/tensor";
import { Conv2d, type Conv2dCache } from "../../layers/conv2d.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import type { Layer } from "../../layers/layer.js";
import { double } from "../../layers/resample.js";
import type { Grads } from "../../parameters/grads.js";
import { join } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";

/** Halves the sides: the pixels of each 2x2 square become channels, then a 1x1 convolution, [N, H, W, C] -> [N, H/2, W/2, D]. */
export class UnshuffleDown implements Layer<Conv2dCache> {
  private readonly conv: Conv2d;

  constructor(readonly name: string, inChannels: number, outChannels: number) {
    this.conv = new Conv2d(join(name, "1"), 4 * inChannels, outChannels, { kernel: 1 });
  }

  get parameters(): Parameter[] {
    return this.conv.parameters;
  }

  forward(x: Tensor): [y: Tensor, cache: Conv2dCache] {
    return forwardAt(this, { x }, () => this.conv.forward(pixelUnshuffle.forward(x, { scale: 2 })));
  }

  backward(dy: Tensor, cache: Conv2dCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => pixelUnshuffle.backward(this.conv.backward(dy, cache, grads), { scale: 2 }));
  }
}

/** Doubles the sides: every pixel twice in each direction, then a 3x3 convolution, [N, H, W, C] -> [N, 2H, 2W, D]. */
export class NearestUp implements Layer<Conv2dCache> {
  private readonly conv: Conv2d;

  constructor(readonly name: string, inChannels: number, outChannels: number) {
    this.conv = new Conv2d(join(name, "1"), inChannels, outChannels);
  }

  get parameters(): Parameter[] {
    return this.conv.parameters;
  }

  forward(x: Tensor): [y: Tensor, cache: Conv2dCache] {
    return forwardAt(this, { x }, () => this.conv.forward(double.forward(x)));
  }

  backward(dy: Tensor, cache: Conv2dCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => double.backward(this.conv.backward(dy, cache, grads)));
  }
}
