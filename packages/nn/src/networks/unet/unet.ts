import {
  ShapeError, add, assertTensor, formatShape, inspectSymbol, multiply, pixelShuffle, pixelUnshuffle, tensor, type Random, type Tensor,
} from "@fromnoise/tensor";
import { Conv2d, type Conv2dCache } from "../../layers/conv2d.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import type { GroupNormCache } from "../../layers/group-norm.js";
import { NormSilu } from "../../layers/norm-silu.js";
import type { Grads } from "../../parameters/grads.js";
import type { Parameter } from "../../parameters/parameter.js";
import { checkGiven } from "../check-given.js";
import { formatNetwork } from "../format.js";
import type { Given, Network, NetworkSpec } from "../network.js";
import { freeSteps, keepCaches, type Policy } from "../policy.js";
import { sumOf, type Down, type MidBlock, type MidBlockCache, type Up } from "./blocks.js";
import { downBlocks, midBlock, upBlocks } from "./build.js";
import { isSkip, normGroups, patchOf, timeChannels, unetConfig, type UNetConfig, type UNetOptions } from "./config.js";
import { Embedding, type EmbeddingCache } from "./embedding.js";

/** Level i has H_i = H / (p 2^i), W_i = W / (p 2^i) and C_i channels, p the side of a patch, 1 unless the config says another. */
export interface UNetCache {
  embedding: EmbeddingCache;
  /** Of the patches of x, [N, H_0, W_0, p^2 in_channels]. */
  convIn: Conv2dCache;
  /** Level i of [N, H_i, W_i, C_(i-1)]. */
  downs: unknown[];
  /** Of [N, H_i, W_i, C_i], i the lowest level; undefined without a middle. */
  mid: MidBlockCache | undefined;
  /** From the lowest level up. */
  ups: unknown[];
  /** Of [N, H_0, W_0, C_0] both. */
  normOut: GroupNormCache; convOut: Conv2dCache;
  /** [N, 1, 1, 1]: 1 / t, where the output is divided by it. */
  scale: Tensor | undefined;
}

/**
 * The network of Ho et al. 2020 (appendix B), in the shape and with the names of diffusers' UNet2DModel: y = epsTheta(x, t).
 * x [N, H, W, in_channels], t N host numbers, y [N, H, W, out_channels]. H and W are multiples of 2^(levels - 1), as each level but
 * the last halves them. With _patch_size p the levels see p x p pixels as one of p^2 times the channels, x by pixelUnshuffle, and y is put
 * together by pixelShuffle: a network of fewer and wider places for the same price (Luhman and Luhman 2022, section 3); sides are multiples
 * of p 2^(levels - 1). Made without values: see `initialize`. Throws ConfigError as `unetConfig`.
 */
export class UNet implements Network<UNetCache> {
  readonly name = "";
  readonly config: UNetConfig;
  readonly spec: NetworkSpec;
  readonly parameters: readonly Parameter[];
  private readonly convIn: Conv2d;
  private readonly embedding: Embedding;
  private readonly downs: readonly Down[];
  private readonly mid: MidBlock | undefined;
  private readonly ups: readonly Up[];
  private readonly normOut: NormSilu;
  private readonly convOut: Conv2d;

  constructor(options: UNetOptions) {
    const config = unetConfig(options);
    const { block_out_channels: [width] } = config;
    this.config = config;
    this.spec = specOf(config);
    this.convIn = new Conv2d("conv_in", patchOf(config) ** 2 * config.in_channels, width);
    this.embedding = new Embedding(config);
    this.downs = downBlocks(config);
    this.mid = midBlock(config);
    this.ups = upBlocks(config);
    this.normOut = new NormSilu("conv_norm_out", width, { groups: normGroups(config, width), eps: config.norm_eps });
    this.convOut = new Conv2d("conv_out", width, patchOf(config) ** 2 * config.out_channels, { closesBranch: true });
    this.parameters = [                                                    // in the order of diffusers' state dict
      this.convIn, this.embedding, ...this.downs, ...this.ups, this.mid, this.normOut, this.convOut,
    ].flatMap((layer) => layer?.parameters ?? []);
  }

  create(): UNet {
    return new UNet(this.config);
  }

  /**
   * epsTheta(x, t) and what backward needs. `given.labels` are N classes, for a network with num_class_embeds, or N numbers where its
   * class_embed_type is "timestep"; `given.embedding` is [N, D], D the width of the time embedding, where it is "identity".
   * Throws ShapeError for sides that are no multiples of p 2^(levels - 1), and ConfigError for missing or needless labels.
   */
  forward(x: Tensor, t: ArrayLike<number>, given: Given = {}, dropout?: Random): [y: Tensor, cache: UNetCache] {
    return this.run(x, t, given, keepCaches, dropout);
  }

  /** epsTheta(x, t) without a cache, step by step: no more stays alive than the skips and one step's own tensors. */
  apply(x: Tensor, t: ArrayLike<number>, given: Given = {}): Tensor {
    return this.run(x, t, given, freeSteps)[0];
  }

  private run(x: Tensor, t: ArrayLike<number>, given: Given, policy: Policy, dropout?: Random): [y: Tensor, cache: UNetCache] {
    this.check(x, t, given);
    const { device } = x;
    const patch = patchOf(this.config);
    const { center_input_sample: centred, down_block_types: [down], time_embedding_type: time } = this.config;
    return policy.step(device, () => forwardAt(this, { x }, () => {
      const [temb, embedding] = policy.step(device, () => this.embedding.forward(t, given, x));
      const input = centred ? add(multiply(x, 2), -1) : x;
      const [h0, convIn] = policy.step(device, () => this.convIn.forward(patch === 1 ? input : pixelUnshuffle.forward(input, { scale: patch })));
      const skips = [h0];
      let image = isSkip(down) ? input : undefined;                        // handed along beside the features, where blocks do so
      const downs = this.downs.map((block) => {
        const [made, cache] = block.forward(skips.at(-1)!, temb, policy, dropout, image);
        skips.push(...made.slice(0, block.outputCount));
        if (image !== undefined && image !== x) policy.done(image);
        image = made[block.outputCount];
        return cache;
      });
      const [bottom, mid] = this.mid?.forward(skips.at(-1)!, temb, policy, dropout) ?? [skips.at(-1)!, undefined];
      let h = bottom;
      let grown: Tensor | undefined;                                       // the image that the levels on the way up add to
      const ups = this.ups.map((block) => {
        const read = takeLast(skips, block.skipCount);
        const [[y, next], cache] = block.forward(h, read, temb, policy, dropout, grown);
        policy.done(h, ...read);
        if (grown !== undefined) policy.done(grown);
        [h, grown] = [y, next];
        return cache;
      });
      const [a, normOut] = policy.step(device, () => this.normOut.forward(h));
      const [out, convOut] = this.convOut.forward(a);
      const made = patch === 1 ? out : pixelShuffle.forward(out, { scale: patch });
      const whole = grown === undefined ? made : add(made, grown);
      const scale = time === "fourier" ? reciprocals(t, x) : undefined;
      const y = scale === undefined ? whole : multiply(whole, scale);
      return [y, { embedding, convIn, downs, mid, ups, normOut, convOut, scale }];
    }));
  }

  /** dx, and the gradients of all parameters in grads. */
  backward(dy: Tensor, cache: UNetCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => dy.device.scope(() => {
      const dtembs: Tensor[] = [];
      const dskips: Tensor[] = [];
      const dout = cache.scale === undefined ? dy : multiply(dy, cache.scale);
      const patch = patchOf(this.config);
      const da = this.convOut.backward(patch === 1 ? dout : pixelShuffle.backward(dout, { scale: patch }), cache.convOut, grads);
      let dh = this.normOut.backward(da, cache.normOut, grads);
      let dgrown: Tensor | undefined = dout;                               // of the image, where there is one: the sum forks
      for (let i = this.ups.length - 1; i >= 0; i--) {
        const up = dy.device.scope(() => this.ups[i].backward(dh, cache.ups[i], grads, dgrown));
        dskips.push(...up.dskips.reverse());                               // gradients of the skips in the order they were made
        dtembs.push(up.dtemb);
        [dh, dgrown] = [up.dx, up.dimage];
      }
      if (this.mid !== undefined) {
        const mid = dy.device.scope(() => this.mid!.backward(dh, cache.mid!, grads));
        dtembs.push(mid.dtemb);
        dh = mid.dx;
      }
      let dimage: Tensor | undefined;
      for (let i = this.downs.length - 1; i >= 0; i--) {
        const doutputs = dskips.splice(-this.downs[i].outputCount);
        const down = dy.device.scope(() => this.downs[i].backward(dh, doutputs, cache.downs[i], grads, dimage));
        dtembs.push(down.dtemb);
        [dh, dimage] = [down.dx, down.dimage];
      }
      this.embedding.backward(sumOf(dtembs), cache.embedding, grads);
      const dpatches = this.convIn.backward(sumOf([dh, ...dskips]), cache.convIn, grads);
      const dinput = sumOf([patch === 1 ? dpatches : pixelUnshuffle.backward(dpatches, { scale: patch }), dimage]);
      return this.config.center_input_sample ? multiply(dinput, 2) : dinput;
    }));
  }

  private check(x: Tensor, t: ArrayLike<number>, given: Given): void {
    assertTensor("U-Net", "x", x);
    const [, h, w, c] = x.shape;
    const { in_channels: channels, block_out_channels: { length: levels } } = this.config;
    const patch = patchOf(this.config), multiple = patch * 2 ** (levels - 1);
    const shapes = `x        ${formatShape(x.shape)}   expected [N, H, W, ${channels}]`;
    if (x.rank !== 4 || c !== channels) {
      throw new ShapeError(`U-Net: x is not a batch of images with ${channels} channels`, [shapes]);
    }
    if (h % multiple !== 0 || w % multiple !== 0) {
      const nearest = [h, w].map((side) => Math.max(1, Math.round(side / multiple)) * multiple).join(" x ");
      const halvings = `${patch === 1 ? "" : `patches of side ${patch}, and `}${levels} levels halve the sides ${levels - 1} times`;
      throw new ShapeError(`U-Net: the sides of x must be multiples of ${multiple}`, [shapes, `nearest  ${nearest}`, halvings]);
    }
    checkGiven("U-Net", this.spec, x.shape, t, given);
  }

  /** What console.log shows. */
  [inspectSymbol](): string {
    return formatNetwork(this);
  }
}

function specOf(config: UNetConfig): NetworkSpec {
  const { sample_size: size, in_channels: channels, out_channels: outputs } = config;
  const sides = typeof size === "number" ? [size, size] : size ?? [null, null];
  return { kind: "unet", config: { ...config }, sample: [...sides, channels], outputs, ...conditionOf(config) };
}

/** What the network needs beside the time. */
function conditionOf(config: UNetConfig): Pick<NetworkSpec, "classes" | "nullClass" | "embedding"> {
  const { num_class_embeds: rows, class_embed_type: type } = config;
  if (type === "timestep") return { classes: Infinity };
  if (type === "identity") return { embedding: timeChannels(config) };
  if (rows === null) return {};
  return config._null_class === true ? { classes: rows - 1, nullClass: rows - 1 } : { classes: rows };
}

/** 1 / t, [N, 1, 1, 1]. */
function reciprocals(t: ArrayLike<number>, { device, dtype }: Tensor): Tensor {
  return tensor(Float64Array.from(t, (value) => 1 / value), { device, dtype, shape: [t.length, 1, 1, 1] });
}

/** Removes the last `count` entries of a stack and gives them in the order of popping. */
function takeLast<T>(stack: T[], count: number): T[] {
  return stack.splice(-count).reverse();
}
