/** One kernel or op a bench. */
import {
  adamUpdate, add, attention, conv2d, convOutput, groupNorm, groupNormSilu, matmul, sizeOf, softmax, sum, tensor,
  type DType, type Device, type Shape, type Tensor,
} from "@fromnoise/tensor";
import type { Bench, Cost, Input, Sizes, Workload } from "./bench.js";
import { fill } from "./fill.js";

type Tensors = Readonly<Record<string, Tensor>>;

interface KernelBench {
  title(s: Sizes): string;
  cost(s: Sizes): Cost;
  inputs(s: Sizes): Readonly<Record<string, Input>>;
  /** What a backward pass is given from the forward pass, computed once, outside of what is timed; nothing unless said. */
  saved?(x: Tensors, s: Sizes): Tensors;
  /** The results: new tensors, or inputs that an update replaced. */
  compute(x: Tensors, s: Sizes): Tensor[];
}

const KERNEL_TOLERANCE = 1e-4;
const TRANSFERS = 3;

function kernelBench(bench: KernelBench): Bench<Sizes> {
  return { ...bench, model: false, tolerance: KERNEL_TOLERANCE, open: (s, device, dtype) => openKernel(bench, s, device, dtype) };
}

function openKernel(bench: KernelBench, s: Sizes, device: Device, dtype: DType): Workload {
  const inputs = Object.entries(bench.inputs(s)).map(([name, input]) => ({ name, shape: input.shape, values: valuesOf(input) }));
  const upload = (): Tensors => Object.fromEntries(
    inputs.map(({ name, shape, values }) => [name, device.keep(tensor(values, { device, dtype, shape }))]),
  );
  const uploaded = upload();
  const x = { ...uploaded, ...device.scope(() => bench.saved?.(uploaded, s)) };
  const isInput = new Set(Object.values(x));
  const compute = (): Tensor[] => device.scope(() => bench.compute(x, s));
  const release = (tensors: Iterable<Tensor>): void => {
    for (const t of tensors) if (!isInput.has(t)) t.dispose();
  };
  return {
    run: () => device.scope(() => void bench.compute(x, s)),
    async results() {
      const y = compute();
      const values = [];
      for (const t of y) values.push(Float64Array.from(await t.data()));
      release(y);
      return values;
    },
    async transfer() {
      let [up, back] = [Infinity, Infinity];
      for (let i = 0; i < TRANSFERS; i++) {
        let start = performance.now();
        const copies = upload();
        await device.sync();
        up = Math.min(up, performance.now() - start);
        release(Object.values(copies));
        const y = compute();
        await device.sync();
        start = performance.now();
        for (const t of y) await t.data();
        back = Math.min(back, performance.now() - start);
        release(y);
      }
      return { upload: up, readback: back };
    },
    dispose: () => isInput.forEach((t) => t.dispose()),
  };
}

/** The values of a closed-form input. */
export function valuesOf({ shape, k, scale, base }: Input): Float64Array {
  return fill(sizeOf(shape), k, scale, base);
}

const F32 = 4; // bytes

/** The sizes of a convolution, its output, and its three tensors. */
function convolution({ n, h, w, cin, cout, kh, kw, stride, pad }: Sizes) {
  const [oh, ow] = convOutput({ n, h, w, cin, cout, kh, kw, stride, pad: [pad, pad, pad, pad] });
  const [x, weight, dy]: Shape[] = [[n, h, w, cin], [kh, kw, cin, cout], [n, oh, ow, cout]];
  return { x, weight, dy, flops: 2 * sizeOf(dy) * kh * kw * cin, attrs: { stride, padding: pad } };
}

function convBench(
  inputs: readonly ("x" | "w" | "dy")[], compute: (t: Tensors, c: ReturnType<typeof convolution>) => Tensor,
): Bench<Sizes> {
  return kernelBench({
    title: ({ n, h, w, cin, cout, kh, kw, stride }) =>
      `B${n} ${cin}->${cout} ${h}x${w}${kh === 3 && kw === 3 ? "" : ` k${kh}x${kw}`}${stride === 1 ? "" : ` stride ${stride}`}`,
    cost: (s) => {
      const { x, weight, dy, flops } = convolution(s);
      return { flops, bytes: F32 * (sizeOf(x) + sizeOf(weight) + sizeOf(dy)) };
    },
    inputs: (s) => {
      const { x, weight, dy } = convolution(s);
      const all = { x: { shape: x, k: 0 }, w: { shape: weight, k: 1, scale: 0.1 }, dy: { shape: dy, k: 2 } };
      return Object.fromEntries(inputs.map((name) => [name, all[name]]));
    },
    compute: (t, s) => [compute(t, convolution(s))],
  });
}

const GROUP_NORM_EPS = 1e-5;
const normTitle = ({ n, h, w, c }: Sizes): string => `${n}x${h}x${w}x${c}`;
const normInputs = ({ n, h, w, c }: Sizes): Record<string, Input> => ({
  x: { shape: [n, h, w, c], k: 0 }, gamma: { shape: [c], k: 1, scale: 0.1, base: 1 }, beta: { shape: [c], k: 2, scale: 0.1 },
});

/** Adam's factors at the first step: lr 1e-3, betas 0.9 and 0.999, eps 1e-8. */
const ADAM = {
  lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, correction1: 0.1, correction2: 0.001, weightDecay: 0, gradScale: 1,
};

export const kernelBenches = {
  "matmul": kernelBench({
    title: ({ m, k, n }) => (m === k && k === n ? `${m}^3` : `${m}x${k}x${n}`),
    cost: ({ m, k, n }) => ({ flops: 2 * m * k * n, bytes: F32 * (m * k + k * n + m * n) }),
    inputs: ({ m, k, n }) => ({ a: { shape: [m, k], k: 0 }, b: { shape: [k, n], k: 1 } }),
    compute: ({ a, b }) => [matmul(a, b)],
  }),
  "conv2d-forward": convBench(["x", "w"], ({ x, w }, { attrs }) => conv2d.forward(x, w, undefined, attrs)),
  "conv2d-grad-input": convBench(["dy", "w"], ({ dy, w }, { x, attrs }) => conv2d.gradInput(dy, w, x, attrs)),
  "conv2d-grad-weight": convBench(["dy", "x"], ({ dy, x }, { weight, attrs }) => conv2d.gradWeight(dy, x, weight, attrs)),
  "groupnorm-silu-forward": kernelBench({
    title: normTitle, inputs: normInputs,
    cost: ({ n, h, w, c }) => ({ flops: 0, bytes: 3 * F32 * n * h * w * c }), // x twice: for the statistics, then for y
    compute: ({ x, gamma, beta }, { groups }) =>
      [groupNormSilu.forward(x, groupNorm.stats(x, { groups, eps: GROUP_NORM_EPS }), gamma, beta, { groups })],
  }),
  "groupnorm-silu-backward": kernelBench({
    title: normTitle,
    inputs: (s) => ({ ...normInputs(s), dy: { shape: [s.n, s.h, s.w, s.c], k: 3 } }),
    cost: ({ n, h, w, c }) => ({ flops: 0, bytes: 5 * F32 * n * h * w * c }), // x and dy twice: for the sums, then for dx
    saved: ({ x }, { groups }) => ({ stats: groupNorm.stats(x, { groups, eps: GROUP_NORM_EPS }) }),
    compute: ({ x, stats, gamma, beta, dy }, { groups }) => {
      const { dx, dgamma, dbeta } = groupNormSilu.backward(dy, x, stats, gamma, beta, { groups });
      return [dx, dgamma, dbeta];
    },
  }),
  "softmax": kernelBench({
    title: ({ rows, n }) => `${rows}x${n}`,
    cost: ({ rows, n }) => ({ flops: 0, bytes: 2 * F32 * rows * n }),
    inputs: ({ rows, n }) => ({ x: { shape: [rows, n], k: 0, scale: 3 } }),
    compute: ({ x }) => [softmax.forward(x)],
  }),
  "attention": kernelBench({
    title: ({ batch, length, d }) => `B${batch} L${length} d${d}`,
    cost: ({ batch, length, d }) => ({ flops: 4 * batch * length * length * d, bytes: 4 * F32 * batch * length * d }),
    inputs: ({ batch, length, d }) => {
      const shape = [batch, length, d];
      return { q: { shape, k: 0 }, k: { shape, k: 1 }, v: { shape, k: 2 } };
    },
    compute: ({ q, k, v }) => [attention.forward(q, k, v, { heads: 1 })],
  }),
  "elementwise": kernelBench({
    title: ({ n }) => `add ${n}`,
    cost: ({ n }) => ({ flops: n, bytes: 3 * F32 * n }),
    inputs: ({ n }) => ({ a: { shape: [n], k: 0 }, b: { shape: [n], k: 1 } }),
    compute: ({ a, b }) => [add(a, b)],
  }),
  "reduce": kernelBench({
    title: ({ rows, n }) => `sum ${rows}x${n}`,
    cost: ({ rows, n }) => ({ flops: rows * n, bytes: F32 * rows * n }),
    inputs: ({ rows, n }) => ({ x: { shape: [rows, n], k: 0 } }),
    compute: ({ x }) => [sum(x, { axes: 1 })],
  }),
  "adam": kernelBench({
    title: ({ n }) => `${n}`,
    cost: ({ n }) => ({ flops: 0, bytes: 7 * F32 * n }), // reads p, m, v, g; writes p, m, v
    inputs: ({ n }) => ({
      p: { shape: [n], k: 0 }, g: { shape: [n], k: 1 }, m: { shape: [n], k: 2, scale: 0 }, v: { shape: [n], k: 3, scale: 0 },
    }),
    compute: ({ p, m, v, g }) => {
      adamUpdate([{ p, m, v, g }], ADAM);
      return [p];
    },
  }),
};
