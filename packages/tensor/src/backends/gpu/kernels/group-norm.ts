/**
 * Group normalisation over x [n, hw, c]: rows are pixels (n, position), columns channels. Sums over a group run in two steps: one
 * thread for each channel of a chunk of pixels, then one for each group. The pixels of an image are cut into equal chunks.
 */
import type { GroupNormAttrs, Kernel } from "../../../kernels/contract.js";
import { launch, withScratch, type GpuArray } from "../engine/engine.js";
import { reduce } from "./reduce.js";
import { line, matrix } from "../engine/space.js";

/** The largest divisor of hw that is at most 64: pixels one thread sums. */
function chunkOf(hw: number): number {
  for (let length = Math.min(hw, 64); ; length--) if (hw % length === 0) return length;
}

/**
 * Chan, Golub and LeVeque (1979): each chunk of a channel gives its mean and its squares about that mean,
 *   mean = mean of the chunks' means, squares = sum of the chunks' squares + length (chunk's mean - mean)^2,
 * so that no large numbers cancel.
 */
export const groupNormStats: Kernel<"groupNormStats", GpuArray> = (y, { x }, { n, hw, c, groups }, { eps }) => {
  const length = chunkOf(hw);
  const chunks = hw / length;
  withScratch(y, [n * chunks * 2 * c], (partial) => {
    launch(partial, {
      kernel: "groupNormStats (chunks)", output: matrix(n * chunks, 2 * c), inputs: { x: [x, matrix(n * hw, c)] }, sizes: { c, length },
      body: `
  const channel = col - c * div(col, c);                     // columns c .. 2c - 1 hold the squares
  let sum = 0;
  for (let k = 0; k < length; k++) {
    sum += x[row * length + k, channel];
  }
  const mean = sum / length;
  let squares = 0;
  if (col >= c) {
    for (let k = 0; k < length; k++) {
      const d = x[row * length + k, channel] - mean;
      squares += d * d;
    }
    return squares;
  }
  return mean;`,
    });
    launch(y, {
      kernel: "groupNormStats", output: matrix(n, 2 * groups), inputs: { partial: [partial, matrix(n * chunks, 2 * c)] },
      sizes: { c, length, chunks, size: c / groups }, scalars: { eps },
      body: `
  const group = div(col, 2);
  let sum = 0;
  for (let k = 0; k < chunks; k++) {
    for (let s = 0; s < size; s++) {
      sum += partial[row * chunks + k, group * size + s];
    }
  }
  const mean = sum / (chunks * size);
  if (col === 2 * group) { return mean; }
  let squares = 0;
  for (let l = 0; l < chunks; l++) {
    for (let s = 0; s < size; s++) {
      const d = partial[row * chunks + l, group * size + s] - mean;
      squares += partial[row * chunks + l, c + group * size + s] + length * d * d;
    }
  }
  return 1 / sqrt(squares / (chunks * size * length) + eps);`,
    });
  });
};

/** Source text: declares the group of a channel in image n, and its mean and reciprocal standard deviation. */
const groupOf = (channel: string): string => `const group = div(${channel}, size);
  const mean = stats[n, 2 * group];
  const rstd = stats[n, 2 * group + 1];`;

/** Source text: xhat of the element of x at [pixel, channel], a channel of the group declared. */
const xhat = (pixel: string, channel: string): string => `(x[${pixel}, ${channel}] - mean) * rstd`;

function normalize(y: GpuArray, { x, stats, gamma, beta }: Norm, { n, hw, c, groups }: GroupNormAttrs, fused: boolean): void {
  launch(y, {
    kernel: fused ? "groupNormSilu" : "groupNorm", output: matrix(n * hw, c),
    inputs: { x: [x, matrix(n * hw, c)], stats: [stats, matrix(n, 2 * groups)], gamma: [gamma, line(c)], beta: [beta, line(c)] },
    sizes: { hw, size: c / groups },
    body: `
  const n = div(row, hw);
  ${groupOf("col")}
  const z = gamma[col] * ${xhat("row", "col")} + beta[col];
  return ${fused ? "silu(z)" : "z"};`,
  });
}

type Norm = Record<"x" | "stats" | "gamma" | "beta", GpuArray>;

/** y = gamma xhat + beta */
export const groupNorm: Kernel<"groupNorm", GpuArray> = (y, inputs, attrs) => normalize(y, inputs, attrs, false);

/** y = silu(gamma xhat + beta) */
export const groupNormSilu: Kernel<"groupNormSilu", GpuArray> = (y, inputs, attrs) => normalize(y, inputs, attrs, true);

/** dz, the gradient at the output of the normalisation: dy itself, or through SiLU, whose argument is computed again. */
interface Gradient { dy: GpuArray; x: GpuArray; stats: GpuArray; gamma?: GpuArray; beta?: GpuArray }

/** The inputs of a backward kernel; gamma and beta are there when SiLU follows or gamma is needed. */
function gradientInputs({ dy, x, stats, gamma, beta }: Gradient, { n, hw, c, groups }: GroupNormAttrs) {
  return {
    dy: [dy, matrix(n * hw, c)], x: [x, matrix(n * hw, c)], stats: [stats, matrix(n, 2 * groups)],
    ...(gamma === undefined ? {} : { gamma: [gamma, line(c)] as const }), ...(beta === undefined ? {} : { beta: [beta, line(c)] as const }),
  } as const;
}

/** Source text: declares what dz needs of a channel. */
const affineOf = (fused: boolean, channel: string): string => (fused ? `const scale = gamma[${channel}];
  const shift = beta[${channel}];` : "");

/** Source text: dz at [pixel, channel], where h holds xhat. */
const dz = (fused: boolean, pixel: string, channel: string): string =>
  `dy[${pixel}, ${channel}]${fused ? " * siluSlope(scale * h + shift)" : ""}`;

/** y [n, chunks, 2, c]: for each channel and chunk of pixels the sums of dz xhat and of dz. */
function chunkSums(y: GpuArray, inputs: Gradient, attrs: GroupNormAttrs): void {
  const { n, hw, c, groups } = attrs;
  const length = chunkOf(hw);
  const { gamma, beta, ...rest } = inputs;
  const fused = gamma !== undefined && beta !== undefined;
  launch(y, {
    kernel: `groupNorm${fused ? "Silu" : ""}Grad (chunks)`, output: matrix(n * hw / length, 2 * c),
    inputs: gradientInputs(fused ? { ...rest, gamma, beta } : rest, attrs), sizes: { hw, c, length, size: c / groups },
    body: `
  const n = div(row * length, hw);
  const channel = col - c * div(col, c);                     // columns c .. 2c - 1 hold the sums of dz
  ${groupOf("channel")}
  ${affineOf(fused, "channel")}
  let sumHX = 0;
  let sum = 0;
  for (let k = 0; k < length; k++) {
    const h = ${xhat("row * length + k", "channel")};
    const dz = ${dz(fused, "row * length + k", "channel")};
    sumHX += dz * h;
    sum += dz;
  }
  if (col < c) { return sumHX; }
  return sum;`,
  });
}

/** dx = rstd (gamma dz - mean(gamma dz) - xhat mean(gamma dz xhat)), means over the group. */
function gradInput(dx: GpuArray, inputs: Gradient & { gamma: GpuArray }, attrs: GroupNormAttrs): void {
  const { n, hw, c, groups } = attrs;
  const fused = inputs.beta !== undefined;
  const chunks = hw / chunkOf(hw);
  withScratch(dx, [n * chunks * 2 * c, n * 2 * groups], (partial, means) => {
    chunkSums(partial, inputs, attrs);
    launch(means, {
      kernel: "groupNormGradInput (means)", output: matrix(n, 2 * groups),
      inputs: { partial: [partial, matrix(n * chunks, 2 * c)], gamma: [inputs.gamma, line(c)] },
      sizes: { hw, c, chunks, size: c / groups },
      body: `
  const group = div(col, 2);
  const first = group * size;
  const part = (col - 2 * group) * c;                        // 0: of gamma dz xhat, c: of gamma dz
  let sum = 0;
  for (let k = 0; k < chunks; k++) {
    for (let s = 0; s < size; s++) {
      sum += gamma[first + s] * partial[row * chunks + k, part + first + s];
    }
  }
  return sum / (hw * size);`,
    });
    launch(dx, {
      kernel: `groupNorm${fused ? "Silu" : ""}GradInput`, output: matrix(n * hw, c),
      inputs: { ...gradientInputs(inputs, attrs), means: [means, matrix(n, 2 * groups)] }, sizes: { hw, size: c / groups },
      body: `
  const n = div(row, hw);
  ${groupOf("col")}
  ${affineOf(fused, "col")}
  const h = ${xhat("row", "col")};
  const dz = ${dz(fused, "row", "col")};
  return rstd * (gamma[col] * dz - means[n, 2 * group + 1] - h * means[n, 2 * group]);`,
    });
  });
}

/** y = (dgamma, dbeta): the chunks' sums of dz xhat and of dz, added. */
function gradParams(y: GpuArray, inputs: Gradient, attrs: GroupNormAttrs): void {
  const rows = attrs.n * attrs.hw / chunkOf(attrs.hw);
  withScratch(y, [rows * 2 * attrs.c], (partial) => {
    chunkSums(partial, inputs, attrs);
    reduce(y, { x: partial }, { outer: 1, axis: rows, inner: 2 * attrs.c, op: "sum" }, {});
  });
}

export const groupNormGradInput: Kernel<"groupNormGradInput", GpuArray> = (dx, inputs, attrs) => gradInput(dx, inputs, attrs);
export const groupNormGradParams: Kernel<"groupNormGradParams", GpuArray> = (y, inputs, attrs) => gradParams(y, inputs, attrs);
export const groupNormSiluGradInput: Kernel<"groupNormSiluGradInput", GpuArray> = (dx, inputs, attrs) => gradInput(dx, inputs, attrs);
export const groupNormSiluGradParams: Kernel<"groupNormSiluGradParams", GpuArray> = (y, inputs, attrs) => gradParams(y, inputs, attrs);
