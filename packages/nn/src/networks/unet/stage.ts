import { at, type Random, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../../parameters/grads.js";
import { Attention, type AttentionCache, type AttentionOptions } from "../../layers/attention.js";
import { ResBlock, type ResBlockCache, type ResBlockOptions } from "../../layers/res-block.js";
import { apply, join } from "../../parameters/module.js";

export interface StageCache { resnet: ResBlockCache; attention: AttentionCache | undefined }

/** A ResBlock and, in Attn blocks, self-attention after it: y = attention(resnet(x, temb)). Blocks are rows of stages. */
export class Stage {
  readonly resnet: ResBlock;
  readonly attention: Attention | undefined;

  /** Stage j of the block `name`: `name.resnets.j`, and `name.attentions.j` where attention is given. */
  constructor(name: string, j: number, resnet: ResBlockOptions, attention: AttentionOptions | undefined) {
    this.resnet = new ResBlock(join(name, `resnets.${j}`), resnet);
    this.attention = attention && new Attention(join(name, `attentions.${j}`), resnet.outChannels, attention);
  }

  forward(x: Tensor, temb: Tensor, random?: Random): [y: Tensor, cache: StageCache] {
    return x.device.scope(() => {                                          // frees what the caches do not hold
      const [h, resnet] = at(this.resnet.name, () => this.resnet.forward(x, temb, random));
      if (this.attention === undefined) return [h, { resnet, attention: undefined }];
      const [y, attention] = at(this.attention.name, () => this.attention!.forward(h));
      return [y, { resnet, attention }];
    });
  }

  backward(dy: Tensor, cache: StageCache, grads: Grads): { dx: Tensor; dtemb: Tensor } {
    return dy.device.scope(() => {                                         // frees what the backward leaves behind
      const { attention } = this;
      const dh = attention === undefined ? dy : at(attention.name, () => attention.backward(dy, cache.attention!, grads));
      return at(this.resnet.name, () => this.resnet.backward(dh, cache.resnet, grads));
    });
  }

  /** forward without a cache. */
  apply(x: Tensor, temb: Tensor): Tensor {
    return x.device.scope(() => {
      const h = at(this.resnet.name, () => apply(this.resnet, x, temb));
      return this.attention === undefined ? h : at(this.attention.name, () => apply(this.attention!, h));
    });
  }
}
