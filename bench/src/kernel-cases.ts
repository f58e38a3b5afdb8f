/** One kernel or op a bench, over sizes that show where a device begins to pay. */
import {
  adamUpdate, add, attention, conv2d, convOutput, groupNorm, groupNormSilu, matmul, softmax, sum, tensor, zerosLike, type DType, type Device, type Shape, type Tensor,
} from "@fromnoise/tensor";
import type { BenchCase, BenchName, BenchShape, Workload } from "./case.js";
import { fill } from "./fill.js";

type Inputs = Record<string, Tensor>;

/** A bench whose inputs are given by shape, number and scale, and whose results are tensors. */
function kernelCase(
  bench: BenchName, shape: BenchShape, title: string, quick: boolean, cost: { flops: number; bytes: number },
  inputs: Readonly<Record<string, [shape: Shape, k: number, scale?: number, base?: number]>>, compute: (x: Inputs) => Tensor[],
): BenchCase {
  const upload = (device: Device, dtype: DType): Inputs => Object.fromEntries(Object.entries(inputs).map(([name, [s, k, scale, base]]) => {
    const n = s.reduce((a, b) => a * b, 1);
    return [name, device.keep(tensor(fill(n, k, scale, base), { device, dtype, shape: s }))];
  }));
  return {
    bench, shape, title, quick, ...cost,
    open: async (device, dtype): Promise<Workload> => {
      const x = upload(device, dtype);
      return {
        run: () => device.scope(() => void compute(x)),
        results: () => read(device.scope(() => compute(x))),
        upload: () => Object.values(upload(device, dtype)),
        dispose: () => Object.values(x).forEach((t) => t.dispose()),
      };
    },
  };
}

async function read(tensors: Tensor[]): Promise<Float64Array[]> {
  const values = [];
  for (const t of tensors) {
    values.push(Float64Array.from(await t.data()));
    t.dispose();
  }
  return values;
}

const F32 = 4;

function matmulCase(size: number, quick: boolean): BenchCase {
  return kernelCase("matmul", { m: size, k: size, n: size }, `${size}^3`, quick, { flops: 2 * size ** 3, bytes: 3 * F32 * size ** 2 },
    { a: [[size, size], 0], b: [[size, size], 1] }, ({ a, b }) => [matmul(a, b)]);
}

function convCases([n, side, cin, cout, k = 3, stride = 1]: readonly number[], quick: boolean): BenchCase[] {
  const pad = (k - 1) / 2;
  const shape = { n, h: side, w: side, cin, cout, kh: k, kw: k, stride, pad };
  const [oh, ow] = convOutput({ ...shape, pad: [pad, pad, pad, pad] });
  const title = `B${n} ${cin}->${cout} ${side}x${side}${k === 3 ? "" : ` ${k}x${k}`}${stride === 1 ? "" : ` /${stride}`}`;
  const cost = { flops: 2 * n * oh * ow * k * k * cin * cout, bytes: F32 * (n * side * side * cin + n * oh * ow * cout + k * k * cin * cout) };
  const attrs = { stride, padding: pad };
  const x: [Shape, number] = [[n, side, side, cin], 0];
  const w: [Shape, number, number] = [[k, k, cin, cout], 1, 0.1];
  const dy: [Shape, number] = [[n, oh, ow, cout], 2];
  return [
    kernelCase("conv2d-forward", shape, title, quick, cost, { x, w }, (t) => [conv2d.forward(t["x"], t["w"], undefined, attrs)]),
    kernelCase("conv2d-grad-input", shape, title, quick, cost, { dy, w }, (t) => [conv2d.gradInput(t["dy"], t["w"], x[0], attrs)]),
    kernelCase("conv2d-grad-weight", shape, title, quick, cost, { dy, x }, (t) => [conv2d.gradWeight(t["dy"], t["x"], w[0], attrs)]),
  ];
}

function groupNormCases(n: number, side: number, c: number, quick: boolean): BenchCase[] {
  const groups = 8, eps = 1e-5, size = n * side * side * c;
  const shape = { n, h: side, w: side, c, groups };
  const title = `${n}x${side}x${side}x${c}`;
  const parameters = { x: [[n, side, side, c], 0], gamma: [[c], 1, 0.1, 1], beta: [[c], 2, 0.1] } as const;
  return [
    kernelCase("groupnorm-silu-forward", shape, title, quick, { flops: 0, bytes: 3 * F32 * size }, { ...parameters },
      ({ x, gamma, beta }) => [groupNormSilu.forward(x, groupNorm.stats(x, { groups, eps }), gamma, beta, { groups })]),
    kernelCase("groupnorm-silu-backward", shape, title, quick, { flops: 0, bytes: 5 * F32 * size }, { ...parameters, dy: [[n, side, side, c], 3] },
      ({ x, gamma, beta, dy }) => {
        const { dx, dgamma, dbeta } = groupNormSilu.backward(dy, x, groupNorm.stats(x, { groups, eps }), gamma, beta, { groups });
        return [dx, dgamma, dbeta];
      }),
  ];
}

function adamCase(n: number, quick: boolean): BenchCase {
  const scalars = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, correction1: 0.1, correction2: 0.001, weightDecay: 0, gradScale: 1 };
  const open = async (device: Device, dtype: DType): Promise<Workload> => {
    const [p, g] = [0, 1].map((k) => device.keep(tensor(fill(n, k), { device, dtype, shape: [n] })));
    const [m, v] = [0, 1].map(() => device.keep(zerosLike(p)));
    return {
      run: () => adamUpdate({ p, m, v, g }, scalars),
      results: async () => {
        adamUpdate({ p, m, v, g }, scalars);
        return [Float64Array.from(await p.data())];
      },
      dispose: () => [p, g, m, v].forEach((t) => t.dispose()),
    };
  };
  return { bench: "adam", shape: { n }, title: `${n}`, quick, flops: 0, bytes: 7 * F32 * n, open };
}

function softmaxCase(rows: number, n: number, quick: boolean): BenchCase {
  return kernelCase("softmax", { rows, n }, `${rows}x${n}`, quick, { flops: 0, bytes: 2 * F32 * rows * n }, { x: [[rows, n], 0, 3] }, ({ x }) => [softmax.forward(x)]);
}

function attentionCase(batch: number, length: number, d: number, quick: boolean): BenchCase {
  const shape: Shape = [batch, length, d];
  return kernelCase("attention", { batch, length, d }, `B${batch} L${length} d${d}`, quick, { flops: 4 * batch * length * length * d, bytes: 4 * F32 * batch * length * d },
    { q: [shape, 0], k: [shape, 1], v: [shape, 2] }, ({ q, k, v }) => [attention.forward(q, k, v, { heads: 1 })]);
}

function elementwiseCase(n: number, quick: boolean): BenchCase {
  return kernelCase("elementwise", { n }, `add ${n}`, quick, { flops: n, bytes: 3 * F32 * n }, { a: [[n], 0], b: [[n], 1] }, ({ a, b }) => [add(a, b)]);
}

function reduceCase(rows: number, n: number, quick: boolean): BenchCase {
  return kernelCase("reduce", { rows, n }, `sum ${rows}x${n}`, quick, { flops: rows * n, bytes: F32 * rows * n }, { x: [[rows, n], 0] }, ({ x }) => [sum(x, { axes: 1 })]);
}

export const kernelCases: readonly BenchCase[] = [
  ...[64, 128, 256, 512, 1024].map((size) => matmulCase(size, size === 512)),
  ...[[16, 32, 32, 32], [16, 16, 64, 64], [16, 8, 128, 128], [16, 16, 128, 64], [1, 32, 128, 128]].flatMap((s, i) => convCases(s, i === 1)),
  ...[[16, 32, 1, 32], [16, 16, 64, 128, 1], [16, 32, 32, 32, 3, 2]].flatMap((s) => convCases(s, false)),
  ...[16, 32, 64].flatMap((side) => groupNormCases(16, side, 64, side === 32)),
  softmaxCase(256, 64, false), softmaxCase(4096, 256, true),
  attentionCase(16, 64, 128, true), attentionCase(16, 256, 64, false),
  elementwiseCase(4096, false), elementwiseCase(65536, false), elementwiseCase(1 << 20, true),
  reduceCase(1024, 1024, true),
  adamCase(10_000, false), adamCase(1_000_000, true),
];
