/**
 * Levels that hand an image along beside the features (Song et al. 2021, NCSN++; Karras et al. 2020, appendix B): on the way down the
 * input, halved level by level, is told to the features; on the way up the output grows, level by level, by what the features add to it.
 */
import { add, type Random, type Tensor } from "@fromnoise/tensor";
import type { Attention} from "../../layers/attention.js";
import { type AttentionCache } from "../../layers/attention.js";
import { Conv2d, type Conv2dCache } from "../../layers/conv2d.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import { firDouble, firHalve } from "../../layers/fir.js";
import type { GroupNormCache } from "../../layers/group-norm.js";
import { NormSilu } from "../../layers/norm-silu.js";
import type { ResBlock, ResBlockCache } from "../../layers/res-block.js";
import type { Grads } from "../../parameters/grads.js";
import { join } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";
import type { Policy } from "../policy.js";
import { groupsOf } from "./config.js";
import type { Down, DownBlock, DownBlockCache, DownGradients, Up, UpBlock, UpBlockCache, UpGradients } from "./blocks.js";

export interface SkipDownBlockCache {
  block: DownBlockCache;
  /** Of the halved image [N, H/2, W/2, 3]; undefined at the lowest level. */
  conv: Conv2dCache | undefined;
}

/**
 * A DownBlock, then at its new size image' = halved image and y = block(x) + conv(image'). The lowest level, which keeps its size, leaves
 * the image alone. x [N, H, W, Cin], image [N, H, W, 3].
 */
export class SkipDownBlock implements Down<SkipDownBlockCache> {
  readonly parameters: readonly Parameter[];
  private readonly conv: Conv2d | undefined;

  constructor(readonly name: string, private readonly block: DownBlock, { channels, image, last }: { channels: number; image: number; last: boolean }) {
    this.conv = last ? undefined : new Conv2d(join(name, "skip_conv"), image, channels, { kernel: 1 });
    this.parameters = [...block.parameters, ...this.conv?.parameters ?? []];
  }

  get outputCount(): number {
    return this.block.outputCount;
  }

  /** The outputs, and after them the halved image. */
  forward(x: Tensor, temb: Tensor, policy: Policy, random?: Random, image?: Tensor): [made: Tensor[], cache: SkipDownBlockCache] {
    return forwardAt(this, { x, temb, ...(image === undefined ? {} : { image }) }, () => {
      const [outputs, block] = this.block.forward(x, temb, policy, random);
      if (this.conv === undefined) return [outputs, { block, conv: undefined }];
      const { device } = x;
      const [half] = policy.step(device, () => [firHalve.forward(image!), undefined]);
      const [told, conv] = policy.step(device, () => this.conv!.forward(half));
      const [y] = policy.step(device, () => [add(told, outputs.at(-1)!), undefined]);
      policy.done(told, outputs.at(-1)!);
      return [[...outputs.slice(0, -1), y, half], { block, conv }];
    });
  }

  backward(dy: Tensor, dskips: readonly Tensor[], cache: SkipDownBlockCache, grads: Grads, dhalf?: Tensor): DownGradients {
    return backwardAt(this, dy, cache, grads, () => {
      const gradients = this.block.backward(dy, dskips, cache.block, grads);
      if (this.conv === undefined) return gradients;
      const dimage = dy.device.scope(() => {
        const dtold = this.conv!.backward(add(dy, dskips.at(-1)!), cache.conv!, grads);
        return firHalve.backward(dhalf === undefined ? dtold : add(dtold, dhalf));
      });
      return { ...gradients, dimage };
    }, { dskips });
  }
}

export interface SkipUpBlockCache {
  block: UpBlockCache;
  /** Of the stages' result [N, H, W, C]. */
  attention: AttentionCache | undefined;
  /** Of what the image is made from, [N, H, W, C], before and after the normalisation; undefined at the full resolution. */
  norm: GroupNormCache | undefined; conv: Conv2dCache | undefined;
  up: ResBlockCache | undefined;
  /** Whether an image came from below. */
  read: boolean;
}

/** What a SkipUpBlock has beside its stages; the last block has no step up, and adds nothing to the image. */
export interface SkipUpOptions {
  readonly channels: number;
  readonly image: number;
  readonly eps: number;
  readonly attention: Attention | undefined;
  readonly up: ResBlock | undefined;
}

/**
 * The stages of an UpBlock without its step up, attention where there is some, h [N, H, W, C]; then
 *   image' = doubled image + conv(silu(norm(h))),   y = up(h, temb).
 * The image of the lowest level is 0; the full resolution only doubles what came from below.
 */
export class SkipUpBlock implements Up<SkipUpBlockCache> {
  readonly parameters: readonly Parameter[];
  private readonly attention: Attention | undefined;
  private readonly up: ResBlock | undefined;
  private readonly norm: NormSilu | undefined;
  private readonly conv: Conv2d | undefined;

  constructor(readonly name: string, private readonly block: UpBlock, { channels, image, eps, attention, up }: SkipUpOptions) {
    this.attention = attention;
    this.up = up;
    if (up !== undefined) {
      this.norm = new NormSilu(join(name, "skip_norm"), channels, { groups: groupsOf(channels), eps });
      this.conv = new Conv2d(join(name, "skip_conv"), channels, image);
    }
    this.parameters = [this.attention, this.block, this.up, this.conv, this.norm].flatMap((layer) => layer?.parameters ?? []);
  }

  get skipCount(): number {
    return this.block.skipCount;
  }

  /** y, and after it the image where there is one. */
  forward(
    x: Tensor, skips: readonly Tensor[], temb: Tensor, policy: Policy, random?: Random, image?: Tensor,
  ): [made: Tensor[], cache: SkipUpBlockCache] {
    const { device } = x;
    return forwardAt(this, { x, skips, temb, ...(image === undefined ? {} : { image }) }, () => {
      const [[stages], block] = this.block.forward(x, skips, temb, policy, random);
      const [h, attention] = this.attention === undefined ? [stages, undefined] : policy.step(device, () => this.attention!.forward(stages));
      if (h !== stages) policy.done(stages);
      const read = image !== undefined;
      const doubled = read ? policy.step(device, () => [firDouble.forward(image), undefined])[0] : undefined;
      if (this.up === undefined) {
        return [[h, ...(doubled === undefined ? [] : [doubled])], { block, attention, norm: undefined, conv: undefined, up: undefined, read }];
      }
      const [a, norm] = policy.step(device, () => this.norm!.forward(h));
      const [made, conv] = policy.step(device, () => this.conv!.forward(a));
      const whole = doubled === undefined ? made : policy.step(device, () => [add(doubled, made), undefined])[0];
      policy.done(a, ...(doubled === undefined ? [] : [doubled, made]));
      const [y, up] = policy.step(device, () => this.up!.forward(h, temb, random));
      policy.done(h);
      return [[y, whole], { block, attention, norm, conv, up, read }];
    });
  }

  /** dimage: gradient of the image that is handed on. */
  backward(dy: Tensor, cache: SkipUpBlockCache, grads: Grads, dimage?: Tensor): UpGradients {
    return backwardAt(this, dy, cache, grads, () => dy.device.scope(() => {
      const up = this.up?.backward(dy, cache.up!, grads);
      let dh = up?.dx ?? dy;
      if (up !== undefined) {
        const da = this.conv!.backward(dimage!, cache.conv!, grads);
        dh = add(dh, this.norm!.backward(da, cache.norm!, grads));         // the fork at h: up, and the image
      }
      const dstages = this.attention?.backward(dh, cache.attention!, grads) ?? dh;
      const { dx, dskips, dtemb } = this.block.backward(dstages, cache.block, grads);
      return {
        dx, dskips, dtemb: up === undefined ? dtemb : add(dtemb, up.dtemb),
        ...(cache.read ? { dimage: firDouble.backward(dimage!) } : {}),
      };
    }));
  }
}
