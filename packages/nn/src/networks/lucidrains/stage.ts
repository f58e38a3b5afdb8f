import type { Random, Tensor } from "@fromnoise/tensor";
import type { Grads } from "../../parameters/grads.js";
import type { Parameter } from "../../parameters/parameter.js";
import type { Policy } from "../policy.js";
import type { BlockGradients, BlockStage } from "../unet/blocks.js";
import type { PixelAttention, PixelAttentionCache } from "./pixel-attention.js";
import type { ResnetBlock, ResnetBlockCache } from "./resnet-block.js";

export interface StageCache {
  /** Of x [N, H, W, Cin] and temb [N, D]. */
  block: ResnetBlockCache;
  /** Of the block's output [N, H, W, Cout]; undefined without attention. */
  attention: PixelAttentionCache | undefined;
}

/** A residual block and, where there is one, the attention after it: y = attention(block(x, temb)). Its parts bring their names. */
export class Stage implements BlockStage<StageCache> {
  constructor(private readonly block: ResnetBlock, private readonly attention?: PixelAttention) {}

  get parameters(): readonly Parameter[] {
    return [...this.block.parameters, ...(this.attention?.parameters ?? [])];
  }

  forward(x: Tensor, temb: Tensor, policy: Policy, random?: Random): [y: Tensor, cache: StageCache] {
    return policy.step(x.device, (): [Tensor, StageCache] => {
      const [h, block] = policy.step(x.device, () => this.block.forward(x, temb, random));
      if (this.attention === undefined) return [h, { block, attention: undefined }];
      const [y, attention] = this.attention.forward(h);
      return [y, { block, attention }];
    });
  }

  backward(dy: Tensor, cache: StageCache, grads: Grads): BlockGradients {
    return dy.device.scope(() => {                                         // frees what the backward leaves behind
      const dh = this.attention?.backward(dy, cache.attention!, grads) ?? dy;
      return this.block.backward(dh, cache.block, grads);
    });
  }
}
