/**
 * DDPM in one file: "Denoising Diffusion Probabilistic Models" (Ho, Jain, Abbeel 2020, arXiv 2006.11239), whole and from scratch.
 *
 *     npx tsx docs/ddpm-in-one-file.ts [--steps N] [--out folder] [--seed n]
 *
 * It learns to draw digits in about four minutes on one core, with every derivative written out by hand. There is no framework
 * below this: all that is imported reads files and decodes PNG. Read it from the top, it is told in the paper's order:
 *
 *     1  the diffusion    noise an image (eq. 4), ask a network which noise it was (eq. 14), undo it step by step (Algorithm 2)
 *     2  the U-Net        that network: down, across, up, with skips; its backward is its forward read from the end
 *     3  the blocks       residual block, self-attention, time embedding
 *     4  the layers       convolution, GroupNorm, SiLU, upsampling, concatenation, and the one matrix product under them all
 *     5  the optimiser    gradient clipping, Adam, the moving average of the weights
 *     6  chance           numbers made from (seed, stream, counter), so that a run can be repeated to the last bit
 *     7  pictures, main   the digits, the loop, samples.png
 *
 * Two conventions carry everything. A tensor is a batch of images with channels last, [N, H, W, C]: a pixel is a row vector, and
 * a convolution is a sum of matrix products. And a layer, once applied, is a pair { y, back }: the output, and the function that
 * turns dL/dy into dL/dx, adding dL/dw to the gradients of the weights on its way. Gradients are called d + the name: dy, dx, dw.
 *
 * The network is exactly the UNet2DModel of the diffusers library with the config.json given by CONFIG below, under the same
 * parameter names. Only the layout of weights differs: [kh, kw, Cin, Cout] here, [Cout, Cin, kh, kw] there; a linear layer is a
 * 1 x 1 convolution here, [1, 1, in, out], and [out, in] there.
 */
/* eslint max-lines: "off" -- that it is one file is the point */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { PNG } from 'pngjs';

/** The fields of a diffusers UNet2DModel config.json that this file understands. */
export interface Config {
  sample_size: number; in_channels: number; out_channels: number; layers_per_block: number; block_out_channels: number[];
  down_block_types: string[]; up_block_types: string[]; norm_num_groups: number; norm_eps: number;
  attention_head_dim: null; downsample_padding: 0; flip_sin_to_cos: false; freq_shift: 1;
}

/** The small U-Net for 12 x 12 digits: levels of 12 x 12, 6 x 6 and 3 x 3 pixels, self-attention at 6 x 6 and in the middle. */
export const CONFIG: Config = {
  sample_size: 12, in_channels: 1, out_channels: 1, layers_per_block: 1, block_out_channels: [8, 16, 32],
  down_block_types: ['DownBlock2D', 'AttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'AttnUpBlock2D', 'UpBlock2D'],
  norm_num_groups: 4, norm_eps: 1e-6, attention_head_dim: null, downsample_padding: 0, flip_sin_to_cos: false, freq_shift: 1,
};

/** A batch of N images of H x W pixels with C channels, channels last. A batch of vectors is a batch of 1 x 1 images. */
export interface Tensor { n: number; h: number; w: number; c: number; data: Float64Array }

export const tensor = (n: number, h: number, w: number, c: number, data = new Float64Array(n * h * w * c)): Tensor =>
  ({ n, h, w, c, data });
const like = (x: Tensor): Tensor => tensor(x.n, x.h, x.w, x.c);
const map = (x: Tensor, f: (value: number, i: number) => number): Tensor => {
  const y = like(x);
  for (let i = 0; i < y.data.length; i++) y.data[i] = f(x.data[i], i);
  return y;
};
const add = (a: Tensor, b: Tensor): Tensor => map(a, (value, i) => value + b.data[i]);

// ------------------------------------------------------------------------------------------------------------ 1 the diffusion
/** The paper's t = 1..T is t = 0..T-1 here; alphaBar[t] is the share of the signal's variance that is left after step t. */
interface Schedule { betas: number[]; alphas: number[]; alphaBar: number[] }

/**
 * The linear schedule (section 4): beta_t from 1e-4 to 0.02 in T steps, alpha_t = 1 - beta_t, alphaBar_t = alpha_0 ... alpha_t.
 * The paper has T = 1000. With fewer steps each must destroy more, so betas are multiplied by `scale` = 1000 / T (for T > 20).
 */
export function linearSchedule(T: number, scale = 1): Schedule {
  const betas = Array.from({ length: T }, (_, t) => scale * (1e-4 + ((0.02 - 1e-4) * t) / (T - 1)));
  const alphas = betas.map((beta) => 1 - beta);
  let product = 1;
  return { betas, alphas, alphaBar: alphas.map((alpha) => (product *= alpha)) };
}

/** Equation 4, the forward process in one jump: x_t = sqrt(alphaBar_t) x0 + sqrt(1 - alphaBar_t) eps, with one t per image. */
export function qSample({ alphaBar }: Schedule, x0: Tensor, t: number[], eps: Tensor): Tensor {
  const size = x0.h * x0.w * x0.c;
  return map(x0, (value, i) => {
    const signal = alphaBar[t[Math.floor(i / size)]];
    return Math.sqrt(signal) * value + Math.sqrt(1 - signal) * eps.data[i];
  });
}

/** Equation 14, L_simple = mean |eps - epsTheta|^2, and its derivative with respect to epsTheta. */
export function lossSimple(epsTheta: Tensor, eps: Tensor): { loss: number; dEpsTheta: Tensor } {
  const difference = map(epsTheta, (value, i) => value - eps.data[i]), count = eps.data.length;
  const loss = difference.data.reduce((sum, d) => sum + d * d, 0) / count;
  return { loss, dEpsTheta: map(difference, (d) => (2 * d) / count) };
}

/** Algorithm 1, one turn: noise the images, guess the noise, compare, take one step down the gradient. `step` counts from 1. */
export function trainStep(net: UNet, schedule: Schedule, x0: Tensor, t: number[], eps: Tensor, step: number, rate: number):
  { loss: number; gradNorm: number } {
  const xt = qSample(schedule, x0, t, eps);
  const epsTheta = net.forward(xt, t);
  const { loss, dEpsTheta } = lossSimple(epsTheta.y, eps);
  epsTheta.back(dEpsTheta);
  const gradNorm = clipGradients(net.params, 1);
  adam(net.params, step, rate);
  return { loss, gradNorm };
}

/**
 * Algorithm 2: from pure noise x_T to an image. Its line 4 is the mean of q(x_{t-1} | x_t, x0), equation 7, at the x0 that the
 * guessed noise implies (equation 15). Written that way, as in the authors' code, x0 can be clamped to [-clip, clip], the range
 * of images, so that an early mistake does not grow. The variance is betaTilde_t of equation 7; the last step adds no noise.
 * @param epsTheta the network: the noise it sees in x when all images are at time t
 * @param noise    z for the step that leaves time t
 */
export function sample(epsTheta: (x: Tensor, t: number) => Tensor, { betas, alphas, alphaBar }: Schedule, xT: Tensor,
  noise: (t: number) => Tensor, clip = 1): Tensor {
  let x = xT;
  for (let t = betas.length - 1; t >= 0; t--) {
    const before = t > 0 ? alphaBar[t - 1] : 1, now = alphaBar[t];
    const ofX0 = (betas[t] * Math.sqrt(before)) / (1 - now), ofXt = ((1 - before) * Math.sqrt(alphas[t])) / (1 - now);
    const sigma = Math.sqrt((betas[t] * (1 - before)) / (1 - now));
    const xt = x, eps = epsTheta(xt, t), z = t > 0 ? noise(t) : like(xt);
    x = map(xt, (value, i) => {
      const x0 = (value - Math.sqrt(1 - now) * eps.data[i]) / Math.sqrt(now);
      return ofX0 * Math.min(clip, Math.max(-clip, x0)) + ofXt * value + sigma * z.data[i];
    });
  }
  return x;
}

// ---------------------------------------------------------------------------------------------------------------- 2 the U-Net
/** A layer applied to its input: the output, and the way back from dL/dy to dL/dx (weights collect their own gradients). */
interface Applied { y: Tensor; back: (dy: Tensor) => Tensor }
/** A block that also listens to the time embedding: its way back adds its share to dL/d(embedding). */
interface AppliedInTime { y: Tensor; back: (dy: Tensor, dEmb: Tensor) => Tensor }
/** A weight with its gradient, Adam's two moments and the moving average that samples are drawn with. */
export interface Param extends Record<'value' | 'grad' | 'm' | 'v' | 'ema', Float64Array> { shape: number[] }

/**
 * epsTheta(x_t, t), the paper's U-Net (appendix B): every output on the way down is kept on a stack and joined to the way up.
 * Weights are made when a layer first asks for them by name, so the architecture is written once, as `forward`.
 */
export class UNet {
  readonly params = new Map<string, Param>();
  private readonly random: Random;

  constructor(readonly config: Config, seed = 0) {
    this.random = new Random(seed, 0);
    this.forward(tensor(1, config.sample_size, config.sample_size, config.in_channels), [0]);
  }

  /** @param x noisy images [N, H, W, in_channels]  @param t one time per image  @returns the guessed noise, and the way back */
  forward(x: Tensor, t: number[]): Applied {
    const { block_out_channels: widths, layers_per_block: layers, down_block_types, up_block_types } = this.config;
    const emb = timeEmbedding(this, t);                                            // [N, 1, 1, 4 widths[0]]
    const convIn = conv(this, 'conv_in', x, widths[0]);
    let h = convIn.y;
    const skips = [h];

    const down = widths.map((width, level) => {
      const name = `down_blocks.${level}`, attend = down_block_types[level].startsWith('Attn');
      const blocks = Array.from({ length: layers }, (_, j) => {
        const block = resAttend(this, name, j, h, emb.y, width, attend);
        skips.push(h = block.y);
        return block;
      });
      if (level === widths.length - 1) return { blocks };
      const shrink = conv(this, `${name}.downsamplers.0.conv`, h, width, 3, 2);    // half the height and width
      skips.push(h = shrink.y);
      return { blocks, shrink };
    });

    const deepest = widths[widths.length - 1];
    const mid1 = resBlock(this, 'mid_block.resnets.0', h, emb.y, deepest);
    const mid2 = attention(this, 'mid_block.attentions.0', mid1.y);
    const mid3 = resBlock(this, 'mid_block.resnets.1', mid2.y, emb.y, deepest);
    h = mid3.y;

    const up = [...widths].reverse().map((width, level) => {
      const name = `up_blocks.${level}`, attend = up_block_types[level].startsWith('Attn');
      const blocks = Array.from({ length: layers + 1 }, (_, j) => {
        const joined = concat(h, skips.pop()!);
        const block = resAttend(this, name, j, joined.y, emb.y, width, attend);
        h = block.y;
        return { joined, block };
      });
      if (level === widths.length - 1) return { blocks };
      const twice = upsample(h), smooth = conv(this, `${name}.upsamplers.0.conv`, twice.y, width);
      h = smooth.y;
      return { blocks, twice, smooth };
    });

    const normOut = normSilu(this, 'conv_norm_out', h);
    const convOut = conv(this, 'conv_out', normOut.y, this.config.out_channels);

    const back = (dEps: Tensor): Tensor => {                                       // the same lines, from the last to the first
      const dEmb = like(emb.y), dSkips: Tensor[] = [];
      let dh = normOut.back(convOut.back(dEps));
      for (const { blocks, twice, smooth } of [...up].reverse()) {
        if (smooth) dh = twice.back(smooth.back(dh));
        for (const { joined, block } of [...blocks].reverse()) {
          const [dBelow, dSkip] = joined.back(block.back(dh, dEmb));
          dSkips.push(dSkip);
          dh = dBelow;
        }
      }
      dh = mid1.back(mid2.back(mid3.back(dh, dEmb)), dEmb);
      for (const { blocks, shrink } of [...down].reverse()) {
        if (shrink) dh = shrink.back(add(dh, dSkips.pop()!));                      // what was kept was used twice
        for (const block of [...blocks].reverse()) dh = block.back(add(dh, dSkips.pop()!), dEmb);
      }
      emb.back(dEmb);
      return convIn.back(add(dh, dSkips.pop()!));
    };
    return { y: convOut.y, back };
  }

  /**
   * The weight called `name`, made at first use: norms start at 1, biases at 0, the last layer of every residual branch at 0 (so
   * each block begins as the identity), the others uniform with variance 2 / (fanIn + fanOut), as in the authors' code.
   */
  param(name: string, shape: number[]): Param {
    const known = this.params.get(name);
    if (known) return known;
    const size = shape.reduce((a, b) => a * b), array = () => new Float64Array(size);
    const made: Param = { shape, value: array(), grad: array(), m: array(), v: array(), ema: array() };
    if (name.endsWith('.weight') && shape.length === 1) made.value.fill(1);
    else if (name.endsWith('.weight') && !/(conv2|to_out\.0|conv_out)\.weight$/.test(name)) {
      const [kh, kw, cin, cout] = shape, bound = Math.sqrt(6 / (kh * kw * (cin + cout)));
      made.value.forEach((_, i) => (made.value[i] = bound * (2 * this.random.uniform() - 1)));
    }
    made.ema.set(made.value);
    this.params.set(name, made);
    return made;
  }
}

// --------------------------------------------------------------------------------------------------------------- 3 the blocks
/** Residual block, y = skip(x) + conv2(silu(norm2(conv1(silu(norm1(x))) + time(emb)))); skip is 1 x 1 if C changes. */
function resBlock(net: UNet, name: string, x: Tensor, emb: Tensor, width: number): AppliedInTime {
  const norm1 = normSilu(net, `${name}.norm1`, x);
  const conv1 = conv(net, `${name}.conv1`, norm1.y, width);
  const time = conv(net, `${name}.time_emb_proj`, emb, width, 1);                  // [N, 1, 1, width]
  const norm2 = normSilu(net, `${name}.norm2`, addPerImage(conv1.y, time.y));
  const conv2 = conv(net, `${name}.conv2`, norm2.y, width);
  const skip = x.c === width ? { y: x, back: (dy: Tensor) => dy } : conv(net, `${name}.conv_shortcut`, x, width, 1);

  const back = (dy: Tensor, dEmb: Tensor): Tensor => {
    const dxSkip = skip.back(dy);                                                  // the sum sends dy both ways
    const dh = norm2.back(conv2.back(dy));
    accumulate(dEmb, time.back(sumPerImage(dh)));
    return add(norm1.back(conv1.back(dh)), dxSkip);                                // x was used twice: two gradients meet
  };
  return { y: add(conv2.y, skip.y), back };
}

/** A residual block, then self-attention where the level has it. */
function resAttend(net: UNet, name: string, j: number, x: Tensor, emb: Tensor, width: number, attend: boolean): AppliedInTime {
  const res = resBlock(net, `${name}.resnets.${j}`, x, emb, width);
  if (!attend) return res;
  const attn = attention(net, `${name}.attentions.${j}`, res.y);
  return { y: attn.y, back: (dy, dEmb) => res.back(attn.back(dy), dEmb) };
}

/** Self-attention over all pixels, one head: y = x + out(P v), P = softmax(q k' / sqrt(C)) by rows, q, k, v linear in norm(x). */
function attention(net: UNet, name: string, x: Tensor): Applied {
  const { n, c } = x, pixels = x.h * x.w, scale = 1 / Math.sqrt(c);
  const norm = groupNorm(net, `${name}.group_norm`, x);
  const q = conv(net, `${name}.to_q`, norm.y, c, 1);
  const k = conv(net, `${name}.to_k`, norm.y, c, 1);
  const v = conv(net, `${name}.to_v`, norm.y, c, 1);
  const P = tensor(n, 1, pixels, pixels), o = like(x);
  const image = (a: Tensor, i: number) => matrix(a.data, i * pixels * a.c, a.c);   // image i as [pixels, C]
  for (let i = 0; i < n; i++) {
    addMatmul(image(P, i), image(q.y, i), transpose(image(k.y, i)), pixels, pixels, c);
    softmaxRows(P, i, scale);
    addMatmul(image(o, i), image(P, i), image(v.y, i), pixels, c, pixels);
  }
  const out = conv(net, `${name}.to_out.0`, o, c, 1);

  const back = (dy: Tensor): Tensor => {
    const dO = out.back(dy), dq = like(x), dk = like(x), dv = like(x), dP = like(P);
    for (let i = 0; i < n; i++) {
      addMatmul(image(dv, i), transpose(image(P, i)), image(dO, i), pixels, c, pixels);         // o = P v
      addMatmul(image(dP, i), image(dO, i), transpose(image(v.y, i)), pixels, pixels, c);
      softmaxRowsBackward(dP, P, i, scale);                                                     // dP is now dS, S = q k'
      addMatmul(image(dq, i), image(dP, i), image(k.y, i), pixels, c, pixels);
      addMatmul(image(dk, i), transpose(image(dP, i)), image(q.y, i), pixels, c, pixels);
    }
    const dNorm = add(add(q.back(dq), k.back(dk)), v.back(dv));
    return add(dy, norm.back(dNorm));
  };
  return { y: add(x, out.y), back };
}

/** Row by row P = softmax(scale S) in place, for image i of S [N, 1, pixels, pixels]. */
function softmaxRows(S: Tensor, image: number, scale: number): void {
  for (let r = 0; r < S.w; r++) {
    const row = S.data.subarray((image * S.w + r) * S.c, (image * S.w + r + 1) * S.c), top = Math.max(...row);
    let sum = 0;
    for (let j = 0; j < row.length; j++) sum += row[j] = Math.exp(scale * (row[j] - top));
    for (let j = 0; j < row.length; j++) row[j] /= sum;
  }
}

/** dS = scale P (dP - sum_j P_j dP_j) row by row, in place of dP. */
function softmaxRowsBackward(dP: Tensor, P: Tensor, image: number, scale: number): void {
  for (let r = 0; r < P.w; r++) {
    const at = (image * P.w + r) * P.c;
    let dot = 0;
    for (let j = at; j < at + P.c; j++) dot += P.data[j] * dP.data[j];
    for (let j = at; j < at + P.c; j++) dP.data[j] = scale * P.data[j] * (dP.data[j] - dot);
  }
}

/** Sines, then cosines of t at frequencies 1 ... 1e-4, through linear, SiLU, linear, SiLU: [N, 1, 1, 4C] for C = first width. */
function timeEmbedding(net: UNet, t: number[]): Applied {
  const C = net.config.block_out_channels[0], waves = sinusoids(t, C);
  const linear1 = conv(net, 'time_embedding.linear_1', waves, 4 * C, 1);
  const hidden = silu(linear1.y);
  const linear2 = conv(net, 'time_embedding.linear_2', hidden.y, 4 * C, 1);
  const emb = silu(linear2.y);                                                     // every block would apply it: once is enough
  return { y: emb.y, back: (dy) => linear1.back(hidden.back(linear2.back(emb.back(dy)))) };
}

/** [sin(t f_0), ..., cos(t f_0), ...] with f_i = exp(-ln(10000) i / (C/2 - 1)), one row of C for each t. */
export function sinusoids(t: number[], C: number): Tensor {
  const half = C / 2;
  return map(tensor(t.length, 1, 1, C), (_, index) => {
    const i = index % C, angle = t[Math.floor(index / C)] * Math.exp((-Math.log(10000) * (i % half)) / (half - 1));
    return i < half ? Math.sin(angle) : Math.cos(angle);
  });
}

// --------------------------------------------------------------------------------------------------------------- 4 the layers
/**
 * Convolution, y[o] = b + sum over taps of x[o stride + tap] W[tap], W[tap] a matrix [Cin, Cout]: rows of pixels times matrices.
 * So dx += dy W' and dW += x' dy over the same pairs of rows. With k = 1 on 1 x 1 images it is a linear layer.
 */
function conv(net: UNet, name: string, x: Tensor, cout: number, k = 3, stride = 1): Applied {
  const cin = x.c, w = net.param(`${name}.weight`, [k, k, cin, cout]), b = net.param(`${name}.bias`, [cout]);
  const y = tensor(x.n, Math.floor(x.h / stride), Math.floor(x.w / stride), cout);
  const pixels = (a: Tensor, first: number, every = 1) => matrix(a.data, first * a.c, every * a.c);
  const tapOf = (array: Float64Array, tap: number) => matrix(array, tap * cin * cout, cout);

  for (let o = 0; o < y.data.length; o += cout) y.data.set(b.value, o);
  eachTap(x, y, k, stride, (tap, i, o, count) =>
    addMatmul(pixels(y, o), pixels(x, i, stride), tapOf(w.value, tap), count, cout, cin));

  const back = (dy: Tensor): Tensor => {
    const dx = like(x);
    eachTap(x, y, k, stride, (tap, i, o, count) => {
      addMatmul(pixels(dx, i, stride), pixels(dy, o), transpose(tapOf(w.value, tap)), count, cin, cout);
      addMatmul(tapOf(w.grad, tap), transpose(pixels(x, i, stride)), pixels(dy, o), cin, cout, count);
    });
    for (let i = 0; i < dy.data.length; i++) b.grad[i % cout] += dy.data[i];
    return dx;
  };
  return { y, back };
}

/**
 * Visits every row of outputs under every tap of a k x k kernel: `count` output pixels o, o + 1, ... see the input pixels
 * i, i + stride, ... through `tap`. At stride 1 the border of zeros is symmetric; at stride 2 it is on the right and bottom only.
 */
function eachTap(x: Tensor, y: Tensor, k: number, stride: number,
  visit: (tap: number, i: number, o: number, count: number) => void): void {
  const border = stride === 1 ? (k - 1) / 2 : 0;
  for (let image = 0; image < y.n; image++)
    for (let tap = 0; tap < k * k; tap++) {
      const down = Math.floor(tap / k) - border, right = (tap % k) - border;
      const first = Math.max(0, Math.ceil(-right / stride));
      const end = Math.min(y.w, Math.floor((x.w - 1 - right) / stride) + 1);
      for (let oy = 0; oy < y.h; oy++) {
        const iy = oy * stride + down;
        if (iy < 0 || iy >= x.h) continue;                                         // the border is zero: nothing to add
        visit(tap, (image * x.h + iy) * x.w + first * stride + right, (image * y.h + oy) * y.w + first, end - first);
      }
    }
}

/** A matrix inside an array: element (i, j) is data[at + i row + j col]. */
interface Matrix { data: Float64Array; at: number; row: number; col: number }
const matrix = (data: Float64Array, at: number, row: number): Matrix => ({ data, at, row, col: 1 });
const transpose = ({ data, at, row, col }: Matrix): Matrix => ({ data, at, row: col, col: row });

/**
 * Y += A B, for A [m, k] and B [k, n]: the one hot loop of this file. It makes 2 x 4 elements of Y at a time, because eight sums
 * and what feeds them fit in the registers of a CPU. Past an edge it makes the last row or column again, which changes nothing.
 */
function addMatmul(Y: Matrix, A: Matrix, B: Matrix, m: number, n: number, k: number): void {
  const a = A.data, b = B.data, y = Y.data, aCol = A.col, bRow = B.row;
  for (let i0 = 0; i0 < m; i0 += 2) {
    const i1 = Math.min(i0 + 1, m - 1), y0 = Y.at + i0 * Y.row, y1 = Y.at + i1 * Y.row;
    for (let j0 = 0; j0 < n; j0 += 4) {
      const j1 = Math.min(j0 + 1, n - 1), j2 = Math.min(j0 + 2, n - 1), j3 = Math.min(j0 + 3, n - 1);
      const to1 = (j1 - j0) * B.col, to2 = (j2 - j0) * B.col, to3 = (j3 - j0) * B.col;
      let p0 = A.at + i0 * A.row, p1 = A.at + i1 * A.row, q = B.at + j0 * B.col;
      let s00 = y[y0 + j0], s01 = y[y0 + j1], s02 = y[y0 + j2], s03 = y[y0 + j3];
      let s10 = y[y1 + j0], s11 = y[y1 + j1], s12 = y[y1 + j2], s13 = y[y1 + j3];
      for (let l = 0; l < k; l++) {
        const a0 = a[p0], a1 = a[p1], b0 = b[q], b1 = b[q + to1], b2 = b[q + to2], b3 = b[q + to3];
        s00 += a0 * b0; s01 += a0 * b1; s02 += a0 * b2; s03 += a0 * b3;
        s10 += a1 * b0; s11 += a1 * b1; s12 += a1 * b2; s13 += a1 * b3;
        p0 += aCol; p1 += aCol; q += bRow;
      }
      y[y0 + j0] = s00; y[y0 + j1] = s01; y[y0 + j2] = s02; y[y0 + j3] = s03;
      y[y1 + j0] = s10; y[y1 + j1] = s11; y[y1 + j2] = s12; y[y1 + j3] = s13;
    }
  }
}

/**
 * GroupNorm: y = gamma xHat + beta, xHat = (x - mean) r, r = 1 / sqrt(variance + eps), over the pixels and channels of a group.
 * With g = dy gamma: dx = r (g - mean(g) - xHat mean(g xHat)).
 */
function groupNorm(net: UNet, name: string, x: Tensor): Applied {
  const { n, c, data } = x, groups = net.config.norm_num_groups, per = c / groups, count = x.h * x.w * per;
  const gamma = net.param(`${name}.weight`, [c]), beta = net.param(`${name}.bias`, [c]);
  const y = like(x), xHat = like(x), r = new Float64Array(n * groups);
  /** Visits the elements of one group of one image: i in the tensor, ch the channel. */
  const each = (group: number, visit: (i: number, ch: number) => void): void => {
    const first = (group % groups) * per, start = Math.floor(group / groups) * x.h * x.w * c;
    for (let pixel = start; pixel < start + x.h * x.w * c; pixel += c)
      for (let ch = first; ch < first + per; ch++) visit(pixel + ch, ch);
  };
  for (let group = 0; group < n * groups; group++) {
    let mean = 0, variance = 0;
    each(group, (i) => (mean += data[i]));
    mean /= count;
    each(group, (i) => (variance += (data[i] - mean) * (data[i] - mean)));
    r[group] = 1 / Math.sqrt(variance / count + net.config.norm_eps);
    each(group, (i, ch) => {
      xHat.data[i] = (data[i] - mean) * r[group];
      y.data[i] = gamma.value[ch] * xHat.data[i] + beta.value[ch];
    });
  }

  const back = (dy: Tensor): Tensor => {
    const dx = like(x);
    for (let group = 0; group < n * groups; group++) {
      let meanG = 0, meanGXHat = 0;
      each(group, (i, ch) => {
        const g = dy.data[i] * gamma.value[ch];
        meanG += g;
        meanGXHat += g * xHat.data[i];
        gamma.grad[ch] += dy.data[i] * xHat.data[i];
        beta.grad[ch] += dy.data[i];
      });
      meanG /= count;
      meanGXHat /= count;
      each(group, (i, ch) => {
        dx.data[i] = r[group] * (dy.data[i] * gamma.value[ch] - meanG - xHat.data[i] * meanGXHat);
      });
    }
    return dx;
  };
  return { y, back };
}

/** SiLU: y = x s(x) with the logistic function s(x) = 1 / (1 + e^-x); dx = dy s (1 + x (1 - s)). */
function silu(x: Tensor): Applied {
  const s = map(x, (value) => 1 / (1 + Math.exp(-value)));
  return {
    y: map(x, (value, i) => value * s.data[i]),
    back: (dy) => map(dy, (d, i) => d * s.data[i] * (1 + x.data[i] * (1 - s.data[i]))),
  };
}

/** GroupNorm, then SiLU: what stands before every 3 x 3 convolution of a block. */
function normSilu(net: UNet, name: string, x: Tensor): Applied {
  const norm = groupNorm(net, name, x), act = silu(norm.y);
  return { y: act.y, back: (dy) => norm.back(act.back(dy)) };
}

/** Nearest-neighbour upsampling by 2: every pixel becomes 2 x 2 of itself, so its gradient is the sum of those four. */
function upsample(x: Tensor): Applied {
  const y = tensor(x.n, 2 * x.h, 2 * x.w, x.c);
  /** For every element o of y, the element of x that it is a copy of. */
  const source = (o: number): number => {
    const ch = o % x.c, pixel = (o - ch) / x.c, column = pixel % y.w, row = (pixel - column) / y.w;
    return ((row >> 1) * x.w + (column >> 1)) * x.c + ch;                          // row counts through all images
  };
  for (let o = 0; o < y.data.length; o++) y.data[o] = x.data[source(o)];
  const back = (dy: Tensor): Tensor => {
    const dx = like(x);
    for (let o = 0; o < dy.data.length; o++) dx.data[source(o)] += dy.data[o];
    return dx;
  };
  return { y, back };
}

/** Joins the channels of two tensors, pixel by pixel; the way back cuts the gradient in two. */
function concat(a: Tensor, b: Tensor): { y: Tensor; back: (dy: Tensor) => [Tensor, Tensor] } {
  const c = a.c + b.c, y = tensor(a.n, a.h, a.w, c);
  const pick = (from: Tensor, first: number, to: Tensor): Tensor =>
    map(to, (_, i) => from.data[Math.floor(i / to.c) * c + first + (i % to.c)]);
  for (let pixel = 0; pixel < a.n * a.h * a.w; pixel++) {
    y.data.set(a.data.subarray(pixel * a.c, (pixel + 1) * a.c), pixel * c);
    y.data.set(b.data.subarray(pixel * b.c, (pixel + 1) * b.c), pixel * c + a.c);
  }
  return { y, back: (dy) => [pick(dy, 0, a), pick(dy, a.c, b)] };
}

/** x + one vector per image, on all its pixels; and the sum over pixels, which is its way back. */
const addPerImage = (x: Tensor, v: Tensor): Tensor => {
  const size = x.h * x.w * x.c;
  return map(x, (value, i) => value + v.data[Math.floor(i / size) * x.c + (i % x.c)]);
};
const sumPerImage = (x: Tensor): Tensor => {
  const y = tensor(x.n, 1, 1, x.c), size = x.h * x.w * x.c;
  for (let i = 0; i < x.data.length; i++) y.data[Math.floor(i / size) * x.c + (i % x.c)] += x.data[i];
  return y;
};
const accumulate = (sum: Tensor, x: Tensor): void => x.data.forEach((value, i) => (sum.data[i] += value));

// ------------------------------------------------------------------------------------------------------------ 5 the optimiser
/** Scales all gradients by min(1, max / |gradient|) and returns the norm |gradient| they had together. */
export function clipGradients(params: Map<string, Param>, max: number): number {
  let squares = 0;
  for (const { grad } of params.values()) for (const g of grad) squares += g * g;
  const norm = Math.sqrt(squares), scale = Math.min(1, max / (norm + 1e-6));
  for (const { grad } of params.values()) for (let i = 0; i < grad.length; i++) grad[i] *= scale;
  return norm;
}

/**
 * Adam (Kingma and Ba 2015, Algorithm 1), then the moving average of the weights, then gradients to zero. `step` counts from 1.
 * The average forgets over about 200 steps (the paper's: over 10,000 of its 800,000), and faster at the start.
 */
export function adam(params: Map<string, Param>, step: number, rate: number): void {
  const beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  const decay = Math.min(0.995, step / (step + 9));
  const unbias1 = 1 / (1 - beta1 ** step), unbias2 = 1 / (1 - beta2 ** step);      // m and v start at 0: this undoes the bias
  for (const { value, grad, m, v, ema } of params.values())
    for (let i = 0; i < value.length; i++) {
      m[i] = beta1 * m[i] + (1 - beta1) * grad[i];
      v[i] = beta2 * v[i] + (1 - beta2) * grad[i] * grad[i];
      value[i] -= (rate * m[i] * unbias1) / (Math.sqrt(v[i] * unbias2) + eps);
      ema[i] = decay * ema[i] + (1 - decay) * value[i];
      grad[i] = 0;
    }
}

// ------------------------------------------------------------------------------------------------------------------- 6 chance
/**
 * Philox2x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): ten rounds of multiplying and mixing turn
 * the two words (counter, stream) into two words that look random. There is no state: draw 1000 needs none of the 999 before it.
 */
export function philox2x32(counter: number, stream: number, key: number): [number, number] {
  const M = 0xd256d193;
  let a = counter >>> 0, b = stream >>> 0;
  for (let round = 0; round < 10; round++) {
    const high = Math.floor((M * (a >>> 16) + Math.floor((M * (a & 0xffff)) / 65536)) / 65536);   // upper word of the 64-bit M a
    const low = Math.imul(M, a) >>> 0;
    a = (high ^ (key + round * 0x9e3779b9) ^ b) >>> 0;
    b = low;
  }
  return [a, b];
}

/** A stream of random numbers that depends on (seed, stream) and on how many were drawn, and on nothing else. */
export class Random {
  private counter = 0;
  constructor(private readonly seed: number, private readonly stream: number) {}
  private pair(): number[] {
    return philox2x32(this.counter++, this.stream, this.seed).map((word) => (word + 0.5) / 2 ** 32);
  }
  /** Uniform in (0, 1). */
  uniform(): number { return this.pair()[0]; }
  /** Uniform among 0 ... n - 1. */
  integer(n: number): number { return Math.floor(n * this.uniform()); }
  /** A tensor of independent N(0, 1), by Box and Muller: a random radius and a random angle are two normals. */
  normal(n: number, h: number, w: number, c: number): Tensor {
    const x = tensor(n, h, w, c);
    for (let i = 0; i < x.data.length; i += 2) {
      const [u, v] = this.pair(), radius = Math.sqrt(-2 * Math.log(u));
      x.data[i] = radius * Math.cos(2 * Math.PI * v);
      if (i + 1 < x.data.length) x.data[i + 1] = radius * Math.sin(2 * Math.PI * v);
    }
    return x;
  }
}

// ----------------------------------------------------------------------------------------------------------- 7 pictures, main
/** All digits of a sheet of 28 x 28 tiles, as [N, 12, 12, 1] in [-1, 1]: an edge of 2 pixels is cut, 2 x 2 are averaged. */
export function readDigits(file: URL | string): Tensor {
  const png = PNG.sync.read(readFileSync(file)), columns = png.width / 28;
  const digits = tensor(columns * (png.height / 28), 12, 12, 1);
  const gray = (x: number, y: number): number => png.data[4 * (y * png.width + x)];            // bytes are RGBA
  return map(digits, (_, i) => {
    const tile = Math.floor(i / 144), x = (tile % columns) * 28 + 2 + 2 * (i % 12);
    const y = Math.floor(tile / columns) * 28 + 2 + 2 * (Math.floor(i / 12) % 12);
    return (gray(x, y) + gray(x + 1, y) + gray(x, y + 1) + gray(x + 1, y + 1)) / 4 / 127.5 - 1;
  });
}

/** Gray images in [-1, 1] as one PNG: `columns` of them side by side, each pixel drawn `zoom` pixels wide. */
export function writeGrid(file: string, x: Tensor, columns: number, zoom = 5): void {
  const png = new PNG({ width: columns * x.w * zoom, height: Math.ceil(x.n / columns) * x.h * zoom });
  for (let py = 0; py < png.height; py++)
    for (let px = 0; px < png.width; px++) {
      const column = Math.floor(px / zoom), row = Math.floor(py / zoom);
      const image = Math.floor(row / x.h) * columns + Math.floor(column / x.w);
      const value = x.data[((image * x.h + (row % x.h)) * x.w + (column % x.w)) * x.c] ?? -1;
      const gray = Math.round(Math.min(255, Math.max(0, (value + 1) * 127.5)));
      png.data.set([gray, gray, gray, 255], 4 * (py * png.width + px));
    }
  writeFileSync(file, PNG.sync.write(png));
}

/** Trains on the digits, then draws new ones. */
function main(): void {
  const { values } = parseArgs({ options: { steps: { type: 'string' }, out: { type: 'string' }, seed: { type: 'string' } } });
  const steps = Number(values.steps ?? 4000), seed = Number(values.seed ?? 0), out = values.out ?? 'ddpm-out';
  if (!Number.isInteger(steps) || steps < 1 || !Number.isInteger(seed)) throw new Error('--steps and --seed take whole numbers');
  const T = 100, batch = 4, drawn = 64, size = CONFIG.sample_size;

  const schedule = linearSchedule(T, 1000 / T);
  const digits = readDigits(new URL('../data/digits-28x28-gray-10000.png', import.meta.url));
  const net = new UNet(CONFIG, seed);
  const choices = new Random(seed, 1), noises = new Random(seed, 2), dreams = new Random(seed, 3);
  const weights = [...net.params.values()].reduce((sum, { value }) => sum + value.length, 0);
  console.log(`${digits.n} digits of ${size} x ${size}, ${weights} weights, ${steps} steps of ${batch} images`);

  const start = Date.now(), seconds = (): string => `${Math.round((Date.now() - start) / 1000)} s`;
  let losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const x0 = tensor(batch, size, size, 1), t: number[] = [];
    for (let i = 0; i < batch; i++) {
      const first = choices.integer(digits.n) * size * size;
      x0.data.set(digits.data.subarray(first, first + size * size), i * size * size);
      t.push(choices.integer(T));
    }
    const rate = 0.005 * Math.min(1, step / 100) * (1 - (step - 1) / steps);       // warm up, then straight down to 0
    losses.push(trainStep(net, schedule, x0, t, noises.normal(batch, size, size, 1), step, rate).loss);
    if (step % 200 && step < steps) continue;
    console.log(`step ${step}  loss ${(losses.reduce((a, b) => a + b) / losses.length).toFixed(4)}  ${seconds()}`);
    losses = [];
  }

  for (const { value, ema } of net.params.values()) value.set(ema);
  const noise = (): Tensor => dreams.normal(drawn, size, size, 1);
  const images = sample((x, t) => net.forward(x, Array<number>(drawn).fill(t)).y, schedule, noise(), noise);
  mkdirSync(out, { recursive: true });
  writeGrid(join(out, 'samples.png'), images, 8);
  console.log(`${drawn} new digits in ${join(out, 'samples.png')} after ${seconds()}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
