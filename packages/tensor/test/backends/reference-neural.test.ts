import { expect } from "chai";
import type { Attrs, GroupNormAttrs } from "../../src/kernels/contract.js";
import { Random } from "../../src/random/random.js";
import { dot, expectDefinition, sum } from "./definitions.js";
import { inputsFor, reference } from "./reference.js";
import { specs } from "./spec/index.js";

/** Asserts a = b up to rounding, on the scale of the terms they are sums of. */
function expectSame(a: number, b: number, scale: number, message: string): void {
  expect(Math.abs(a - b) / scale, `${message}: ${a} and ${b}`).to.be.below(1e-12);
}

const norm = (x: Float64Array): number => Math.sqrt(dot(x, x));

describe("reference backend, convolution", () => {
  it("conv2d is the sum over taps and channels, zeros outside the image", () => {
    expectDefinition("conv2d", ({ x, w }, { kh, kw, cin, stride, pad: [top, , left] }) => (n, p, q, o) =>
      sum(kh, (i) => sum(kw, (j) => sum(cin, (c) => x(n, stride * p + i - top, stride * q + j - left, c) * w(i, j, c, o)))), 4e5);
  });

  it("convolving a single pixel with a 3x3 kernel lays the kernel out, mirrored", () => {
    const x = Float64Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0);
    const w = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
    const attrs = { n: 1, h: 3, w: 3, cin: 1, kh: 3, kw: 3, cout: 1, stride: 1, pad: [1, 1, 1, 1] } as const;
    expect([...reference("conv2d", { x, w }, attrs, {}).y]).to.deep.equal([9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it("its gradients are its adjoints: <dy, conv(x, w)> = <dx, x> = <dw, w>", () => {
    for (const [seed, attrs] of specs.conv2d.cases.entries()) {
      const { x, w } = inputsFor("conv2d", attrs, seed);
      const { dy } = inputsFor("conv2dGradInput", attrs, seed + 100);
      const y = reference("conv2d", { x, w }, attrs, {}).y;
      const dx = reference("conv2dGradInput", { dy, w }, attrs, {}).dx;
      const dw = reference("conv2dGradWeight", { x, dy }, attrs, {}).dw;
      const scale = norm(dy) * norm(y);
      expectSame(dot(dy, y), dot(dx, x), scale, `dx of ${JSON.stringify(attrs)}`);
      expectSame(dot(dy, y), dot(dw, w), scale, `dw of ${JSON.stringify(attrs)}`);
    }
  });

  it("conv2dGradInput is the scattered sum: every output pixel sends dy back through its taps", () => {
    expectDefinition("conv2dGradInput", ({ dy, w: weight }, attrs) => (n, r, t, c) => {
      const { h, w, kh, kw, cout, stride, pad: [top, bottom, left, right] } = attrs;
      const oh = Math.floor((h + top + bottom - kh) / stride) + 1;
      const ow = Math.floor((w + left + right - kw) / stride) + 1;
      return sum(oh, (p) => sum(ow, (q) => {
        const [i, j] = [r + top - stride * p, t + left - stride * q];
        return sum(cout, (o) => dy(n, p, q, o) * weight(i, j, c, o));  // the weight is 0 outside its taps
      }));
    }, 5e4);
  });

  it("conv2dGradWeight is the sum over all output pixels", () => {
    expectDefinition("conv2dGradWeight", ({ x, dy }, attrs) => (i, j, c, o) => {
      const { n: batch, h, w, kh, kw, stride, pad: [top, bottom, left, right] } = attrs;
      const oh = Math.floor((h + top + bottom - kh) / stride) + 1;
      const ow = Math.floor((w + left + right - kw) / stride) + 1;
      return sum(batch, (n) => sum(oh, (p) => sum(ow, (q) =>
        x(n, stride * p + i - top, stride * q + j - left, c) * dy(n, p, q, o))));
    }, 4e5);
  });
});

describe("reference backend, group normalisation", () => {
  it("stats are the mean and 1 / sqrt(E[x^2] - mean^2 + eps) over the elements whose channel belongs to the group", () => {
    expectDefinition("groupNormStats", ({ x }, { hw, c, groups }, { eps }) => (n, g, which) => {
      const values: number[] = [];
      for (let channel = 0; channel < c; channel++) {
        if (Math.floor(channel / (c / groups)) !== g) continue;
        for (let p = 0; p < hw; p++) values.push(x(n, p, channel));
      }
      const shift = values[0];  // about the first value, so that the squares do not cancel
      const mean = sum(values.length, (i) => values[i] - shift) / values.length;
      const square = sum(values.length, (i) => (values[i] - shift) ** 2) / values.length;
      return which === 0 ? shift + mean : (square - mean ** 2 + eps) ** -0.5;
    });
  });

  it("groupNorm is x (gamma rstd) + (beta - gamma mean rstd)", () => {
    expectDefinition("groupNorm", ({ x, stats, gamma, beta }, { c, groups }) => (n, p, channel) => {
      const g = Math.floor(channel * groups / c);
      const [mean, rstd] = [stats(n, g, 0), stats(n, g, 1)];
      return x(n, p, channel) * (gamma(channel) * rstd) + (beta(channel) - gamma(channel) * mean * rstd);
    });
  });

  it("normalised groups have mean 0 and variance 1", () => {
    const attrs = { n: 2, hw: 20, c: 6, groups: 3 };
    const x = new Random(5).normal(240).map((value) => 3 * value + 10);
    const stats = reference("groupNormStats", { x }, attrs, { eps: 0 }).stats;
    const y = reference("groupNorm", { x, stats, gamma: new Float64Array(6).fill(1), beta: new Float64Array(6) }, attrs, {}).y;
    const again = reference("groupNormStats", { x: y }, attrs, { eps: 0 }).stats;
    for (let i = 0; i < again.length; i++) expect(again[i]).to.be.closeTo(i % 2 === 0 ? 0 : 1, 1e-13);
  });

  it("dx of groupNormGrad is the slope of <dy, groupNorm(x)> in x, the statistics moving along", () => {
    for (const [seed, attrs] of smoothNorms.entries()) {
      const { x, gamma, beta } = inputsFor("groupNorm", attrs, seed);
      const { dy } = inputsFor("groupNormGrad", attrs, seed + 100);
      const loss = (at: Float64Array): number => {
        const { stats } = reference("groupNormStats", { x: at }, attrs, { eps });
        return dot(dy, reference("groupNorm", { x: at, stats, gamma, beta }, attrs, {}).y);
      };
      const { stats } = reference("groupNormStats", { x }, attrs, { eps });
      const { dx } = reference("groupNormGrad", { dy, x, stats, gamma }, attrs, {});
      expectSlope(loss, x, dx, seed);
    }
  });

  it("dgamma and dbeta of groupNormGrad are the adjoint of (gamma, beta) -> groupNorm", () => {
    for (const [seed, attrs] of specs.groupNorm.cases.entries()) {
      const { x, stats, gamma, beta } = inputsFor("groupNorm", attrs, seed);
      const { dy } = inputsFor("groupNormGrad", attrs, seed + 100);
      const { y } = reference("groupNorm", { x, stats, gamma, beta }, attrs, {});
      const { dgamma, dbeta } = reference("groupNormGrad", { dy, x, stats, gamma }, attrs, {});
      const [grads, params] = [Float64Array.of(...dgamma, ...dbeta), Float64Array.of(...gamma, ...beta)];
      expectSame(dot(grads, params), dot(dy, y), norm(dy) * norm(y) + norm(grads) * norm(params), JSON.stringify(attrs));
    }
  });

  it("dgamma and dbeta of groupNormGrad are sums over images and pixels", () => {
    expectDefinition("groupNormGrad", ({ dy, x, stats }, { n: batch, hw, c, groups }) => (channel) =>
      sum(batch, (n) => sum(hw, (p) => {
        const g = Math.floor(channel * groups / c);
        return dy(n, p, channel) * (x(n, p, channel) - stats(n, g, 0)) * stats(n, g, 1);
      })), Infinity, "dgamma");
    expectDefinition("groupNormGrad", ({ dy }, { n: batch, hw }) => (channel) =>
      sum(batch, (n) => sum(hw, (p) => dy(n, p, channel))), Infinity, "dbeta");
  });
});

const eps = 1e-5;
/** Groups with enough elements that their variance is not near zero. */
const smoothNorms = specs.groupNorm.cases.filter(({ hw, c, groups }) => hw * c / groups >= 8);

/** Asserts that dx is the gradient of `loss` at x, along three directions, by central differences. */
function expectSlope(loss: (x: Float64Array) => number, x: Float64Array, dx: Float64Array, seed: number): void {
  for (let k = 0; k < 3; k++) {
    const u = new Random(seed, k).normal(x.length);
    const h = 1e-5;
    const along = (t: number) => x.map((value, i) => value + t * u[i]);
    const slope = (loss(along(h)) - loss(along(-h))) / (2 * h);
    expect(Math.abs(slope - dot(dx, u)) / (norm(dx) * norm(u))).to.be.below(1e-7);
  }
}

describe("reference backend, softmax", () => {
  it("is e^x over the sum of e^x", () => {
    expectDefinition("softmax", ({ x }, { n }) => (r, j) => 1 / sum(n, (k) => Math.exp(x(r, k) - x(r, j))));
  });

  it("does not change when a number is added to a row, even a huge one", () => {
    const y = reference("softmax", { x: Float64Array.of(1, 2, 4, 100001, 100002, 100004, -1e6, 0, 1e6) }, { rows: 3, n: 3 }, {}).y;
    expect([...y.subarray(0, 3)]).to.deep.equal([...y.subarray(3, 6)]);
    expect([...y.subarray(6)]).to.deep.equal([0, 0, 1]);
  });

  it("softmaxGrad multiplies by the Jacobian y_i ([i = j] - y_j)", () => {
    expectDefinition("softmaxGrad", ({ dy, y }, { n }) => (r, j) =>
      sum(n, (i) => dy(r, i) * y(r, i) * ((i === j ? 1 : 0) - y(r, j))));
  });
});

describe("reference backend, resampling", () => {
  it("upsampleNearest repeats pixels, sumPool adds up squares of them", () => {
    expectDefinition("upsampleNearest", ({ x }, { scale }) => (n, p, q, c) =>
      x(n, Math.floor(p / scale), Math.floor(q / scale), c));
    expectDefinition("sumPool", ({ x }, { scale }) => (n, p, q, c) =>
      sum(scale * scale, (k) => x(n, scale * p + Math.floor(k / scale), scale * q + k % scale, c)));
  });

  it("sumPool is the adjoint of upsampleNearest", () => {
    for (const [seed, attrs] of specs.upsampleNearest.cases.entries()) {
      const pooled = specs.sumPool.cases[seed];
      const { x } = inputsFor("upsampleNearest", attrs, seed);
      const { x: dy } = inputsFor("sumPool", pooled, seed + 100);
      const y = reference("upsampleNearest", { x }, attrs, {}).y;
      expectSame(dot(dy, y), dot(reference("sumPool", { x: dy }, pooled, {}).y, x), norm(dy) * norm(y), JSON.stringify(attrs));
    }
  });
});

describe("fused kernels as compositions", () => {
  it("linear and conv2dBias add the bias of the column, on top of the product", () => {
    const linear = { x: Float64Array.of(1, 2, 3, 4), w: Float64Array.of(1, 0, 1, 0, 1, 1), bias: Float64Array.of(10, 20, 30) };
    expect([...reference("linear", linear, { m: 2, k: 2, n: 3 }, {}).y]).to.deep.equal([11, 22, 33, 13, 24, 37]);
    const two: Attrs<"conv2d"> = { n: 1, h: 2, w: 1, cin: 1, kh: 2, kw: 1, cout: 2, stride: 1, pad: [0, 1, 0, 0] };
    const inputs = { x: Float64Array.of(1, 2), w: Float64Array.of(3, 5, 100, 200), bias: Float64Array.of(10, 20) };
    expect([...reference("conv2dBias", inputs, two, {}).y]).to.deep.equal([213, 425, 16, 30]);
  });

  it("attention is softmax over the keys of each head by its definition", () => {
    for (const [seed, attrs] of specs.attention.cases.entries()) {
      const { q, k, v } = inputsFor("attention", attrs, seed);
      const { n, heads, l, s, d } = attrs, scale = 0.7 / Math.sqrt(d);
      const y = reference("attention", { q, k, v }, attrs, { scale }).y;
      const at = (x: Float64Array, rows: number, image: number, row: number, head: number, c: number): number =>
        x[((image * rows + row) * heads + head) * d + c];
      for (let image = 0; image < n; image++) for (let head = 0; head < heads; head++) for (let i = 0; i < l; i++) {
        const weights = Array.from({ length: s }, (_, j) =>
          Math.exp(scale * sum(d, (c) => at(q, l, image, i, head, c) * at(k, s, image, j, head, c))));
        const total = sum(s, (j) => weights[j]);
        for (let c = 0; c < d; c++) {
          const expected = sum(s, (j) => weights[j] * at(v, s, image, j, head, c)) / total;
          expectSame(at(y, l, image, i, head, c), expected, 2, JSON.stringify(attrs));
        }
      }
    }
  });

  it("the gradients of attention are its slopes in q, k and v", () => {
    for (const [seed, attrs] of [{ n: 2, heads: 2, l: 3, s: 4, d: 2 }, { n: 1, heads: 1, l: 2, s: 3, d: 3 }].entries()) {
      const { dy, q, k, v } = inputsFor("attentionGrad", attrs, seed), scalars = { scale: 0.6 };
      const { dq, dk, dv } = reference("attentionGrad", { dy, q, k, v }, attrs, scalars);
      expectSlope((at) => dot(dy, reference("attention", { q: at, k, v }, attrs, scalars).y), q, dq, seed);
      expectSlope((at) => dot(dy, reference("attention", { q, k: at, v }, attrs, scalars).y), k, dk, seed);
      expectSlope((at) => dot(dy, reference("attention", { q, k, v: at }, attrs, scalars).y), v, dv, seed);
    }
  });

  it("those with statistics give the same statistics and the same result", () => {
    for (const [seed, attrs] of specs.groupNorm.cases.entries()) {
      const { x, gamma, beta } = inputsFor("groupNormWithStats", attrs, seed);
      const { stats } = reference("groupNormStats", { x }, attrs, { eps });
      const normed = reference("groupNorm", { x, stats, gamma, beta }, attrs, {});
      expect(reference("groupNormWithStats", { x, gamma, beta }, attrs, { eps })).to.deep.equal({ ...normed, stats });
      const activated = reference("groupNormSilu", { x, stats, gamma, beta }, attrs, {});
      expect(reference("groupNormSiluWithStats", { x, gamma, beta }, attrs, { eps })).to.deep.equal({ ...activated, stats });
    }
  });

  it("the gradients of groupNormSilu are its slopes in x, gamma and beta", () => {
    const forward = (x: Float64Array, stats: Float64Array, gamma: Float64Array, beta: Float64Array, attrs: GroupNormAttrs) =>
      reference("groupNormSilu", { x, stats, gamma, beta }, attrs, {}).y;
    const statsOf = (x: Float64Array, attrs: GroupNormAttrs) => reference("groupNormStats", { x }, attrs, { eps }).stats;
    for (const [seed, attrs] of smoothNorms.entries()) {
      const { x, gamma, beta } = inputsFor("groupNorm", attrs, seed);
      const { dy } = inputsFor("groupNormGrad", attrs, seed + 100);
      const stats = statsOf(x, attrs);
      const { dx, dgamma, dbeta } = reference("groupNormSiluGrad", { dy, x, stats, gamma, beta }, attrs, {});
      expectSlope((at) => dot(dy, forward(at, statsOf(at, attrs), gamma, beta, attrs)), x, dx, seed);
      const loss = (at: Float64Array) => dot(dy, forward(x, stats, at.subarray(0, attrs.c), at.subarray(attrs.c), attrs));
      expectSlope(loss, Float64Array.of(...gamma, ...beta), Float64Array.of(...dgamma, ...dbeta), seed);
    }
  });
});
