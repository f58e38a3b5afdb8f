import type { Random, Tensor } from "@fromnoise/tensor";
import { Attention, type AttentionCache, type AttentionOptions } from "../../layers/attention.js";
import { ResBlock, type ResBlockCache, type ResBlockOptions } from "../../layers/res-block.js";
import type { Grads } from "../../parameters/grads.js";
import { join } from "../../parameters/module.js";
import type { Policy } from "../policy.js";
import type { BlockStage } from "./blocks.js";

export interface StageCache {
  /** Of x [N, H, W, Cin] and temb [N, D]. */
  resnet: ResBlockCache;
  /** Of the ResBlock's output [N, H, W, Cout]; undefined without attention. */
  attention: AttentionCache | undefined;
}

/** A ResBlock and, in Attn blocks, self-attention after it: y = attention(resnet(x, temb)). Blocks are rows of stages. */
export class Stage implements BlockStage<StageCache> {
  readonly resnet: ResBlock;
  readonly attention: Attention | undefined;

  /** Stage j of the block `name`: `name.resnets.j`, and `name.attentions.j` where attention is given. */
  constructor(name: string, j: number, resnet: ResBlockOptions, attention: AttentionOptions | undefined) {
    this.resnet = new ResBlock(join(name, `resnets.${j}`), resnet);
    this.attention = attention && new Attention(join(name, `attentions.${j}`), resnet.outChannels, attention);
  }

  forward(x: Tensor, temb: Tensor, policy: Policy, random?: Random): [y: Tensor, cache: StageCache] {
    return policy.step(x.device, (): [Tensor, StageCache] => {
      const [h, resnet] = policy.step(x.device, () => this.resnet.forward(x, temb, random));
      if (this.attention === undefined) return [h, { resnet, attention: undefined }];
      const [y, attention] = this.attention.forward(h);
      return [y, { resnet, attention }];
    });
  }

  backward(dy: Tensor, cache: StageCache, grads: Grads): { dx: Tensor; dtemb: Tensor } {
    return dy.device.scope(() => {                                         // frees what the backward leaves behind
      const dh = this.attention?.backward(dy, cache.attention!, grads) ?? dy;
      return this.resnet.backward(dh, cache.resnet, grads);
    });
  }
}
