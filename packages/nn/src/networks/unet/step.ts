/** One step of a block, whatever it is: x [N, H, W, C] and the time embedding temb [N, D] give y. */
import { at, type Random, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../../parameters/grads.js";
import type { Conv2dCache } from "../../layers/conv2d.js";
import type { Downsample } from "../../layers/downsample.js";
import { ResBlock, type ResBlockCache } from "../../layers/res-block.js";
import type { Upsample } from "../../layers/upsample.js";
import { apply, type Module } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";
import type { Stage, StageCache } from "./stage.js";

export type ResamplerCache = Conv2dCache | ResBlockCache;
export type StepCache = StageCache | ResamplerCache;
export type Step = Stage | Resampler;

/** The step that ends a level: a convolution, or a ResBlock that resamples and so takes in the time. */
export class Resampler implements Module {
  constructor(private readonly layer: Downsample | Upsample | ResBlock) {}

  get name(): string {
    return this.layer.name;
  }

  get parameters(): Parameter[] {
    return this.layer.parameters;
  }

  forward(x: Tensor, temb: Tensor, random?: Random): [y: Tensor, cache: ResamplerCache] {
    const { layer } = this;
    return x.device.scope(() => at(layer.name, () => {
      return layer instanceof ResBlock ? layer.forward(x, temb, random) : layer.forward(x);
    }));
  }

  /** A convolution gives no dtemb. */
  backward(dy: Tensor, cache: ResamplerCache, grads: Grads): { dx: Tensor; dtemb: Tensor | undefined } {
    const { layer } = this;
    return dy.device.scope(() => at(layer.name, () => {
      if (layer instanceof ResBlock) return layer.backward(dy, cache as ResBlockCache, grads);
      return { dx: layer.backward(dy, cache as Conv2dCache, grads), dtemb: undefined };
    }));
  }

  /** forward without a cache. */
  apply(x: Tensor, temb: Tensor): Tensor {
    const { layer } = this;
    return at(layer.name, () => (layer instanceof ResBlock ? apply(layer, x, temb) : apply(layer, x)));
  }
}
