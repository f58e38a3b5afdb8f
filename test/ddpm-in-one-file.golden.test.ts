/**
 * docs/ddpm-in-one-file.ts against numbers from outside: the network and every gradient of `unet_tiny_ho.json` (computed with
 * PyTorch in float64), known answers of Philox, and the paper's own equations.
 */
import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CONFIG, Random, UNet, adam, clipGradients, linearSchedule, lossSimple, philox2x32, qSample, readDigits, sample, sinusoids,
  tensor, trainStep, writeGrid, type Config, type Param, type Tensor,
} from '../docs/ddpm-in-one-file.js';

interface GoldenParam { name: string; shape: number[]; grad_sum: number; grad_l2: number; grad_first: number[] }
interface Golden {
  fill: { phase: number; step: number; chirp: number };
  config: Config; t: number[]; output: number[]; loss: number; params: GoldenParam[];
  input: { shape: [number, number, number, number]; data: number[] };
}

const golden = JSON.parse(readFileSync(new URL('../packages/nn/test/golden/unet_tiny_ho.json', import.meta.url), 'utf8')) as Golden;

/** Element j of tensor k is base + scale sin(phase (k + 1) + step j + chirp j j). */
function fill(k: number, scale: number, base: number, count: number): number[] {
  const { phase, step, chirp } = golden.fill;
  return Array.from({ length: count }, (_, j) => base + scale * Math.sin(phase * (k + 1) + step * j + chirp * j * j));
}

/** [N,C,H,W] to channels last. */
function fromNCHW(data: number[], [n, c, h, w]: [number, number, number, number]): Tensor {
  const x = tensor(n, h, w, c);
  for (let i = 0; i < data.length; i++) {
    const column = i % w, row = Math.floor(i / w) % h, channel = Math.floor(i / (w * h)) % c, image = Math.floor(i / (w * h * c));
    x.data[((image * h + row) * w + column) * c + channel] = data[i];
  }
  return x;
}

/** Where element j of PyTorch's [Cout,Cin,kh,kw] (or [out,in], or [C]) lies in this file's [kh,kw,Cin,Cout]. */
function place(j: number, { shape }: Param): number {
  if (shape.length === 1) return j;
  const [kh, kw, cin, cout] = shape;
  const tap = j % (kh * kw), input = Math.floor(j / (kh * kw)) % cin, output = Math.floor(j / (kh * kw * cin));
  return (tap * cin + input) * cout + output;
}

/** The network of the golden file, weights filled as it says. */
function goldenNet(): UNet {
  const net = new UNet(golden.config);
  golden.params.forEach(({ name }, k) => {
    const param = net.params.get(name)!;
    const base = name.includes('norm') && name.endsWith('.weight') ? 1 : 0;
    fill(k, 0.1, base, param.value.length).forEach((value, j) => (param.value[place(j, param)] = value));
  });
  return net;
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((top, value) => Math.max(top, Math.abs(value)), 0);

describe('DDPM in one file, against PyTorch', () => {
  const net = goldenNet();
  const { shape, data } = golden.input;
  const epsTheta = net.forward(fromNCHW(data, shape), golden.t);
  const count = golden.output.length;
  const { loss, dEpsTheta } = lossSimple(epsTheta.y, fromNCHW(fill(77, 1, 0, count), shape));
  const dx = epsTheta.back(dEpsTheta);

  it('has the parameters of the diffusers network, by name and shape', () => {
    const torchShape = ({ shape: s }: Param, own: number[]): number[] =>
      s.length === 1 ? s : own.length === 2 ? [s[3], s[2]] : [s[3], s[2], s[0], s[1]];
    expect([...net.params.keys()].sort()).to.deep.equal(golden.params.map(({ name }) => name).sort());
    for (const { name, shape: own } of golden.params) expect(torchShape(net.params.get(name)!, own), name).to.deep.equal(own);
  });

  it('computes the output to 1e-9', () => {
    const expected = fromNCHW(golden.output, shape).data;
    expect(largest(expected.map((value, i) => value - epsTheta.y.data[i])) / largest(expected)).to.be.below(1e-9);
    expect(Math.abs(loss / golden.loss - 1)).to.be.below(1e-9);
  });

  it('computes the gradient of every parameter to 1e-9', () => {
    const floor = 1e-4 * Math.max(...golden.params.map(({ grad_l2 }) => grad_l2));
    for (const { name, grad_sum, grad_l2, grad_first } of golden.params) {
      const param = net.params.get(name)!, { grad } = param, D = Math.max(grad_l2, floor);
      const l2 = Math.hypot(...grad), sum = grad.reduce((a, b) => a + b, 0);
      expect(Math.abs(l2 - grad_l2) / D, `${name} l2`).to.be.below(1e-9);
      expect(Math.abs(sum - grad_sum) / (Math.sqrt(grad.length) * D), `${name} sum`).to.be.below(1e-9);
      const worst = largest(grad_first.map((value, j) => value - grad[place(j, param)]));
      expect(worst / D, `${name} first elements`).to.be.below(1e-9);
    }
  });

  it('can walk back twice: the same dx, and gradients that add up', () => {
    const again = goldenNet(), { y, back } = again.forward(fromNCHW(data, shape), golden.t);
    const { grad } = again.params.get('conv_in.weight')!;
    const one = back(y), once = grad.slice();
    expect(back(y).data).to.deep.equal(one.data);
    expect(largest(grad.map((value, i) => value - 2 * once[i])) / largest(once)).to.be.below(1e-12);
  });

  it('computes the gradient of the input, as finite differences do', () => {
    const target = fromNCHW(fill(77, 1, 0, count), shape), x = fromNCHW(data, shape), h = 1e-5;
    const lossAt = (i: number, step: number): number => {
      const moved = tensor(x.n, x.h, x.w, x.c, x.data.slice());
      moved.data[i] += step;
      return lossSimple(net.forward(moved, golden.t).y, target).loss;
    };
    for (const i of [0, 37, 101, 255]) expect((lossAt(i, h) - lossAt(i, -h)) / (2 * h)).to.be.closeTo(dx.data[i], 1e-9);
  });
});

interface GoldenTraining {
  batch: number; schedule: { timesteps: number }; steps: { loss: number; grad_norm: number }[]; final_l2: Record<string, number>;
  optimizer: { lr: number };
}

describe('DDPM in one file, training', () => {
  it('repeats twelve training steps of PyTorch to 1e-9: loss, gradient norm, and the weights at the end', () => {
    const file = new URL('../packages/diffusion/test/golden/train_tiny_ho.json', import.meta.url);
    const { batch, schedule, steps, final_l2, optimizer } = JSON.parse(readFileSync(file, 'utf8')) as GoldenTraining;
    const net = goldenNet(), T = schedule.timesteps, side = golden.config.sample_size, channels = golden.config.in_channels;
    const images = (k: number, scale: number, f = (value: number) => value): Tensor =>
      fromNCHW(fill(k, scale, 0, batch * channels * side * side).map(f), [batch, channels, side, side]);
    steps.forEach((expected, s) => {
      const t = Array.from({ length: batch }, (_, i) => (37 * s + 251 * i) % T);
      const x0 = images(300 + s, 1.5, Math.tanh), eps = images(600 + s, 1.4);
      const { loss, gradNorm } = trainStep(net, linearSchedule(T), x0, t, eps, s + 1, optimizer.lr);
      expect(Math.abs(loss / expected.loss - 1), `loss of step ${s}`).to.be.below(1e-9);
      expect(Math.abs(gradNorm / expected.grad_norm - 1), `gradient norm of step ${s}`).to.be.below(1e-9);
    });
    for (const [name, l2] of Object.entries(final_l2))
      expect(Math.abs(Math.hypot(...net.params.get(name)!.value) / l2 - 1), name).to.be.below(1e-9);
  });

  it('lowers the loss on a batch seen twice, on the network it trains by default', () => {
    const net = new UNet(CONFIG, 1), random = new Random(1, 9), schedule = linearSchedule(100, 10);
    const x0 = random.normal(2, 12, 12, 1), eps = random.normal(2, 12, 12, 1), t = [10, 60];
    const first = trainStep(net, schedule, x0, t, eps, 1, 1e-3), second = trainStep(net, schedule, x0, t, eps, 2, 1e-3);
    const third = lossSimple(net.forward(qSample(schedule, x0, t, eps), t).y, eps);
    expect(first.loss).to.be.closeTo(eps.data.reduce((sum, e) => sum + e * e, 0) / eps.data.length, 1e-12);
    expect(second.loss).to.be.below(first.loss);
    expect(third.loss).to.be.below(second.loss);
  });

  it('leaves gradients at zero and moves by the learning rate in the first step of Adam', () => {
    const param = { shape: [2], value: Float64Array.of(1, 1), grad: Float64Array.of(0.3, -4), m: new Float64Array(2),
      v: new Float64Array(2), ema: Float64Array.of(1, 1) };
    const params = new Map([['w', param]]);
    expect(clipGradients(params, 100)).to.be.closeTo(Math.hypot(0.3, 4), 1e-12);
    adam(params, 1, 0.01);
    expect(param.value[0]).to.be.closeTo(0.99, 1e-8);
    expect(param.value[1]).to.be.closeTo(1.01, 1e-8);
    expect([...param.grad]).to.deep.equal([0, 0]);
    expect(clipGradients(params, 1)).to.equal(0);
  });
});

describe('DDPM in one file, diffusion', () => {
  const T = 50, schedule = linearSchedule(T, 1000 / T), { betas, alphas, alphaBar } = schedule;

  it('has the linear schedule of the paper', () => {
    const paper = linearSchedule(1000);
    expect([paper.betas[0], paper.betas[999]]).to.deep.equal([1e-4, 0.02]);
    expect(paper.alphaBar[999]).to.be.closeTo(4.03583e-5, 1e-10);
  });

  it('samples by line 4 of Algorithm 2 where nothing is clamped, with no noise in the last step', () => {
    const random = new Random(3, 0), xT = random.normal(2, 3, 3, 1), asked: number[] = [];
    const z = Array.from({ length: T }, () => random.normal(2, 3, 3, 1));
    const predict = (x: Tensor, t: number): Tensor => tensor(x.n, x.h, x.w, x.c, x.data.map((value) => Math.sin(3 * value + t)));
    const drawn = sample(predict, schedule, xT, (t) => (asked.push(t), z[t]), Infinity);
    let x = xT.data;
    for (let t = T - 1; t >= 0; t--) {
      const eps = predict({ ...xT, data: x }, t).data;
      const sigma = t > 0 ? Math.sqrt((betas[t] * (1 - alphaBar[t - 1])) / (1 - alphaBar[t])) : 0;
      const ofEps = betas[t] / Math.sqrt(1 - alphaBar[t]);
      x = x.map((value, i) => (value - ofEps * eps[i]) / Math.sqrt(alphas[t]) + sigma * z[t].data[i]);
    }
    expect(largest(x.map((value, i) => value - drawn.data[i])) / largest(x)).to.be.below(1e-12);
    expect(asked).to.deep.equal(Array.from({ length: T - 1 }, (_, i) => T - 1 - i));
  });

  it('finds x0 again from any noise when the guess is exact', () => {
    const random = new Random(4, 0), x0 = tensor(1, 4, 4, 1, random.normal(1, 4, 4, 1).data.map(Math.tanh));
    const exact = (x: Tensor, t: number): Tensor => tensor(1, 4, 4, 1,
      x.data.map((value, i) => (value - Math.sqrt(alphaBar[t]) * x0.data[i]) / Math.sqrt(1 - alphaBar[t])));
    const drawn = sample(exact, schedule, random.normal(1, 4, 4, 1), () => random.normal(1, 4, 4, 1));
    expect(largest(drawn.data.map((value, i) => value - x0.data[i]))).to.be.below(1e-12);
  });

  it('mixes signal and noise image by image, each at its own time', () => {
    const ones = tensor(2, 1, 1, 1, Float64Array.of(1, 1)), zeros = tensor(2, 1, 1, 1), t = [0, 30];
    expect([...qSample(schedule, ones, t, zeros).data]).to.deep.equal(t.map((i) => Math.sqrt(alphaBar[i])));
    expect([...qSample(schedule, zeros, t, ones).data]).to.deep.equal(t.map((i) => Math.sqrt(1 - alphaBar[i])));
  });

  it('embeds time as sines, then cosines, from frequency 1 down to 1e-4', () => {
    const angles = [7, 7 * 1e-2, 7 * 1e-4], expected = [...angles.map(Math.sin), ...angles.map(Math.cos)];
    expect(largest(sinusoids([7], 6).data.map((value, i) => value - expected[i]))).to.be.below(1e-15);
  });

  it('draws the known answers of Philox, and normals with the moments of N(0, 1)', () => {
    expect(philox2x32(0, 0, 0)).to.deep.equal([0xff1dae59, 0x6cd10df2]);
    expect(philox2x32(0xffffffff, 0xffffffff, 0xffffffff)).to.deep.equal([0x2c3f628b, 0xab4fd7ad]);
    expect(philox2x32(0x243f6a88, 0x85a308d3, 0x13198a2e)).to.deep.equal([0xdd7ce038, 0xf62a4c12]);
    const { data } = new Random(5, 0).normal(1, 100, 100, 1);
    const moment = (power: number): number => data.reduce((sum, value) => sum + value ** power, 0) / data.length;
    expect(moment(1)).to.be.closeTo(0, 0.04);
    expect(moment(2)).to.be.closeTo(1, 0.06);
    expect(moment(4)).to.be.closeTo(3, 0.4);
    expect(new Random(5, 0).normal(1, 1, 1, 3).data).to.deep.equal(data.slice(0, 3));
    expect(new Random(5, 1).uniform()).to.not.equal(new Random(5, 0).uniform());
  });
});

describe('DDPM in one file, pictures', () => {
  let folder = '';
  before(() => (folder = mkdtempSync(join(tmpdir(), 'ddpm-'))));
  after(() => rmSync(folder, { recursive: true }));

  it('draws a grid row by row, every pixel enlarged, -1 black, 1 white, anything beyond cut and an empty place black', () => {
    const x = new Random(6, 0).normal(3, 14, 14, 1), file = join(folder, 'grid.png');
    writeGrid(file, x, 2, 2);                                    // twice 14 is a tile of 28: the reader of digits reads it
    const tiles = readDigits(file);
    expect(tiles.n).to.equal(4);
    const expected = Array.from({ length: 4 * 144 }, (_, i) => {
      const image = Math.floor(i / 144), row = 1 + (Math.floor(i / 12) % 12), column = 1 + (i % 12);
      return image < 3 ? Math.max(-1, Math.min(1, x.data[(image * 14 + row) * 14 + column])) : -1;
    });
    expect(largest(tiles.data.map((value, i) => value - expected[i]))).to.be.below(0.5 / 127.5 + 1e-12);
  });

  it('reads tiles left to right and down, cuts their edges and averages 2 x 2 pixels', () => {
    const sheet = tensor(4, 28, 28, 1), file = join(folder, 'sheet.png');
    sheet.data.fill(1);
    for (let tile = 0; tile < 4; tile++)
      for (let row = 2; row < 26; row++)
        for (let column = 2; column < 26; column++)
          sheet.data[(tile * 28 + row) * 28 + column] = (row === 4 || column === 7 ? 0 : 255 - tile) / 127.5 - 1;
    writeGrid(file, sheet, 2, 1);
    const digits = readDigits(file);
    expect([digits.n, digits.h, digits.w, digits.c]).to.deep.equal([4, 12, 12, 1]);
    const share = (row: number, column: number): number => (row === 1 ? 0.5 : 1) * (column === 2 ? 0.5 : 1);
    const expected = Array.from({ length: 576 }, (_, i) =>
      ((255 - Math.floor(i / 144)) * share(Math.floor(i / 12) % 12, i % 12)) / 127.5 - 1);
    expect(largest(digits.data.map((value, i) => value - expected[i]))).to.be.below(1e-12);
  });
});
