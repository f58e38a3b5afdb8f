import { expect } from "chai";
import {
  adamUpdate, addPerImage, assign, at, attention, averagePool, ConfigError, conv2d, crossEntropy, dropout, embedding, emaUpdate, gelu,
  adaGroupNormSilu, groupNorm, groupNormSilu, huber, l1, layerNorm, linear, linearAttention, logSoftmax, maxPool, mse, openDevice, pixelShuffle, pixelUnshuffle, Random,
  rmsNorm, ShapeError, silu, softmax, sumPerImage, sumSquares, upsampleNearest, weightStandardize, zeros, type Device,
  type Tensor,
} from "@fromnoise/tensor";
import { thrown } from "../../thrown.js";

describe("shape errors of the neural ops", () => {
  let device: Device;
  const z = (...shape: number[]): Tensor => zeros(shape, { device });
  before(async () => { device = await openDevice("reference"); });

  const errors: [what: string, fn: () => unknown, text: string][] = [
    ["linear names the axis, and lists every tensor with actual and expected shape", () => linear.forward(z(5, 6), z(8, 4), z(4)),
      "linear: x has in = 6 where w has 8\n  w        [8, 4]   expected [in, out]\n  x        [5, 6]   expected [..., 8]\n" +
      "  b        [4]   expected [4]"],
    ["linear checks the bias", () => linear.forward(z(5, 8), z(8, 4), z(3)),
      "linear: b has out = 3 where w has 4\n  w        [8, 4]   expected [in, out]\n  x        [5, 8]   expected [..., 8]\n" +
      "  b        [3]   expected [4]"],
    ["linear.backward checks the rows of dy", () => linear.backward(z(2, 3, 4), z(3, 2, 8), z(8, 4)),
      "linear.backward: dy has leading axes [2, 3] where x has [3, 2]\n  w        [8, 4]   expected [in, out]\n" +
      "  x        [3, 2, 8]   expected [..., 8]\n  dy       [2, 3, 4]   expected [3, 2, 4]"],
    ["a tensor of another rank", () => linear.forward(z(5, 8), z(8)),
      "linear: w has 1 axis where 2 are needed\n  w        [8]   expected [in, out]\n  x        [5, 8]   expected [..., in]"],
    ["a scalar where rows are needed", () => linear.forward(z(), z(8, 4)),
      "linear: x has 0 axes where at least 1 is needed\n  w        [8, 4]   expected [in, out]\n" +
      "  x        []   expected [..., 8]"],
    ["an empty tensor", () => silu.forward(z(2, 0)), "silu: x is empty\n  x        [2, 0]   expected [...]"],
    ["linear.gradInput", () => linear.gradInput(z(2, 3), z(8, 4)),
      "linear.gradInput: dy has out = 3 where w has 4\n  w        [8, 4]   expected [in, out]\n" +
      "  dy       [2, 3]   expected [..., 4]"],
    ["linear.gradWeight", () => linear.gradWeight(z(2, 3), z(5, 4)),
      "linear.gradWeight: dy has leading axes [2] where x has [5]\n"],

    ["conv2d: channels", () => conv2d.forward(z(1, 8, 8, 3), z(3, 3, 4, 2)),
      "conv2d: x has Cin = 3 where w has 4\n  w        [3, 3, 4, 2]   expected [kh, kw, Cin, Cout]\n" +
      "  x        [1, 8, 8, 3]   expected [N, H, W, 4]"],
    ["conv2d: a kernel larger than the padded image",
      () => conv2d.forward(z(1, 2, 8, 3), z(5, 5, 3, 2), undefined, { padding: 1 }),
      "conv2d: the 5x5 kernel does not fit into the padded input\n  x        [1, 2, 8, 3]   expected [N, H, W, Cin]\n" +
      "  w        [5, 5, 3, 2]   expected [kh, kw, Cin, Cout]\n  stride   1\n  padding  [1, 1, 1, 1]   top, bottom, left, right"],
    ["conv2d: the stride", () => conv2d.forward(z(1, 8, 8, 3), z(3, 3, 3, 2), undefined, { stride: 0 }),
      "conv2d: stride must be an integer >= 1\n  x        [1, 8, 8, 3]   expected [N, H, W, Cin]\n"],
    ["conv2d: negative padding", () => conv2d.forward(z(1, 8, 8, 3), z(3, 3, 3, 2), undefined, { padding: [0, -1, 0, 0] }),
      "conv2d: padding must be integers >= 0\n"],
    ["conv2d.backward: dy of the unstrided size",
      () => conv2d.backward(z(1, 8, 8, 2), z(1, 8, 8, 3), z(3, 3, 3, 2), { stride: 2, padding: 1 }),
      "conv2d.backward: dy has not the shape of the output\n  x        [1, 8, 8, 3]   expected [N, H, W, Cin]\n" +
      "  w        [3, 3, 3, 2]   expected [kh, kw, Cin, Cout]\n  stride   2\n" +
      "  padding  [1, 1, 1, 1]   top, bottom, left, right\n" +
      "  dy       [1, 8, 8, 2]   expected [1, 4, 4, 2]"],
    ["conv2d.outputShape", () => conv2d.outputShape([1, 8, 8], [3, 3, 3, 2]),
      "conv2d.outputShape: x has 3 axes, w has 4, both need 4\n"],
    ["conv2d.outputShape: channels", () => conv2d.outputShape([1, 8, 8, 2], [3, 3, 3, 2]),
      "conv2d.outputShape: x has Cin = 2 where w has 3\n"],

    ["groupNorm: groups that do not divide the channels", () => groupNorm.stats(z(1, 4, 4, 6), { groups: 4, eps: 1e-5 }),
      "groupNorm.stats: 4 groups do not divide 6 channels\n  x        [1, 4, 4, 6]   expected [N, ..., C]"],
    ["groupNorm: statistics of other groups", () => groupNorm.forward(z(2, 4, 6), z(2, 2, 2), z(6), z(6), { groups: 3 }),
      "groupNorm: stats has 2 groups where the op has 3\n  stats    [2, 2, 2]   expected [2, 3, 2]"],
    ["groupNorm: statistics that are no pairs", () => groupNorm.forward(z(2, 4, 6), z(2, 3, 1), z(6), z(6), { groups: 3 }),
      "groupNorm: stats has an axis of size 1 where 2 is needed\n"],
    ["adaGroupNormSilu: t", () => adaGroupNormSilu.forwardWithStats(z(2, 4, 6), z(6), z(6), z(2, 6), { groups: 3, eps: 1e-5 }),
      "adaGroupNormSilu.forwardWithStats: t has 6 numbers an image where 2 C = 12 are needed\n  t        [2, 6]   expected [2, 12]"],
    ["adaGroupNormSilu: images", () => adaGroupNormSilu.backward(z(2, 4, 6), z(2, 4, 6), z(2, 3, 2), z(6), z(6), z(3, 12), { groups: 3 }),
      "adaGroupNormSilu.backward: t has N = 3 where x has 2\n"],
    ["groupNormSilu: gamma", () => groupNormSilu.forward(z(2, 4, 6), z(2, 3, 2), z(5), z(6), { groups: 3 }),
      "groupNormSilu: gamma has C = 5 where x has 6\n"],
    ["layerNorm: beta", () => layerNorm.forward(z(2, 6), z(2, 2), z(6), z(1)), "layerNorm: beta has C = 1 where x has 6\n"],
    ["rmsNorm", () => rmsNorm.forward(z(2, 3, 4), z(3)),
      "rmsNorm: g has C = 3 where x has 4\n  x        [2, 3, 4]   expected [..., C]\n  g        [3]   expected [4]"],
    ["weightStandardize", () => weightStandardize.forward(z(3, 3, 4), { eps: 1e-5 }),
      "weightStandardize: w has 3 axes where 4 are needed\n"],

    ["silu.backward", () => silu.backward(z(2, 3), z(3, 2)), "silu.backward: dy has shape [2, 3] where x has [3, 2]\n"],
    ["gelu.backward", () => gelu.backward(z(6), z(3, 2)), "gelu.backward: dy has shape [6] where x has [3, 2]\n"],
    ["softmax of a scalar", () => softmax.forward(z()), "softmax: x has 0 axes where at least 1 is needed\n"],
    ["softmax: the axis", () => softmax.forward(z(2, 3), { axis: 2 }),
      "softmax: axis 2 is out of range for a tensor of rank 2\n"],
    ["attention: heads", () => attention.forward(z(1, 4, 6), z(1, 4, 6), z(1, 4, 6), { heads: 4 }),
      "attention: 4 heads do not divide 6 channels\n  q        [1, 4, 6]   expected [N, L, heads d]"],
    ["attention: as many values as keys", () => attention.forward(z(1, 4, 6), z(1, 5, 6), z(1, 4, 6), { heads: 1 }),
      "attention: v has S = 4 where k has 5\n  q        [1, 4, 6]   expected [N, L, C]\n" +
      "  k        [1, 5, 6]   expected [1, S, 6]\n" +
      "  v        [1, 4, 6]   expected [1, 5, 6]"],
    ["linearAttention", () => linearAttention.forward(z(1, 4, 6), z(2, 4, 6), z(1, 4, 6), { heads: 1 }),
      "linearAttention: k has N = 2 where q has 1\n"],

    ["upsampleNearest: a broken scale", () => upsampleNearest.forward(z(1, 2, 2, 1), { scale: 1.5 }),
      "upsampleNearest: scale must be an integer >= 1\n  scale    1.5"],
    ["averagePool: odd sides", () => averagePool.forward(z(1, 4, 5, 1), { scale: 2 }),
      "averagePool: the sides of x are not divisible by 2\n  x        [1, 4, 5, 1]   expected [N, 2 h, 2 w, C]"],
    ["upsampleNearest.backward: odd sides", () => upsampleNearest.backward(z(1, 4, 5, 1), { scale: 2 }),
      "upsampleNearest.backward: the sides of dy are not divisible by 2\n"],
    ["pixelUnshuffle: odd sides", () => pixelUnshuffle.forward(z(1, 3, 4, 1), { scale: 2 }),
      "pixelUnshuffle: the sides of x are not divisible by 2\n"],
    ["pixelShuffle: channels", () => pixelShuffle.forward(z(1, 3, 4, 6), { scale: 2 }),
      "pixelShuffle: the channels of x are not divisible by 4\n  x        [1, 3, 4, 6]   expected [N, h, w, 4 C]"],
    ["embedding: the table", () => embedding.forward(z(4), [0]), "embedding: table has 1 axis where 2 are needed\n"],
    ["embedding: an index", () => embedding.forward(z(4, 2), [0, 4]),
      "gather: index 4 at position 1 is out of range for axis 0 of size 4\n"],
    ["dropout: the mask", () => dropout.forward(z(4, 2), z(4)), "dropout: mask has shape [4] where x has [4, 2]\n"],
    ["mse", () => mse.forward(z(4, 2), z(2, 4)), "mse: b has shape [2, 4] where a has [4, 2]\n"],
    ["mse.backward: dy is a scalar", () => mse.backward(z(1), z(2), z(2)), "mse.backward: dy has 1 axis where 0 are needed\n"],
    ["l1", () => l1.forward(z(4, 2), z(2, 4)), "l1: b has shape [2, 4] where a has [4, 2]\n"],
    ["crossEntropy: one label a row", () => crossEntropy.forward(z(4, 2), [0, 1]),
      "crossEntropy: 2 labels for 4 rows\n  x        [4, 2]   expected [N, K]"],
    ["crossEntropy: labels are classes", () => crossEntropy.backward(z(), z(2, 2), [0, 2]),
      "crossEntropy.backward: index 2 at position 1 is out of range for 2 classes\n  allowed  0 .. 1"],
    ["maxPool", () => maxPool.forward(z(1, 4, 5, 2), { scale: 2 }),
      "maxPool: the sides of x are not divisible by 2\n  x        [1, 4, 5, 2]   expected [N, 2 h, 2 w, C]"],
    ["maxPool.backward", () => maxPool.backward(z(2, 2, 2, 2), z(1, 4, 4, 2), { scale: 2 }),
      "maxPool.backward: dy has N = 2 where x has 1\n"],
    ["logSoftmax of a scalar", () => logSoftmax.forward(z()), "logSoftmax: x has 0 axes where at least 1 is needed\n"],
    ["huber", () => huber.forward(z(4), z(1)), "huber: b has shape [1] where a has [4]\n"],
    ["addPerImage", () => addPerImage(z(2, 3, 3, 4), z(1, 4)),
      "addPerImage: v has N = 1 where x has 2\n  x        [2, 3, 3, 4]   expected [N, H, W, C]\n" +
      "  v        [1, 4]   expected [2, 4]"],
    ["sumPerImage", () => sumPerImage(z(2, 3, 4)), "sumPerImage: dy has 3 axes where 4 are needed\n"],
    ["sumSquares of nothing", () => sumSquares(z(0)), "sumSquares: x is empty\n"],
    ["adamUpdate", () => adamUpdate([{ p: z(3), m: z(3), v: z(3), g: z(2) }], {
      lr: 1, beta1: 0, beta2: 0, eps: 1, correction1: 1, correction2: 1, weightDecay: 0, gradScale: 1,
    }), "adamUpdate: g has shape [2] where p has [3]\n"],
    ["emaUpdate", () => emaUpdate([{ target: z(3), source: z(1, 3) }], 0.9), "emaUpdate: source has shape [1, 3] where target has [3]\n"],
    ["emaUpdate of one tensor twice", () => {
      const target = z(3);
      emaUpdate([{ target, source: z(3) }, { target, source: z(3) }], 0.9);
    }, "emaUpdate: a tensor that is replaced stands in the list twice"],
    ["sumSquares of no tensor", () => sumSquares([]), "sumSquares: the list of tensors is empty"],
    ["assign", () => assign(z(3), z(4)), "assign: source has shape [4] where target has [3]\n"],
  ];
  it("statistics refuse an eps below 0", () => {
    const w = z(3, 3, 4, 2);
    for (const [op, fn] of [
      ["weightStandardize", () => weightStandardize.forward(w, { eps: -1 })],
      ["weightStandardize.backward", () => weightStandardize.backward(w, w, { eps: -1 })],
      ["groupNorm.stats", () => groupNorm.stats(w, { groups: 1, eps: -1 })],
      ["groupNorm.forwardWithStats", () => groupNorm.forwardWithStats(w, z(2), z(2), { groups: 1, eps: NaN })],
      ["groupNormSilu.forwardWithStats", () => groupNormSilu.forwardWithStats(w, z(2), z(2), { groups: 1, eps: -1e-9 })],
      ["layerNorm.stats", () => layerNorm.stats(w, { eps: -1 })],
    ] as const) {
      const error = thrown(fn);
      expect(error, op).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(new RegExp(`^${op.replace(".", "\\.")}: eps is .*\\n  allowed  >= 0$`));
    }
  });

  for (const [what, fn, text] of errors) {
    it(what, () => {
      const error = thrown(fn);
      expect(error).to.be.instanceOf(ShapeError);
      if (text.endsWith("\n")) expect(error.message.slice(0, text.length)).to.equal(text);
      else expect(error.message).to.equal(text);
    });
  }

  const configErrors: [what: string, fn: () => unknown, text: string][] = [
    ["dropout: the rate", () => dropout.mask([2], 1, new Random(1), { device }), "dropout: rate is 1\n  allowed  0 <= rate < 1"],
    ["huber: delta", () => huber.forward(z(2), z(2), { delta: 0 }), "huber: delta is 0\n  allowed  > 0"],
    ["huber.backward: delta", () => huber.backward(z(), z(2), z(2), { delta: -1 }),
      "huber.backward: delta is -1\n  allowed  > 0"],
    ["groupNorm: eps", () => groupNorm.stats(z(1, 2), { groups: 1, eps: -1 }), "groupNorm.stats: eps is -1\n  allowed  >= 0"],
    ["layerNorm: eps", () => layerNorm.stats(z(1, 2), { eps: NaN }), "layerNorm.stats: eps is NaN\n  allowed  >= 0"],
  ];
  for (const [what, fn, text] of configErrors) {
    it(`${what} out of range is a ConfigError`, () => {
      const error = thrown(fn);
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.equal(text);
    });
  }

  it("carry the layer they came up in", () => {
    expect(thrown(() => at("unet.down.1.timeProjection", () => linear.forward(z(5, 6), z(8, 4)))).message).to.equal(
      "linear: x has in = 6 where w has 8\n  w        [8, 4]   expected [in, out]\n  x        [5, 6]   expected [..., 8]\n" +
      "  at unet.down.1.timeProjection");
  });
});
