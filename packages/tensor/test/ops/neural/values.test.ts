import { expect } from "chai";
import {
  adamUpdate, add, addPerImage, assign, attention, averagePool, conv2d, dropout, embedding, emaUpdate, groupNorm, groupNormSilu,
  huber, layerNorm, linear, linearAttention, multiply, openDevice, pixelShuffle, pixelUnshuffle, Random, randomNormal, reshape,
  silu, slice, softmax, sum, sumSquares, tensor, upsampleNearest, variance, weightStandardize, type Device, type NestedArray,
  type Tensor,
} from "@fromnoise/tensor";

describe("values of the neural ops", () => {
  let device: Device;
  const t = (data: NestedArray): Tensor => tensor(data, { device, dtype: "f64" });
  const normal = (shape: number[], seed = 1): Tensor => randomNormal(shape, new Random(seed), { device, dtype: "f64" });
  const values = async (x: Tensor): Promise<number[]> => [...(await x.data())];
  const expectClose = async (actual: Tensor, expected: Tensor | readonly number[], limit = 1e-13): Promise<void> => {
    const wanted = Array.isArray(expected) ? (expected as readonly number[]) : await values(expected as Tensor);
    const got = await values(actual);
    expect(got).to.have.length(wanted.length);
    got.forEach((value, i) => expect(value, `element ${i}`).to.be.closeTo(wanted[i], limit));
  };
  before(async () => { device = await openDevice("reference"); });

  describe("a fused kernel gives what its parts give", () => {
    it("linear with bias", async () => {
      const [x, w, b] = [normal([2, 3, 5]), normal([5, 4], 2), normal([4], 3)];
      await expectClose(linear.forward(x, w, b), add(linear.forward(x, w), b));
    });

    it("conv2d with bias", async () => {
      const [x, w, b] = [normal([2, 5, 4, 3]), normal([3, 3, 3, 2], 2), normal([2], 3)];
      await expectClose(conv2d.forward(x, w, b, { padding: 1 }), add(conv2d.forward(x, w, undefined, { padding: 1 }), b));
    });

    it("groupNormSilu, forward and backward", async () => {
      const [x, gamma, beta, dy] = [normal([2, 3, 2, 6]), normal([6], 2), normal([6], 3), normal([2, 3, 2, 6], 4)];
      const stats = groupNorm.stats(x, { groups: 3, eps: 1e-5 });
      const z = groupNorm.forward(x, stats, gamma, beta, { groups: 3 });
      await expectClose(groupNormSilu.forward(x, stats, gamma, beta, { groups: 3 }), silu.forward(z));
      const fused = groupNormSilu.backward(dy, x, stats, gamma, beta, { groups: 3 });
      const composed = groupNorm.backward(silu.backward(dy, z), x, stats, gamma, { groups: 3 });
      for (const name of ["dx", "dgamma", "dbeta"] as const) await expectClose(fused[name], composed[name]);
    });
  });

  it("linear is what a 1x1 convolution is", async () => {
    const [x, w, b] = [normal([2, 3, 4, 5]), normal([5, 6], 2), normal([6], 3)];
    await expectClose(conv2d.forward(x, reshape(w, [1, 1, 5, 6]), b), linear.forward(x, w, b));
  });

  it("conv2d: the output's shape with every option", () => {
    expect(conv2d.outputShape([2, 7, 8, 3], [3, 2, 3, 5])).to.deep.equal([2, 5, 7, 5]);
    expect(conv2d.outputShape([2, 7, 8, 3], [3, 3, 3, 5], { stride: 2, padding: 1 })).to.deep.equal([2, 4, 4, 5]);
    expect(conv2d.outputShape([2, 6, 6, 3], [3, 3, 3, 5], { stride: 2, padding: [0, 1, 0, 1] })).to.deep.equal([2, 3, 3, 5]);
  });

  it("softmax neither overflows nor loses small differences of large numbers, and rows sum to 1", async () => {
    await expectClose(softmax.forward(t([[1000, 1001], [-1000, -1000]])), [1 / (1 + Math.E), Math.E / (1 + Math.E), 0.5, 0.5]);
    await expectClose(sum(softmax.forward(normal([3, 4, 2]), { axis: 1 }), { axes: 1 }), [1, 1, 1, 1, 1, 1]);
  });

  it("attention: a query that matches one key strongly takes that key's value", async () => {
    const q = t([[[50, 0], [0, 50]]]);
    const k = t([[[0, 50], [50, 0]]]);
    await expectClose(attention.weights(q, k, { heads: 1 }), [0, 1, 1, 0]);
    await expectClose(attention.forward(q, k, t([[[1, 2], [3, 4]]]), { heads: 1 }), [3, 4, 1, 2]);
  });

  it("attention: heads are attentions of their own over their channels", async () => {
    const [q, k, v] = [1, 2, 3].map((seed) => normal([2, 3, 4], seed));
    const y = attention.forward(q, k, v, { heads: 2 });
    for (const channel of [0, 2]) {
      const [qh, kh, vh, yh] = [q, k, v, y].map((x) => slice(x, [0, 0, channel], [2, 3, channel + 2]));
      await expectClose(attention.forward(qh, kh, vh, { heads: 1 }), yh);
    }
  });

  it("attention and linearAttention do not depend on the order of the keys", async () => {
    const [q, k, v] = [1, 2, 3].map((seed) => normal([1, 3, 4], seed));
    const reversed = (x: Tensor): Tensor => reshape(embedding.forward(reshape(x, [3, 4]), [2, 1, 0]), [1, 3, 4]);
    for (const op of [attention, linearAttention]) {
      await expectClose(op.forward(q, reversed(k), reversed(v), { heads: 2 }), op.forward(q, k, v, { heads: 2 }));
    }
  });

  it("layerNorm and groupNorm give mean beta and variance gamma^2", async () => {
    const x = normal([4, 50]);
    const y = layerNorm.forward(x, layerNorm.stats(x, { eps: 0 }), t(Array(50).fill(3)), t(Array(50).fill(2)));
    await expectClose(sum(y, { axes: -1 }), [100, 100, 100, 100], 1e-11);
    await expectClose(variance(y, { axes: -1 }), [9, 9, 9, 9], 1e-11);
    const same = groupNorm.forward(x, groupNorm.stats(x, { groups: 1, eps: 0 }), t(Array(50).fill(3)), t(Array(50).fill(2)),
      { groups: 1 });
    await expectClose(same, y);
  });

  it("weightStandardize makes each output channel's weights have mean 0 and variance 1", async () => {
    const w = weightStandardize.forward(add(multiply(normal([3, 3, 4, 2]), 0.1), 5), { eps: 0 });
    await expectClose(sum(w, { axes: [0, 1, 2] }), [0, 0], 1e-10);
    await expectClose(variance(w, { axes: [0, 1, 2] }), [1, 1], 1e-10);
  });

  it("upsampleNearest repeats pixels, averagePool takes them back", async () => {
    const x = t([[[[1], [2]]]]);
    expect(await values(upsampleNearest.forward(x, { scale: 2 }))).to.deep.equal([1, 1, 2, 2, 1, 1, 2, 2]);
    expect(await values(averagePool.forward(t([[[[1], [2]], [[3], [6]]]]), { scale: 2 }))).to.deep.equal([3]);
    const y = normal([2, 3, 2, 3]);
    await expectClose(averagePool.forward(upsampleNearest.forward(y, { scale: 3 }), { scale: 3 }), y);
  });

  it("pixelUnshuffle puts channels first, then rows, then columns of a tile; pixelShuffle undoes it", async () => {
    const x = t([[[[0, 10], [1, 11]], [[2, 12], [3, 13]]]]);                         // [1, 2, 2, 2]
    const y = pixelUnshuffle.forward(x, { scale: 2 });
    expect(y.shape).to.deep.equal([1, 1, 1, 8]);
    expect(await values(y)).to.deep.equal([0, 1, 2, 3, 10, 11, 12, 13]);
    const image = normal([2, 6, 9, 2]);
    const there = pixelUnshuffle.forward(image, { scale: 3 });
    expect(there.shape).to.deep.equal([2, 2, 3, 18]);
    expect(await values(pixelShuffle.forward(there, { scale: 3 }))).to.deep.equal(await values(image));
  });

  it("embedding takes rows, and sums the gradients of a row's uses", async () => {
    expect(await values(embedding.forward(t([[1, 2], [3, 4], [5, 6]]), [2, 0, 2]))).to.deep.equal([5, 6, 1, 2, 5, 6]);
    expect(await values(embedding.backward(t([[1, 2], [3, 4], [5, 6]]), Int32Array.of(2, 0, 2), { rows: 3 }))).to.deep.equal([3,
      4, 0, 0, 6, 8]);
  });

  it("dropout's mask keeps the mean, follows the seed, and is 1 everywhere at rate 0", async () => {
    const mask = await values(dropout.mask([100, 100], 0.3, new Random(5), { device, dtype: "f64" }));
    expect(new Set(mask)).to.deep.equal(new Set([0, 1 / 0.7]));
    const dropped = mask.filter((value) => value === 0).length / mask.length;
    expect(dropped).to.be.closeTo(0.3, 4 * Math.sqrt(0.3 * 0.7 / 1e4));
    expect(await values(dropout.mask([100, 100], 0.3, new Random(5), { device, dtype: "f64" }))).to.deep.equal(mask);
    expect(await values(dropout.mask([3], 0, new Random(5), { device }))).to.deep.equal([1, 1, 1]);
  });

  it("huber is a square near 0 and a line of slope delta beyond", async () => {
    const loss = async (z: number, delta: number): Promise<number> => huber.forward(t([z]), t([0]), { delta }).item();
    expect(await loss(0.5, 1)).to.equal(0.125);
    expect(await loss(-3, 1)).to.equal(2.5);
    expect(await loss(3, 2)).to.equal(4);
    expect(await huber.forward(t([3, 0.5]), t([0, 0])).item()).to.equal((2.5 + 0.125) / 2);
  });

  it("addPerImage adds an image's vector at every position of that image", async () => {
    const y = addPerImage(t([[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]]), t([[10, 20], [30, 40]]));
    expect(await values(y)).to.deep.equal([11, 22, 13, 24, 35, 46, 37, 48]);
  });

  describe("updates", () => {
    it("adamUpdate: two steps by hand, with clipping and decoupled weight decay", async () => {
      const [p, m, v] = [t([1, -2]), t([0, 0]), t([0, 0])];
      const [lr, beta1, beta2, eps, weightDecay, gradScale] = [0.1, 0.9, 0.99, 1e-8, 0.01, 0.5];
      const expected = { p: [1, -2], m: [0, 0], v: [0, 0] };
      for (const step of [1, 2]) {
        const g = [0.4 * step, -3];
        const [correction1, correction2] = [1 - beta1 ** step, 1 - beta2 ** step];
        adamUpdate([{ p, m, v, g: t(g) }], { lr, beta1, beta2, eps, correction1, correction2, weightDecay, gradScale });
        for (const i of [0, 1]) {
          expected.m[i] = beta1 * expected.m[i] + (1 - beta1) * gradScale * g[i];
          expected.v[i] = beta2 * expected.v[i] + (1 - beta2) * (gradScale * g[i]) ** 2;
          const move = lr * (expected.m[i] / correction1) / (Math.sqrt(expected.v[i] / correction2) + eps);
          expected.p[i] = expected.p[i] * (1 - lr * weightDecay) - move;
        }
      }
      await expectClose(p, expected.p);
      await expectClose(m, expected.m);
      await expectClose(v, expected.v);
    });

    it("emaUpdate and assign replace the target and leave the source", async () => {
      const [target, source] = [t([1, 2]), t([3, -2])];
      emaUpdate([{ target, source }], 0.75);
      await expectClose(target, [1.5, 1]);
      assign(target, source);
      expect(await values(target)).to.deep.equal([3, -2]);
      expect(await values(source)).to.deep.equal([3, -2]);
    });

    it("sumSquares gives one number for any shape", async () => {
      const y = sumSquares(t([[1, -2], [3, 0]]));
      expect(y.shape).to.deep.equal([1]);
      expect(await y.item()).to.equal(14);
      expect(await sumSquares([t([[1, -2], [3, 0]]), t([2]), t(-1)]).item()).to.equal(19);
    });
  });
});
