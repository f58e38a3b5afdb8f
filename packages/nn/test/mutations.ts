/** Wrong backwards, one mistake each, that the gradient checks must reject. */
import { add, flip, mean, multiply, onesLike, permute, reshape, split, subtract, sumPerImage, zerosLike } from "@fromnoise/tensor";
import {
  Activation, AdaGroupNormSilu, AdaLayerNorm, AddTimeNorm, Attention, ChannelNorm, ClassEmbedding, Conv2d, Downsample, FinalLayer, FourierFeatures, Grads,
  GroupNorm, LayerScale, Linear, NormActivation, NormSilu, PatchEmbedding, PixelAttention, ResBlock, ResnetBlock, RmsNorm, ScaleShiftTimeNorm,
  SelfAttention, SelfConditioned, Sequential, StandardizedConv2d, TimeMlp, TimeProjection, TransformerBlock, Upsample,
} from "@fromnoise/nn";
import { firDouble, firHalve } from "../src/layers/fir.js";
import { UnshuffleDown } from "../src/networks/lucidrains/resample.js";
import { halve } from "../src/layers/resample.js";
import { DownBlock, UpBlock } from "../src/networks/unet/blocks.js";
import { SkipDownBlock, SkipUpBlock } from "../src/networks/unet/skip-blocks.js";

export interface Mutation {
  /** Layer and, where it is not the layer's first, the case to run. */
  readonly op: string;
  readonly name: string | undefined;
  readonly mistake: string;
  /** Puts the mistake in and returns what takes it out. */
  readonly apply: () => () => void;
}

/** Replaces a method of `target` by wrong(the right one, the object). */
function mutation<T extends object, K extends keyof T>(
  [op, name]: readonly [op: string, name?: string], mistake: string, target: T, method: K, wrong: (right: T[K], self: T) => T[K],
): Mutation {
  const apply = (): (() => void) => {
    const right = target[method] as (...args: unknown[]) => unknown;
    target[method] = function (this: T, ...args: unknown[]) {
      return (wrong(right.bind(this) as T[K], this) as typeof right)(...args);
    } as T[K];
    return () => void (target[method] = right as T[K]);
  };
  return { op, name, mistake, apply };
}

const PYRAMID = "an image beside the features, times told by their logarithm";

export const mutations: readonly Mutation[] = [
  mutation(["Linear"], "w is not transposed for dx",
    Linear.prototype, "backward", (backward, self) => (dy, cache, grads) => {
      backward(dy, cache, grads);
      return self.forward(dy)[0];
    }),
  mutation(["Linear"], "the bias gradient is half",
    Grads.prototype, "add", (add) => (p, g) => {
      add(p, p.name === "bias" ? multiply(g, 0.5) : g);
    }),
  mutation(["Conv2d"], "the kernel's rows and columns change places in dw",
    Grads.prototype, "add", (add) => (p, g) => {
      add(p, p.name === "weight" ? permute(g, [1, 0, 2, 3]) : g);
    }),
  mutation(["GroupNorm"], "dx forgets the statistics",
    GroupNorm.prototype, "backward", (backward, self) => (dy, cache, grads) => {
      backward(dy, cache, grads);
      return multiply(dy, reshape(self.weight.tensor, [1, 1, 1, -1]));
    }),
  mutation(["NormSilu"], "the SiLU is skipped",
    NormSilu.prototype, "backward", (_, self) => GroupNorm.prototype.backward.bind(self)),
  mutation(["NormActivation"], "the activation is skipped",
    NormActivation.prototype, "backward", (_, self) => (dy, cache, grads) =>
      (self as unknown as { norm: GroupNorm }).norm.backward(dy, cache.group, grads)),
  mutation(["firHalve"], "the filter's weight is that of the way up", firHalve, "backward", (backward) => (dy) => multiply(backward(dy), 4)),
  mutation(["firDouble"], "dx is turned by half a turn", firDouble, "backward", (backward) => (dy) => flip(flip(backward(dy), 1), 2)),
  mutation(["AddTimeNorm"], "dt sums dy in place of dx",
    AddTimeNorm.prototype, "backward", (backward) => (dy, cache, grads) =>
      ({ dx: backward(dy, cache, grads).dx, dt: sumPerImage(dy) })),
  mutation(
    ["ScaleShiftTimeNorm"], "the factor is scale in place of 1 + scale", ScaleShiftTimeNorm.prototype, "backward",
    (backward) => (dy, cache, grads) => backward(dy, { ...cache, factor: subtract(cache.factor, 1) }, grads),
  ),
  mutation(
    ["AdaGroupNormSilu"], "the time of one image is that of all", AdaGroupNormSilu.prototype, "backward",
    (backward) => (dy, cache, grads) => backward(dy, { ...cache, t: multiply(onesLike(cache.t), mean(cache.t, { axes: 0, keepDims: true })) }, grads),
  ),
  mutation(["TimeProjection"], "the SiLU is skipped",
    TimeProjection.prototype, "backward", (_, self) => (dt, cache, grads) =>
      (self as unknown as { linear: Linear }).linear.backward(dt, cache.linear, grads)),
  mutation(["ResBlock"], "the skip's gradient is lost",
    ResBlock.prototype, "backward", (backward) => (dy, cache, grads) => {
      const { dx, dtemb } = backward(dy, cache, grads);
      return { dx: subtract(dx, dy), dtemb };
    }),
  mutation(["ResBlock", "halves the sides"], "the mean's factor 1/4 is lost",
    halve, "backward", (backward) => (dy) =>
      multiply(backward(dy), 4)),
  mutation(
    ["ResBlock", "dropout, output scale factor 2"], "dropped values get a gradient", ResBlock.prototype, "backward",
    (backward) => (dy, cache, grads) => backward(dy, { ...cache, mask: undefined }, grads),
  ),
  mutation(["RmsNorm"], "the length counts as a constant",
    RmsNorm.prototype, "backward", (backward, self) => (dy, { x }, grads) => {
      backward(dy, { x }, grads);
      return multiply(dy, self.forward(onesLike(x))[0]);
    }),
  mutation(["ChannelNorm"], "the mean passes its gradient on",
    ChannelNorm.prototype, "backward", (backward) => (dy, cache, grads) =>
      add(backward(dy, cache, grads), mean(dy, { axes: -1, keepDims: true }))),
  mutation(["StandardizedConv2d"], "every weight gets the gradient 1",
    Grads.prototype, "add", (add) => (p, g) => {
      add(p, p.name === "weight" ? onesLike(g) : g);
    }),
  mutation(
    ["StandardizedConv2d", "variances all below eps"], "dx uses the weights as they are", StandardizedConv2d.prototype, "backward",
    (backward, self) => (dy, { x, w: _w }, grads) => backward(dy, { x, w: self.parameters[0].tensor }, grads),
  ),
  mutation(["ResnetBlock"], "the skip's gradient is lost",
    ResnetBlock.prototype, "backward", (backward) => (dy, cache, grads) => {
      const { dx, dtemb } = backward(dy, cache, grads);
      return { dx: subtract(dx, multiply(dx, 0.5)), dtemb };
    }),
  mutation(
    ["ResnetBlock", "era 2.0, 2 to 4 channels, dropout"], "dropped values get a gradient", ResnetBlock.prototype, "backward",
    (backward) => (dy, cache, grads) => backward(dy, { ...cache, mask: undefined }, grads),
  ),
  mutation(["PixelAttention", "era 1.8, linear"], "the residual's gradient is lost",
    PixelAttention.prototype, "backward", (backward) => (dy, cache, grads) =>
      subtract(backward(dy, cache, grads), dy)),
  mutation(["PixelAttention", "era 2.0, memories, linear"], "k and v change places",
    PixelAttention.prototype, "backward", (backward) => (dy, cache, grads) =>
      backward(dy, { ...cache, k: cache.v, v: cache.k }, grads)),
  mutation(["PixelAttention", "era 2.0, memories, full"], "the memories of keys and values change places",
    Grads.prototype, "add", (add) => (p, g) => {
      add(p, p.name === "mem_kv" ? flip(g, 0) : g);
    }),
  mutation(["UnshuffleDown"], "dx is turned by half a turn",
    UnshuffleDown.prototype, "backward", (backward) => (dy, cache, grads) =>
      flip(flip(backward(dy, cache, grads), 1), 2)),
  mutation(["LucidrainsUNet"], "the first convolution gets no gradient from the last block",
    Conv2d.prototype, "backward", (backward, self) => (dy, cache, grads) =>
      backward(self.name === "init_conv" ? multiply(dy, 0.5) : dy, cache, grads)),
  mutation(["LucidrainsUNet"], "the skips' gradients are lost on the way down",
    DownBlock.prototype, "backward", (backward) => (dy, dskips, caches, grads) => backward(dy, dskips.map(zerosLike), caches, grads)),
  mutation(["LucidrainsUNet", "era 1.7.0, its own guess, twice the outputs"], "dx is that of the guess",
    Conv2d.prototype, "backward", (backward, self) => (dy, cache, grads) => {
      const dx = backward(dy, cache, grads);
      return self.name === "init_conv" ? flip(dx, 3) : dx;
    }),
  mutation(["Attention"], "the residual's gradient is lost",
    Attention.prototype, "backward", (backward) => (dy, cache, grads) =>
      subtract(backward(dy, cache, grads), dy)),
  mutation(["Attention"], "q and k change places",
    Attention.prototype, "backward", (backward) => (dy, cache, grads) =>
      backward(dy, { ...cache, q: cache.k, k: cache.q }, grads)),
  mutation(["SelfAttention"], "k and v change places",
    SelfAttention.prototype, "backward", (backward) => (dy, cache, grads) =>
      backward(dy, { ...cache, k: cache.v, v: cache.k }, grads)),
  mutation(["PatchEmbedding"], "dx is turned by half a turn",
    PatchEmbedding.prototype, "backward", (backward) => (dy, cache, grads) =>
      flip(flip(backward(dy, cache, grads), 1), 2)),
  mutation(["AdaLayerNorm"], "the factor is scale in place of 1 + scale",
    AdaLayerNorm.prototype, "backward", (backward) => (dy, cache, grads) =>
      backward(dy, { ...cache, factor: subtract(cache.factor, 1) }, grads)),
  mutation(["TransformerBlock"], "the gates change places",
    TransformerBlock.prototype, "backward", (backward) => (dy, cache, grads) =>
      backward(dy, { ...cache, gate1: cache.gate2, gate2: cache.gate1 }, grads)),
  mutation(["FinalLayer"], "the condition gets no gradient",
    FinalLayer.prototype, "backward", (backward) => (dy, cache, grads) => {
      const { dx, dc } = backward(dy, cache, grads);
      return { dx, dc: zerosLike(dc) };
    }),
  mutation(["Dit"], "a block gives the condition no gradient",
    TransformerBlock.prototype, "backward", (backward, self) => (dy, cache, grads) => {
      const { dx, dc } = backward(dy, cache, grads);
      return { dx, dc: self.name === "blocks.0" ? zerosLike(dc) : dc };
    }),
  mutation(["LayerScale"], "dgamma forgets x",
    LayerScale.prototype, "backward", (backward) => (dy, cache, grads) =>
      backward(dy, { x: multiply(cache.x, 0) }, grads)),
  mutation(["Activation"], "dy passes through",
    Activation.prototype, "backward", () => (dy) => dy),
  mutation(["Sequential"], "the activation is skipped on the way back",
    Sequential.prototype, "backward", (_, self) => (dy, caches, grads) =>
      self.layers.reduceRight((dh, layer, i) => (layer instanceof Activation ? dh : layer.backward(dh, caches[i], grads)), dy)),
  mutation(["SelfConditioned"], "dx is that of the guess",
    SelfConditioned.prototype, "backward", (_, self) => (dy, { inner }, grads) =>
      split(self.inner.backward(dy, inner, grads), 2, -1)[0]),
  mutation(["Mlp"], "the time gets the gradient of half",
    Grads.prototype, "add", (add) => (p, g) => {
      add(p, p.name === "time.weight" ? multiply(g, 0.5) : g);
    }),
  mutation(["Mlp"], "the activations are skipped",
    Activation.prototype, "backward", () => (dy) => dy),
  mutation(["Downsample"], "dx is turned by half a turn",
    Downsample.prototype, "backward", (backward) => (dy, cache, grads) =>
      flip(flip(backward(dy, cache, grads), 1), 2)),
  mutation(["Upsample"], "the mean of the copies in place of their sum",
    Upsample.prototype, "backward", (backward) => (dy, cache, grads) =>
      multiply(backward(dy, cache, grads), 0.25)),
  mutation(["TimeMlp"], "the SiLU's input and output are confused",
    TimeMlp.prototype, "backward", (backward) => (dy, cache, grads) =>
      backward(dy, { ...cache, hidden: cache.linear2.x }, grads)),
  mutation(["FourierFeatures"], "the sine has the wrong sign",
    FourierFeatures.prototype, "backward", (backward) => (dy, cache, grads) => {
      backward(dy, { ...cache, angle: multiply(cache.angle, -1) }, grads);
    }),
  mutation(["ClassEmbedding"], "a gradient goes to another class",
    ClassEmbedding.prototype, "backward", (backward) => (dy, _, grads) => {
      backward(dy, { labels: [2, 0, 1] }, grads);
    }),
  mutation(
    ["UNet"], "the skips' gradients are lost on the way down", DownBlock.prototype, "backward",
    (backward) => (dy, dskips, caches, grads) => backward(dy, dskips.map(zerosLike), caches, grads),
  ),
  mutation(["UNet"], "two skips' gradients change places",
    UpBlock.prototype, "backward", (backward, self) => (dy, cache, grads) => {
      const { dx, dskips, dtemb } = backward(dy, cache, grads);
      return { dx, dskips: self.name === "up_blocks.1" ? dskips.reverse() : dskips, dtemb };
    }),
  mutation(["UNet", PYRAMID], "the image's gradient is lost between the levels on the way down", SkipDownBlock.prototype, "backward",
    (backward) => (dy, dskips, cache, grads) => {
      const { dimage, ...gradients } = backward(dy, dskips, cache, grads);
      return { ...gradients, ...(dimage === undefined ? {} : { dimage: zerosLike(dimage) }) };
    }),
  mutation(["UNet", PYRAMID], "what the features add to the image gets no gradient", SkipUpBlock.prototype, "backward",
    (backward, self) => (dy, cache, grads, dimage) =>
      backward(dy, cache, grads, self.name === "up_blocks.0" ? zerosLike(dimage!) : dimage)),
  mutation(["UNet"], "the middle gives the time no gradient",
    AddTimeNorm.prototype, "backward", (backward, self) => (dy, cache, grads) => {
      const { dx, dt } = backward(dy, cache, grads);
      return { dx, dt: self.name.startsWith("mid_block") ? zerosLike(dt) : dt };
    }),
];
