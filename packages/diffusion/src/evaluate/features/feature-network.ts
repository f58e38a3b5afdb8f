import { formatShape, reshape, ShapeError, split, type Shape, type Tensor } from "@fromnoise/tensor";
import {
  Activation, backwardAt, Conv2d, forwardAt, freeSteps, keepCaches, Linear, NormSilu, Sequential, type ActivationCache, type Grads, type Layer,
  type LinearCache, type Module, type Parameter, type Policy,
} from "@fromnoise/nn";
import { featureConfig, type FeatureConfig, type FeatureOptions } from "./config.js";

/** What the backward of a feature network needs of its forward. */
export interface FeatureCache {
  trunk: readonly unknown[];
  /** Of the trunk's output [N, h, w, C]. */
  shape: Shape;
  /** Of [N, h w C], of the features before their activation, and of the features [N, F]. */
  dense: LinearCache;
  silu: ActivationCache;
  heads: LinearCache;
}

/** Channels of a group of the normalisations. */
const GROUP = 8;

/**
 * A small convolutional network, made for its features: 3x3 convolutions, each followed by silu(groupNorm(x)), the first at full size, the
 * others with stride 2; then a dense layer with silu, whose output are the features; then a dense layer for the answers to all heads, side
 * by side. x [N, size, size, channels] in [-1, 1], features [N, F], y [N, sum of the heads' answers]. Features are smooth in x. Made
 * without values: see `initialize`. Throws ConfigError as `featureConfig`.
 */
export class FeatureNetwork implements Module {
  readonly name = "";
  readonly config: FeatureConfig;
  readonly parameters: readonly Parameter[];
  readonly #trunk: Sequential;
  readonly #dense: Linear;
  readonly #silu = new Activation("features.silu", "silu");
  readonly #heads: Linear;

  constructor(options: FeatureOptions) {
    this.config = featureConfig(options);
    const { size, channels, widths, features, heads } = this.config;
    this.#trunk = new Sequential("trunk", widths.flatMap((width, i): Layer[] => [
      new Conv2d(`convs.${i}`, widths[i - 1] ?? channels, width, { stride: i === 0 ? 1 : 2 }),
      new NormSilu(`norms.${i}`, width, { groups: width % GROUP === 0 ? width / GROUP : 1 }),
    ]));
    const last = widths.reduce((side, _, i) => (i === 0 ? side : Math.ceil(side / 2)), size);
    this.#dense = new Linear("features", last * last * widths[widths.length - 1], features);
    this.#heads = new Linear("heads", features, Object.values(heads).reduce((sum, count) => sum + count));
    this.parameters = [this.#trunk, this.#dense, this.#heads].flatMap(({ parameters }) => parameters);
  }

  create(): FeatureNetwork {
    return new FeatureNetwork(this.config);
  }

  /** The answers of all heads [N, sum], before softmax. Throws ShapeError for x other than [N, size, size, channels]. */
  forward(x: Tensor): [y: Tensor, cache: FeatureCache] {
    return forwardAt(this, { x }, () => {
      const [features, cache] = this.#features(x, keepCaches);
      const [y, heads] = this.#heads.forward(features);
      return [y, { ...cache, heads }];
    });
  }

  /** dx, and the gradients of all parameters in grads. */
  backward(dy: Tensor, cache: FeatureCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => dy.device.scope(() => {
      const dfeatures = this.#heads.backward(dy, cache.heads, grads);
      const dh = this.#dense.backward(this.#silu.backward(dfeatures, cache.silu, grads), cache.dense, grads);
      return this.#trunk.backward(reshape(dh, cache.shape), cache.trunk, grads);
    }));
  }

  /** Features [N, F] and answers [N, sum], without caches. Throws as forward. */
  read(x: Tensor): { features: Tensor; answers: Tensor } {
    return x.device.scope(() => {
      const [features] = this.#features(x, freeSteps);
      return { features, answers: this.#heads.forward(features)[0] };
    });
  }

  /** What y says to each head [N, answers], in their order. */
  answersByHead(y: Tensor): Tensor[] {
    return split(y, Object.values(this.config.heads), 1);
  }

  #features(x: Tensor, policy: Policy): [features: Tensor, cache: Omit<FeatureCache, "heads">] {
    const { size, channels } = this.config;
    if (x.rank !== 4 || x.shape[1] !== size || x.shape[2] !== size || x.shape[3] !== channels) {
      throw new ShapeError("features: x is no batch of images of the network's size", [
        `x        ${formatShape(x.shape)}   expected [N, ${size}, ${size}, ${channels}]`,
      ]);
    }
    const [h, trunk] = this.#trunk.forward(x, policy);
    const [z, dense] = this.#dense.forward(reshape(h, [x.shape[0], -1]));
    const [features, silu] = this.#silu.forward(z);
    return [features, { trunk, shape: h.shape, dense, silu }];
  }
}
