import {
  add, assertTensor, attention, broadcastTo, concat, linearAttention, multiply, permute, reshape, split, stack, sum, type Shape, type Tensor,
} from "@fromnoise/tensor";
import { ChannelNorm } from "../../layers/channel-norm.js";
import { Conv2d, type Conv2dCache } from "../../layers/conv2d.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import type { Layer } from "../../layers/layer.js";
import { RmsNorm } from "../../layers/rms-norm.js";
import type { Grads } from "../../parameters/grads.js";
import { join } from "../../parameters/module.js";
import { Parameter } from "../../parameters/parameter.js";
import type { Era } from "./eras.js";

/** Heads, their width, memories of keys and values, full or linear. */
export interface PixelAttentionOptions {
  /** Every pixel looks at every other one; otherwise linear attention, whose cost grows with their number and not its square. */
  readonly full: boolean;
  readonly heads: number;
  /** Channels of a head. */
  readonly headDim: number;
}

/** L = H W pixels, S = L and the memories. */
export interface PixelAttentionCache {
  /** Of x [N, H, W, C]. */
  norm: unknown;
  /** Of the normalised x. */
  toQkv: Conv2dCache;
  /** q [N, L, heads d], k and v [N, S, heads d]. */
  q: Tensor; k: Tensor; v: Tensor;
  /** Of what the heads give, [N, H, W, heads d]. */
  toOut: Conv2dCache;
  /** Of toOut's output [N, H, W, C]; undefined for full attention. */
  normOut: unknown;
}

/**
 * The attention of lucidrains' U-Net with its residual: y = x + out(attend(q, [memory, k], [memory, v])), q, k, v = to_qkv(norm(x))
 * without bias. `attend` is full or linear attention; in some eras linear attention divides v by the L pixels; its output is
 * normalised again. The memories are learned keys and values, the same for every image. x, y [N, H, W, C].
 */
export class PixelAttention implements Layer<PixelAttentionCache> {
  private readonly norm: Layer;
  private readonly toQkv: Conv2d;
  private readonly toOut: Conv2d;
  private readonly normOut: Layer | undefined;
  /** [2, heads, d, memories] for linear attention, [2, heads, memories, d] for full one: keys, then values. */
  private readonly memory: Parameter | undefined;
  private readonly attend: typeof attention | typeof linearAttention;

  constructor(
    readonly name: string, channels: number, private readonly options: PixelAttentionOptions, private readonly era: Era,
  ) {
    const { full, heads, headDim } = options;
    const Norm = era.attentionNorm === "rms" ? RmsNorm : ChannelNorm;
    const within = era.wrapped ? join(name, "fn.fn") : name;
    const width = heads * headDim;
    this.attend = full ? attention : linearAttention;
    this.norm = new Norm(join(name, era.wrapped ? "fn.norm" : "norm"), channels);
    this.toQkv = new Conv2d(join(within, "to_qkv"), channels, 3 * width, { kernel: 1, bias: false });
    this.toOut = new Conv2d(join(within, full ? "to_out" : "to_out.0"), width, channels, { kernel: 1, closesBranch: full });
    if (!full) this.normOut = new Norm(join(within, "to_out.1"), channels);
    if (era.memories > 0) {
      const shape = full ? [2, heads, era.memories, headDim] : [2, heads, headDim, era.memories];
      this.memory = new Parameter(join(name, "mem_kv"), shape, { kind: "array", role: "embedding" });
    }
  }

  get parameters(): readonly Parameter[] {
    const memory = this.memory === undefined ? [] : [this.memory];
    const inner = [...this.toQkv.parameters, ...this.toOut.parameters, ...(this.normOut?.parameters ?? [])];
    return this.era.wrapped ? [...inner, ...this.norm.parameters] : [...memory, ...this.norm.parameters, ...inner];
  }

  forward(x: Tensor): [y: Tensor, cache: PixelAttentionCache] {
    assertTensor(this.name, "x", x);
    return forwardAt(this, { x }, () => {
      const [n, h, w] = x.shape;
      const { heads, headDim } = this.options;
      const [a, norm] = this.norm.forward(x);
      const [qkv, toQkv] = this.toQkv.forward(a);
      const [q, ...pixels] = split(reshape(qkv, [n, h * w, 3 * heads * headDim]), 3, 2);
      const [k, v] = this.withMemory(pixels);
      const o = this.rescale(this.attend.forward(q, k, v, { heads }), h * w);
      const [b, toOut] = this.toOut.forward(reshape(o, [n, h, w, heads * headDim]));
      const [c, normOut] = this.normOut?.forward(b) ?? [b, undefined];
      return [add(c, x), { norm, toQkv, q, k, v, toOut, normOut }];
    });
  }

  backward(dy: Tensor, cache: PixelAttentionCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const { q, k, v } = cache;
      const [n, h, w] = dy.shape;
      const db = this.normOut?.backward(dy, cache.normOut, grads) ?? dy;
      const dO = reshape(this.toOut.backward(db, cache.toOut, grads), q.shape);
      const { dq, dk, dv } = this.attend.backward(this.rescale(dO, h * w), q, k, v, { heads: this.options.heads });
      const dpixels = this.memoryBackward([dk, dv], h * w, grads);
      const dqkv = reshape(concat([dq, ...dpixels], 2), [n, h, w, 3 * q.shape[2]]);
      const da = this.toQkv.backward(dqkv, cache.toQkv, grads);
      return add(this.norm.backward(da, cache.norm, grads), dy);           // the fork at x
    });
  }

  /** o / L where the era divides the values by L: o is linear in them. */
  private rescale(o: Tensor, pixels: number): Tensor {
    return this.era.dividesByPixels && !this.options.full ? multiply(o, 1 / pixels) : o;
  }

  /** From an axis of [heads, d, memories] or [heads, memories, d] to that of [memories, heads, d]. */
  private get order(): readonly [number, number, number] {
    return this.options.full ? [1, 0, 2] : [2, 0, 1];
  }

  /** [N, L, heads d] each -> [N, memories + L, heads d] each, the memories in front. */
  private withMemory(pixels: readonly Tensor[]): readonly Tensor[] {
    if (this.memory === undefined) return pixels;
    const [, ...shape] = this.memory.shape;
    return split(this.memory.tensor, 2, 0).map((memory, i) => {
      const [n, , width] = pixels[i].shape;
      const tokens = reshape(permute(reshape(memory, shape), this.order), [1, this.era.memories, width]);
      return concat([broadcastTo(tokens, [n, this.era.memories, width]), pixels[i]], 1);
    });
  }

  /** Gradients of the pixels, from those of [memory, pixels]; that of the memory is the sum over images. */
  private memoryBackward(dtokens: readonly Tensor[], pixels: number, grads: Grads): readonly Tensor[] {
    if (this.memory === undefined) return dtokens;
    const { heads, headDim } = this.options;
    const parts = dtokens.map((d) => split(d, [this.era.memories, pixels], 1));
    const dmemory = parts.map(([d]) => permute(reshape(sum(d, { axes: 0 }), [this.era.memories, heads, headDim]), inverse(this.order)));
    grads.add(this.memory, stack(dmemory, 0));
    return parts.map(([, d]) => d);
  }
}

/** The order that undoes an order of axes. */
function inverse(order: readonly number[]): Shape {
  return order.map((_, axis) => order.indexOf(axis));
}
