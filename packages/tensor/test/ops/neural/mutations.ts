/** Backwards that are wrong on purpose, in the ways people get them wrong: the gradient check must reject each of them. */
import {
  add, attention, averagePool, concat, conv2d, divide, embedding, gather, gelu, gradcheckCases, greater, groupNorm, groupNormSilu, layerNorm, linear, linearAttention,
  matmul, mean, multiply, permute, reshape, rmsNorm, sigmoid, slice, softmax, sqrt, square, subtract, sum, sumPerImage, tensor,
  transpose, upsampleNearest, type Shape, type Tensor,
} from "@fromnoise/tensor";

type Tensors = Readonly<Record<string, Tensor>>;

export interface Mutation {
  op: string;
  /** Name of the case whose inputs are used. */
  on: string;
  mistake: string;
  /** The wrong gradients, which replace those in `right`, the correct ones. */
  backward: (dy: Tensor, inputs: Tensors, right: Tensors) => Tensors;
}

const mutation = (op: string, on: string, mistake: string, backward: Mutation["backward"]): Mutation =>
  ({ op, on, mistake, backward });

/** The gradient `name` times a constant factor. */
const times = (name: string, factor: number): Mutation["backward"] => (_dy, _inputs, right) =>
  ({ [name]: multiply(right[name], factor) });

const EPS = 1e-5;  // as in the cases

/** 1 / sqrt(variance + eps) of images [N, H, W, C] with one group, as [N, 1, 1, 1]. */
const rstd = (x: Tensor): Tensor => reshape(slice(groupNorm.stats(x, { groups: 1, eps: EPS }), [0, 0, 1]), [x.shape[0], 1, 1, 1]);
const imageMean = (x: Tensor): Tensor => mean(x, { axes: [1, 2, 3], keepDims: true });
const xhat = (x: Tensor): Tensor => multiply(subtract(x, imageMean(x)), rstd(x));

const siluSlope = (z: Tensor): Tensor => multiply(sigmoid(z), add(1, multiply(z, subtract(1, sigmoid(z)))));

/** 1 where an index is used for the last time, else 0. */
const lastUses = (like: Tensor, indices: readonly number[], shape: Shape): Tensor =>
  tensor(indices.map((index, j) => (indices.lastIndexOf(index) === j ? 1 : 0)),
    { device: like.device, dtype: like.dtype, shape });
const USED = [3, 0, 3, 2, 0], ROWS = [4, 1, 1, 0, 3];

/** Tiles with their elements in the order (i, j, c) instead of (c, i, j). */
const shuffleInWrongOrder = (dy: Tensor, s: number): Tensor => {
  const [n, h, w, c] = dy.shape;
  return reshape(permute(reshape(dy, [n, h, w, s, s, c / s ** 2]), [0, 1, 3, 2, 4, 5]), [n, h * s, w * s, c / s ** 2]);
};
const unshuffleInWrongOrder = (dy: Tensor, s: number): Tensor => {
  const [n, h, w, c] = dy.shape;
  return reshape(permute(reshape(dy, [n, h / s, s, w / s, s, c]), [0, 1, 3, 2, 4, 5]), [n, h / s, w / s, c * s * s]);
};

const products: readonly Mutation[] = [
  mutation("linear", "without bias", "dx = dy w without the transpose", (dy, { w }) => ({ dx: linear.forward(dy, w) })),
  mutation("linear", "without bias", "dw transposed", (_dy, _inputs, { dw }) => ({ dw: transpose(dw) })),
  mutation("linear", "rows [2, 3], 5 to 4", "db averaged over the rows", times("db", 1 / 6)),
  mutation("matmul", "batch axes that broadcast", "da averaged over the batches that share a", times("da", 1 / 4)),
  mutation("matmul", "batch axes that broadcast", "db transposed", (_dy, _inputs, { db }) => ({ db: transpose(db) })),
  mutation("conv2d", "3x3, padding 1", "dx with the kernel not turned around", (dy, { w }) => (
    { dx: conv2d.forward(dy, transpose(w, 2, 3), undefined, { padding: 1 }) })),
  mutation("conv2d", "3x3, padding 1", "dw with rows and columns exchanged", (_dy, _inputs, { dw }) => (
    { dw: permute(dw, [1, 0, 2, 3]) })),
  mutation("conv2d", "3x3, padding 1", "db of the first image only", (dy) => ({ db: conv2d.gradBias(slice(dy, [0], [1])) })),
  mutation("conv2d", "3x3, stride 2, padding right and bottom", "dx with the padding on the other side", (dy, { x, w }) => (
    { dx: conv2d.gradInput(dy, w, x.shape, { stride: 2, padding: [1, 0, 1, 0] }) })),
  mutation("conv2d", "3x3, stride 2, padding right and bottom", "dw with the padding on the other side", (dy, { x, w }) => (
    { dw: conv2d.gradWeight(dy, x, w.shape, { stride: 2, padding: [1, 0, 1, 0] }) })),
];

const norms: readonly Mutation[] = [
  mutation("groupNorm", "one group", "the statistics held constant", (dy, { x, gamma }) => (
    { dx: multiply(multiply(dy, gamma), rstd(x)) })),
  mutation("groupNorm", "one group", "the mean held constant", (dy, { x, gamma }, { dx }) => (
    { dx: add(dx, multiply(rstd(x), imageMean(multiply(dy, gamma)))) })),
  mutation("groupNorm", "one group", "the variance held constant", (dy, { x, gamma }, { dx }) => (
    { dx: add(dx, multiply(multiply(rstd(x), xhat(x)), imageMean(multiply(multiply(dy, gamma), xhat(x))))) })),
  mutation("groupNorm", "one group", "dgamma from x instead of xhat", (dy, { x }) => (
    { dgamma: sum(multiply(dy, x), { axes: [0, 1, 2] }) })),
  mutation("groupNorm", "2 groups of 3 channels", "one group instead of two", (dy, { x, gamma }) => (
    { ...groupNorm.backward(dy, x, groupNorm.stats(x, { groups: 1, eps: EPS }), gamma, { groups: 1 }) })),
  mutation("groupNormSilu", "one group", "the gradient of silu left out", (dy, { x, gamma }) => (
    { ...groupNorm.backward(dy, x, groupNorm.stats(x, { groups: 1, eps: EPS }), gamma, { groups: 1 }) })),
  mutation("groupNormSilu", "one group", "the slope of silu taken at x instead of z", (dy, { x }) => (
    { dbeta: sum(multiply(dy, siluSlope(x)), { axes: [0, 1, 2] }) })),
  mutation("adaGroupNormSilu", "one group", "the gradients of groupNormSilu, as if scale and shift were 0", (dy, { x, gamma, beta }) => (
    { ...groupNormSilu.backward(dy, x, groupNorm.stats(x, { groups: 1, eps: EPS }), gamma, beta, { groups: 1 }) })),
  mutation("adaGroupNormSilu", "one group", "dt of the images exchanged", (_dy, _inputs, { dt }) => (
    { dt: concat([slice(dt, [1], [2]), slice(dt, [0], [1])], 0) })),
  mutation("adaGroupNormSilu", "2 groups of 3 channels", "shift before scale in dt", (_dy, _inputs, { dt }) => (
    { dt: concat([slice(dt, [0, 6]), slice(dt, [0, 0], [2, 6])], 1) })),
  mutation("layerNorm", "rows [2, 3], 5 channels", "the statistics held constant", (dy, { x, gamma }) => (
    { dx: multiply(multiply(dy, gamma), slice(layerNorm.stats(x, { eps: EPS }), [0, 0, 1])) })),
  mutation("layerNorm", "rows [2, 3], 5 channels", "dbeta averaged over the rows", times("dbeta", 1 / 6)),
  mutation("rmsNorm", "image, 4 channels", "the length held constant", (dy, { x, g }) => (
    { dx: divide(multiply(multiply(dy, g), 2), sqrt(sum(square(x), { axes: -1, keepDims: true }))) })),
  mutation("rmsNorm", "image, 4 channels", "dg without sqrt(C)", times("dg", 1 / 2)),
  mutation("rmsNorm", "rows on both sides of eps", "eps forgotten", (dy, { x, g }) => ({ ...rmsNorm.backward(dy, x, g) })),
  mutation("weightStandardize", "3x3, 2 to 3", "the statistics held constant", (dy, { w }) => {
    const channelMean = (x: Tensor): Tensor => mean(x, { axes: [0, 1, 2], keepDims: true });
    return { dw: divide(dy, sqrt(add(channelMean(square(subtract(w, channelMean(w)))), EPS))) };
  }),
];

const elementwise: readonly Mutation[] = [
  mutation("silu", "3x7", "only sigmoid(x)", (dy, { x }) => ({ dx: multiply(dy, sigmoid(x)) })),
  mutation("gelu", "3x7", "only Phi(x)", (dy, { x }) => ({ dx: multiply(dy, divide(gelu.forward(x), x)) })),
  mutation("gelu", "3x7", "the slope of the approximation x sigmoid(1.702 x)", (dy, { x }) => (
    { dx: multiply(dy, siluSlope(multiply(x, 1.702))) })),
  mutation("dropout", "rate 0.3", "the mask forgotten", (dy) => ({ dx: add(dy, 0) })),
  mutation("dropout", "rate 0.3", "what is kept not scaled up", times("dx", 0.7)),
  mutation("softmax", "last axis", "dx = y dy", (dy, { x }) => ({ dx: multiply(dy, softmax.forward(x)) })),
  mutation("softmax", "last axis", "the diagonal only: dx = y (1 - y) dy", (dy, { x }) => (
    { dx: multiply(dy, multiply(softmax.forward(x), subtract(1, softmax.forward(x)))) })),
  mutation("softmax", "middle axis", "the sum along another axis", (dy, { x }) => (
    { dx: softmax.backward(dy, softmax.forward(x, { axis: 1 }), { axis: 2 }) })),
  mutation("mse", "2x3x2", "the factor 2 forgotten", times("da", 1 / 2)),
  mutation("mse", "2x3x2", "db = da", (_dy, _inputs, { da }) => ({ db: add(da, 0) })),
  mutation("mse", "2x3x2", "dy ignored", (_dy, { a, b }) => ({ da: multiply(subtract(a, b), 2 / 12) })),
  mutation("huber", "delta 0.4", "the gradient of the square everywhere", (dy, { a, b }) => (
    { da: multiply(multiply(subtract(a, b), dy), 1 / 12) })),
  mutation("huber", "delta 0.4", "slope 1 instead of delta outside", (_dy, { a, b }, { da }) => (
    { da: multiply(da, add(1, multiply(greater(square(subtract(a, b)), 0.4 ** 2), 1 / 0.4 - 1))) })),
  mutation("l1", "3x5", "the sign of b - a", (_dy, _inputs, { da }) => ({ da: multiply(da, -1) })),
  mutation("l1", "3x5", "not divided by n", times("da", 15)),
  mutation("crossEntropy", "4 rows, 5 classes", "softmax without the label", (dy, { x }) => (
    { dx: multiply(softmax.forward(x), multiply(dy, 1 / 4)) })),
  mutation("crossEntropy", "4 rows, 5 classes", "summed over the rows instead of averaged", times("dx", 4)),
  mutation("logSoftmax", "last axis", "the sum of dy forgotten", (dy) => ({ dx: add(dy, 0) })),
  mutation("logSoftmax", "first axis", "softmax's gradient", (dy, { x }) => (
    { dx: softmax.backward(dy, softmax.forward(x, { axis: 0 }), { axis: 0 }) })),
  mutation("addPerImage", "2 images 3x2, 4 channels", "dv averaged over the positions", (dy) => (
    { dv: multiply(sumPerImage(dy), 1 / 6) })),
];

/** What every activation is tried with: its slope taken for 1. */
const activations: readonly Mutation[] = [...new Set(gradcheckCases.filter(({ name }) => name === "3x7").map(({ op }) => op))]
  .map((op) => mutation(op, "3x7", "the slope forgotten", (dy) => ({ dx: add(dy, 0) })));

const attentions: readonly Mutation[] = [
  mutation("attention", "4 queries, 3 keys, scale 0.7", "the scale left out of dq", times("dq", 1 / 0.7)),
  mutation("attention", "4 queries, 3 keys, scale 0.7", "the scale twice in dk", times("dk", 0.7)),
  mutation("attention", "one head", "dv = P dy without the transpose", (dy, { q, k }) => (
    { dv: matmul(reshape(attention.weights(q, k, { heads: 1 }), [2, 5, 5]), dy) })),
  mutation("attention", "2 heads of 3 channels", "heads put back interleaved", (_dy, _inputs, { dq }) => (
    { dq: reshape(permute(reshape(dq, [1, 4, 2, 3]), [0, 1, 3, 2]), dq.shape) })),
  mutation("attention", "2 heads of 3 channels", "one head instead of two", (dy, { q, k, v }) => (
    { ...attention.backward(dy, q, k, v, { heads: 1, scale: 3 ** -0.5 }) })),
  mutation("linearAttention", "4 queries, 3 keys", "d^-1/2 forgotten in dv", times("dv", Math.sqrt(2))),
  mutation("linearAttention", "one head", "divided by the number of positions", times("dq", 1 / 5)),
  mutation("linearAttention", "2 heads of 3 channels", "one head instead of two", (dy, { q, k, v }) => (
    { ...linearAttention.backward(dy, q, k, v, { heads: 1 }) })),
];

const moves: readonly Mutation[] = [
  mutation("upsampleNearest", "scale 2, x [2, 3, 2, 3]", "the mean of the copies instead of their sum", (dy) => (
    { dx: averagePool.forward(dy, { scale: 2 }) })),
  mutation("averagePool", "scale 2, x [2, 4, 6, 3]", "not divided by s^2", times("dx", 4)),
  mutation("maxPool", "scale 2, x [2, 4, 6, 3]", "dy at every place of the tile", (dy) => (
    { dx: upsampleNearest.forward(dy, { scale: 2 }) })),
  mutation("maxPool", "scale 3, x [1, 3, 3, 2]", "the mean of the tile instead of its maximum", (dy) => (
    { dx: averagePool.backward(dy, { scale: 3 }) })),
  mutation("pixelUnshuffle", "scale 2, x [2, 4, 6, 2]", "channels in the order (i, j, c)",
    (dy) => ({ dx: shuffleInWrongOrder(dy, 2) })),
  mutation("pixelShuffle", "scale 2, x [2, 2, 3, 8]", "channels in the order (i, j, c)",
    (dy) => ({ dx: unshuffleInWrongOrder(dy, 2) })),
  mutation("concat", "3 tensors, last axis", "dc taken from the start of dy", (dy) => ({ dc: slice(dy, [0, 0, 0], [2, 3, 4]) })),
  mutation("gather", "middle axis, an index twice, one never", "the last use wins instead of the sum", (dy) => (
    { dx: gather.backward(multiply(dy, lastUses(dy, USED, [5, 1])), USED, 1, 4) })),
  mutation("embedding", "5 rows, an index twice, one never", "the last use wins instead of the sum", (dy) => (
    { dtable: embedding.backward(multiply(dy, lastUses(dy, ROWS, [5, 1])), ROWS, { rows: 5 }) })),
];

export const mutations: readonly Mutation[] = [...products, ...norms, ...elementwise, ...activations, ...attentions, ...moves];
