/** The peer `js`: what one writes first, plain loops on typed arrays. */
import type { BenchName, Sizes } from "./bench.js";
import type { Engine } from "./engine.js";
import { inputsOf } from "./peer-context.js";

type Values = Float32Array;
type Arrays = Readonly<Record<string, Values>>;
type Loop = (x: Arrays, s: Sizes) => Values[];

const zeros = (n: number): Values => new Float32Array(n);

/** Calls visit(image element, kernel element, output element) with offsets of channel 0 for every product of a convolution. */
function eachTap({ n, h, w, cin, cout, kh, kw, stride, pad }: Sizes, visit: (x: number, k: number, y: number) => void): void {
  const [oh, ow] = [h + 2 * pad - kh, w + 2 * pad - kw].map((room) => Math.floor(room / stride) + 1);
  for (let image = 0; image < n; image++) {
    for (let oy = 0; oy < oh; oy++) {
      for (let ox = 0; ox < ow; ox++) {
        const y = ((image * oh + oy) * ow + ox) * cout;
        for (let ky = 0; ky < kh; ky++) {
          const iy = oy * stride + ky - pad;
          if (iy < 0 || iy >= h) continue;
          for (let kx = 0; kx < kw; kx++) {
            const ix = ox * stride + kx - pad;
            if (ix >= 0 && ix < w) visit(((image * h + iy) * w + ix) * cin, (ky * kw + kx) * cin * cout, y);
          }
        }
      }
    }
  }
}

const outputSize = ({ n, h, w, cout, kh, kw, stride, pad }: Sizes): number =>
  n * (Math.floor((h + 2 * pad - kh) / stride) + 1) * (Math.floor((w + 2 * pad - kw) / stride) + 1) * cout;

/** Mean and reciprocal deviation of each group of each image. */
function groupStats(x: Values, { n, h, w, c, groups }: Sizes): { mu: Float64Array; rstd: Float64Array } {
  const mu = new Float64Array(n * groups), rstd = new Float64Array(n * groups), per = c / groups, count = h * w * per;
  for (let image = 0; image < n; image++) {
    for (let g = 0; g < groups; g++) {
      let sum = 0, square = 0;
      for (let p = 0; p < h * w; p++) {
        for (let j = 0; j < per; j++) {
          const v = x[(image * h * w + p) * c + g * per + j];
          sum += v;
          square += v * v;
        }
      }
      const at = image * groups + g;
      mu[at] = sum / count;
      rstd[at] = 1 / Math.sqrt(square / count - mu[at] ** 2 + 1e-5);
    }
  }
  return { mu, rstd };
}

const loops: Partial<Record<BenchName, Loop>> = {
  "matmul": ({ a, b }, { m, k, n }) => {
    const y = zeros(m * n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += a[i * k + l] * b[l * n + j];
        y[i * n + j] = sum;
      }
    }
    return [y];
  },
  "conv2d-forward": ({ x, w }, s) => {
    const y = zeros(outputSize(s)), { cin, cout } = s;
    eachTap(s, (xi, wi, yi) => {
      for (let i = 0; i < cin; i++) for (let o = 0; o < cout; o++) y[yi + o] += x[xi + i] * w[wi + i * cout + o];
    });
    return [y];
  },
  "conv2d-grad-input": ({ dy, w }, s) => {
    const dx = zeros(s.n * s.h * s.w * s.cin), { cin, cout } = s;
    eachTap(s, (xi, wi, yi) => {
      for (let i = 0; i < cin; i++) for (let o = 0; o < cout; o++) dx[xi + i] += dy[yi + o] * w[wi + i * cout + o];
    });
    return [dx];
  },
  "conv2d-grad-weight": ({ dy, x }, s) => {
    const dw = zeros(s.kh * s.kw * s.cin * s.cout), { cin, cout } = s;
    eachTap(s, (xi, wi, yi) => {
      for (let i = 0; i < cin; i++) for (let o = 0; o < cout; o++) dw[wi + i * cout + o] += dy[yi + o] * x[xi + i];
    });
    return [dw];
  },
  "groupnorm-silu-forward": ({ x, gamma, beta }, s) => {
    const { mu, rstd } = groupStats(x, s), { n, h, w, c, groups } = s, y = zeros(x.length);
    for (let i = 0; i < n * h * w * c; i++) {
      const channel = i % c, at = Math.floor(i / (h * w * c)) * groups + Math.floor(channel / (c / groups));
      const a = (x[i] - mu[at]) * rstd[at] * gamma[channel] + beta[channel];
      y[i] = a / (1 + Math.exp(-a));
    }
    return [y];
  },
  "groupnorm-silu-backward": ({ x, gamma, beta, dy }, s) => {
    const { mu, rstd } = groupStats(x, s), { h, w, c, groups } = s, per = c / groups, count = h * w * per;
    const dx = zeros(x.length), dgamma = zeros(c), dbeta = zeros(c);
    const sum = new Float64Array(mu.length), sumHat = new Float64Array(mu.length);
    const groupOf = (i: number): number => Math.floor(i / (h * w * c)) * groups + Math.floor((i % c) / per);
    const da = zeros(x.length); // the gradient where GroupNorm ends and SiLU begins
    for (let i = 0; i < x.length; i++) {
      const channel = i % c, at = groupOf(i), hat = (x[i] - mu[at]) * rstd[at], a = hat * gamma[channel] + beta[channel];
      const sigmoid = 1 / (1 + Math.exp(-a));
      da[i] = dy[i] * sigmoid * (1 + a * (1 - sigmoid));
      dgamma[channel] += da[i] * hat;
      dbeta[channel] += da[i];
      sum[at] += da[i] * gamma[channel];
      sumHat[at] += da[i] * gamma[channel] * hat;
    }
    for (let i = 0; i < x.length; i++) {
      const at = groupOf(i), hat = (x[i] - mu[at]) * rstd[at];
      dx[i] = rstd[at] * (da[i] * gamma[i % c] - (sum[at] + hat * sumHat[at]) / count);
    }
    return [dx, dgamma, dbeta];
  },
  "softmax": ({ x }, { rows, n }) => [softmaxRows(x, rows, n)],
  "attention": ({ q, k, v }, { batch, length, d }) => {
    const y = zeros(batch * length * d), scores = zeros(batch * length * length);
    for (let b = 0; b < batch * length; b++) {
      const image = Math.floor(b / length) * length;
      for (let j = 0; j < length; j++) {
        let sum = 0;
        for (let i = 0; i < d; i++) sum += q[b * d + i] * k[(image + j) * d + i];
        scores[b * length + j] = sum / Math.sqrt(d);
      }
    }
    const p = softmaxRows(scores, batch * length, length);
    for (let b = 0; b < batch * length; b++) {
      const image = Math.floor(b / length) * length;
      for (let j = 0; j < length; j++) for (let i = 0; i < d; i++) y[b * d + i] += p[b * length + j] * v[(image + j) * d + i];
    }
    return [y];
  },
  "elementwise": ({ a, b }, { n }) => {
    const y = zeros(n);
    for (let i = 0; i < n; i++) y[i] = a[i] + b[i];
    return [y];
  },
  "reduce": ({ x }, { rows, n }) => {
    const y = zeros(rows);
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += x[row * n + i];
      y[row] = sum;
    }
    return [y];
  },
  "adam": ({ p, g, m, v }, { n }) => {
    for (let i = 0; i < n; i++) {
      m[i] = 0.9 * m[i] + 0.1 * g[i];
      v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
      p[i] -= 1e-3 * (m[i] / 0.1) / (Math.sqrt(v[i] / 0.001) + 1e-8);
    }
    return [p];
  },
};

function softmaxRows(x: Values, rows: number, n: number): Values {
  const y = zeros(rows * n);
  for (let row = 0; row < rows; row++) {
    let largest = -Infinity, sum = 0;
    for (let i = row * n; i < (row + 1) * n; i++) largest = Math.max(largest, x[i]);
    for (let i = row * n; i < (row + 1) * n; i++) sum += y[i] = Math.exp(x[i] - largest);
    for (let i = row * n; i < (row + 1) * n; i++) y[i] /= sum;
  }
  return y;
}

export const naiveEngine: Engine = {
  description: "plain loops on Float32Array",
  open(bench, shape) {
    const loop = loops[bench];
    if (loop === undefined) throw new Error(`no ${bench}: for networks the plain loops are those of the reference device`);
    const inputs = Object.fromEntries(Object.entries(inputsOf(bench, shape)).map(([name, { values }]) => [name, values]));
    const compute = (): Values[] => loop(inputs, shape as Sizes);
    return {
      run: () => void compute(),
      results: () => Promise.resolve(compute().map((values) => values.slice())),
      dispose: () => undefined,
    };
  },
};
