import { linear, reshape, type Tensor } from "@fromnoise/tensor";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import type { Layer } from "../../layers/layer.js";
import type { Grads } from "../../parameters/grads.js";
import { join } from "../../parameters/module.js";
import { Parameter } from "../../parameters/parameter.js";
import { fromPatches, toPatches } from "./patches.js";

/** The patches, [N, L, p^2 C]. */
export interface PatchEmbeddingCache {
  /** [N, L, p p C] */
  patches: Tensor;
}

/**
 * A token for every patch of an image: y = patch w + b, x [N, H, W, C], y [N, L, D], L = H W / p^2. The weight is [p, p, C, D],
 * that of the convolution of stride p which this is, so that files hold it as one.
 * Source: Dosovitskiy et al. (2021), An image is worth 16x16 words, equation 1.
 */
export class PatchEmbedding implements Layer<PatchEmbeddingCache> {
  readonly weight: Parameter;
  readonly bias: Parameter;

  /** `rows` are the patches above each other in an image. */
  constructor(
    readonly name: string, private readonly patch: number, private readonly rows: number, channels: number, width: number,
  ) {
    const fan = { fanIn: patch * patch * channels, fanOut: width };
    this.weight = new Parameter(join(name, "weight"), [patch, patch, channels, width], { kind: "conv", role: "weight", ...fan });
    this.bias = new Parameter(join(name, "bias"), [width], { kind: "vector", role: "bias", ...fan });
  }

  get parameters(): Parameter[] {
    return [this.weight, this.bias];
  }

  forward(x: Tensor): [y: Tensor, cache: PatchEmbeddingCache] {
    return forwardAt(this, { x }, () => {
      const patches = toPatches(x, this.patch);
      return [linear.forward(patches, this.matrix(), this.bias.tensor), { patches }];
    });
  }

  backward(dy: Tensor, cache: PatchEmbeddingCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      grads.add(this.bias, linear.gradBias(dy));
      grads.add(this.weight, reshape(linear.gradWeight(dy, cache.patches), this.weight.shape));
      return fromPatches(linear.gradInput(dy, this.matrix()), this.patch, this.rows);
    });
  }

  /** The weight as [p p C, D]. */
  private matrix(): Tensor {
    return reshape(this.weight.tensor, [-1, this.bias.shape[0]]);
  }
}
