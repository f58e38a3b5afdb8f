/**
 * THE list of kernels: everything a device must be able to compute, over canonical shapes, each with its equation.
 *
 * Contract, set by the strictest backend:
 *  - one output, freshly allocated, never the same memory as an input; every size is >= 1;
 *  - attributes are static (sizes, groups, strides: part of a compile key), scalars may change from call to call;
 *  - ops fold N-d work into [outer, axis, inner], so a backend never sees rank or broadcasting beyond what is said here;
 *  - update kernels are the one exception to "no aliasing": they replace the contents of their first tensors.
 *
 * All arrays are row-major and channels-last. Index inputs hold integral values in the tensor's own dtype.
 */
import type { Shape } from "../core/shape.js";

export type DType = "f32" | "f64";

export type UnaryOp =
  | "negative" | "abs" | "sign" | "square" | "sqrt" | "reciprocal" | "exp" | "log" | "sin" | "cos" | "tanh" | "erf"
  | "sigmoid" | "silu" | "gelu";

/** Comparisons give 1 or 0. siluGrad and geluGrad take (dy, x) and give dy * f'(x). */
export type BinaryOp =
  | "add" | "subtract" | "multiply" | "divide" | "power" | "maximum" | "minimum"
  | "equal" | "notEqual" | "less" | "lessEqual" | "greater" | "greaterEqual"
  | "siluGrad" | "geluGrad";

/** argmax gives the first index at which the maximum stands. NaN wins max and min, as in NumPy. */
export type ReduceOp = "sum" | "max" | "min" | "argmax";

/** Sizes of an array seen from one axis: [outer, axis, inner]. */
export interface AxisAttrs { outer: number; axis: number; inner: number }

/** op(a, b) over [outer, axis, inner]; a and b have at each place the full size or 1. */
export interface BinaryAttrs { op: BinaryOp; size: Triple; a: Triple; b: Triple }
export type Triple = readonly [outer: number, axis: number, inner: number];

export interface MatmulAttrs { batch: number; m: number; k: number; n: number; transposeA: boolean; transposeB: boolean }

/** x [n, h, w, cin], weight [kh, kw, cin, cout]; zero padding [top, bottom, left, right], one stride for both axes. */
export interface Conv2dAttrs {
  n: number; h: number; w: number; cin: number; kh: number; kw: number; cout: number;
  stride: number; pad: readonly [top: number, bottom: number, left: number, right: number];
}

/** x [n, hw, c], its c channels in `groups` groups of c / groups neighbours. */
export interface GroupNormAttrs { n: number; hw: number; c: number; groups: number }

/** [n, h, w, c] and a factor `scale` between its sides and those of the result. */
export interface ResampleAttrs { n: number; h: number; w: number; c: number; scale: number }

/** Output height and width of a convolution. */
export function convOutput({ h, w, kh, kw, stride, pad: [top, bottom, left, right] }: Conv2dAttrs): [oh: number, ow: number] {
  return [Math.floor((h + top + bottom - kh) / stride) + 1, Math.floor((w + left + right - kw) / stride) + 1];
}

/** What one kernel takes and gives: shapes as functions of the attributes, and the names of its scalars. */
export interface KernelDefinition<A, I extends string, S extends string> {
  readonly equation: string;
  readonly inputs: { readonly [name in I]: (attrs: A) => Shape };
  readonly scalars: readonly S[];
  readonly output: (attrs: A) => Shape;
  /** Floating-point operations, where they are worth counting (a multiply-add counts 2). */
  readonly flops?: ((attrs: A) => number) | undefined;
}

function define<A>() {
  return <I extends string, S extends string = never>(definition: KernelDefinition<A, I, S>) => definition;
}

type N = { n: number };
const vector = ({ n }: N): Shape => [n];
const outerAxisInner = ({ outer, axis, inner }: AxisAttrs): Shape => [outer, axis, inner];
const convX = ({ n, h, w, cin }: Conv2dAttrs): Shape => [n, h, w, cin];
const convW = ({ kh, kw, cin, cout }: Conv2dAttrs): Shape => [kh, kw, cin, cout];
const convY = (a: Conv2dAttrs): Shape => [a.n, ...convOutput(a), a.cout];
const convFlops = (a: Conv2dAttrs): number => {
  const [oh, ow] = convOutput(a);
  return 2 * a.n * oh * ow * a.kh * a.kw * a.cin * a.cout;
};
const normX = ({ n, hw, c }: GroupNormAttrs): Shape => [n, hw, c];
const normStats = ({ n, groups }: GroupNormAttrs): Shape => [n, groups, 2];
const channels = ({ c }: { c: number }): Shape => [c];

/** Kernels every backend has. */
export const kernels = {
  // elementwise
  full: define<N>()({ equation: "y = value", inputs: {}, scalars: ["value"], output: vector }),
  unary: define<N & { op: UnaryOp }>()({ equation: "y = op(x)", inputs: { x: vector }, scalars: [], output: vector }),
  affine: define<N>()({ equation: "y = scale x + shift", inputs: { x: vector }, scalars: ["scale", "shift"], output: vector }),
  clip: define<N>()({ equation: "y = min(max(x, low), high)", inputs: { x: vector }, scalars: ["low", "high"], output: vector }),
  binary: define<BinaryAttrs>()({
    equation: "y = op(a, b), sizes 1 repeated",
    inputs: { a: ({ a }) => a, b: ({ b }) => b }, scalars: [], output: ({ size }) => size,
  }),
  where: define<N>()({
    equation: "y = condition != 0 ? a : b",
    inputs: { condition: vector, a: vector, b: vector }, scalars: [], output: vector,
  }),

  // reductions
  reduce: define<AxisAttrs & { op: ReduceOp }>()({
    equation: "y[o, i] = op over a of x[o, a, i]",
    inputs: { x: outerAxisInner }, scalars: [], output: ({ outer, inner }) => [outer, inner],
  }),
  sumSquares: define<N>()({ equation: "y = sum of x^2", inputs: { x: vector }, scalars: [], output: () => [1] }),

  // layout
  expand: define<AxisAttrs>()({
    equation: "y[o, a, i] = x[o, i]",
    inputs: { x: ({ outer, inner }) => [outer, inner] }, scalars: [], output: outerAxisInner,
  }),
  permute: define<{ shape: Shape; order: readonly number[] }>()({
    equation: "axis j of y is axis order[j] of x",
    inputs: { x: ({ shape }) => shape }, scalars: [], output: ({ shape, order }) => order.map((axis) => shape[axis]),
  }),
  slice: define<AxisAttrs & { size: number }>()({
    equation: "y[o, a, i] = x[o, start + a, i]",
    inputs: { x: outerAxisInner }, scalars: ["start"], output: ({ outer, size, inner }) => [outer, size, inner],
  }),
  pad: define<AxisAttrs & { before: number; after: number }>()({
    equation: "y[o, before + a, i] = x[o, a, i], value elsewhere",
    inputs: { x: outerAxisInner }, scalars: ["value"],
    output: ({ outer, before, axis, after, inner }) => [outer, before + axis + after, inner],
  }),
  concat: define<{ outer: number; axisA: number; axisB: number; inner: number }>()({
    equation: "y[o] = a[o] followed by b[o]",
    inputs: { a: ({ outer, axisA, inner }) => [outer, axisA, inner], b: ({ outer, axisB, inner }) => [outer, axisB, inner] },
    scalars: [], output: ({ outer, axisA, axisB, inner }) => [outer, axisA + axisB, inner],
  }),
  gather: define<AxisAttrs & { count: number }>()({
    equation: "y[o, j, i] = x[o, index[j], i]",
    inputs: { x: outerAxisInner, index: ({ count }) => [count] },
    scalars: [], output: ({ outer, count, inner }) => [outer, count, inner],
  }),
  scatterAdd: define<AxisAttrs & { count: number }>()({
    equation: "y[o, a, i] = sum over j with index[j] = a of x[o, j, i]",
    inputs: { x: ({ outer, count, inner }) => [outer, count, inner], index: ({ count }) => [count] },
    scalars: [], output: outerAxisInner,
  }),

  // matrices and convolutions
  matmul: define<MatmulAttrs>()({
    equation: "y[b] = A[b] B[b], A = a[b] or its transpose, B likewise",
    inputs: {
      a: ({ batch, m, k, transposeA }) => (transposeA ? [batch, k, m] : [batch, m, k]),
      b: ({ batch, k, n, transposeB }) => (transposeB ? [batch, n, k] : [batch, k, n]),
    },
    scalars: [], output: ({ batch, m, n }) => [batch, m, n], flops: ({ batch, m, k, n }) => 2 * batch * m * k * n,
  }),
  conv2d: define<Conv2dAttrs>()({
    equation: "y[n, p, q, o] = sum over i, j, c of x[n, s p + i - top, s q + j - left, c] w[i, j, c, o]",
    inputs: { x: convX, w: convW }, scalars: [], output: convY, flops: convFlops,
  }),
  conv2dGradInput: define<Conv2dAttrs>()({
    equation: "dx[n, r, t, c] = sum over p, q, o with r = s p + i - top, t = s q + j - left of dy[n, p, q, o] w[i, j, c, o]",
    inputs: { dy: convY, w: convW }, scalars: [], output: convX, flops: convFlops,
  }),
  conv2dGradWeight: define<Conv2dAttrs>()({
    equation: "dw[i, j, c, o] = sum over n, p, q of x[n, s p + i - top, s q + j - left, c] dy[n, p, q, o]",
    inputs: { x: convX, dy: convY }, scalars: [], output: convW, flops: convFlops,
  }),

  // normalisation and softmax
  groupNormStats: define<GroupNormAttrs>()({
    equation: "y[n, g] = (mean, 1 / sqrt(variance + eps)) over the hw positions and c / groups channels of group g",
    inputs: { x: normX }, scalars: ["eps"], output: normStats,
  }),
  groupNorm: define<GroupNormAttrs>()({
    equation: "y = gamma xhat + beta, xhat = (x - mean) rstd",
    inputs: { x: normX, stats: normStats, gamma: channels, beta: channels }, scalars: [], output: normX,
  }),
  groupNormGradInput: define<GroupNormAttrs>()({
    equation: "dx = rstd (h - mean(h) - xhat mean(h xhat)), h = gamma dy, means over the group",
    inputs: { dy: normX, x: normX, stats: normStats, gamma: channels }, scalars: [], output: normX,
  }),
  groupNormGradParams: define<GroupNormAttrs>()({
    equation: "y = (dgamma, dbeta) = (sum of dy xhat, sum of dy) over n and hw",
    inputs: { dy: normX, x: normX, stats: normStats }, scalars: [], output: ({ c }) => [2, c],
  }),
  softmax: define<{ rows: number; n: number }>()({
    equation: "y[r, j] = exp(x[r, j] - max_r) / sum over j of exp(x[r, j] - max_r)",
    inputs: { x: ({ rows, n }) => [rows, n] }, scalars: [], output: ({ rows, n }) => [rows, n],
  }),
  softmaxGrad: define<{ rows: number; n: number }>()({
    equation: "dx = y (dy - sum over j of dy y)",
    inputs: { dy: ({ rows, n }) => [rows, n], y: ({ rows, n }) => [rows, n] }, scalars: [], output: ({ rows, n }) => [rows, n],
  }),

  // resampling
  upsampleNearest: define<ResampleAttrs>()({
    equation: "y[n, p, q, c] = x[n, floor(p / scale), floor(q / scale), c]",
    inputs: { x: ({ n, h, w, c }) => [n, h, w, c] }, scalars: [], output: ({ n, h, w, c, scale }) => [n, h * scale, w * scale, c],
  }),
  sumPool: define<ResampleAttrs>()({
    equation: "y[n, p, q, c] = sum over i, j < scale of x[n, scale p + i, scale q + j, c]",
    inputs: { x: ({ n, h, w, c }) => [n, h, w, c] }, scalars: [], output: ({ n, h, w, c, scale }) => [n, h / scale, w / scale, c],
  }),
} as const;

/** Kernels a backend may have for speed; without one, the op composes it from the list above. A test holds the two together. */
export const fusedKernels = {
  linear: define<MatmulAttrs>()({
    equation: "y = a B + bias, the bias repeated over the rows (batch 1, a not transposed)",
    inputs: { a: kernels.matmul.inputs.a, b: kernels.matmul.inputs.b, bias: ({ n }) => [n] },
    scalars: [], output: kernels.matmul.output, flops: kernels.matmul.flops,
  }),
  conv2dBias: define<Conv2dAttrs>()({
    equation: "y = conv2d(x, w) + bias",
    inputs: { x: convX, w: convW, bias: ({ cout }) => [cout] }, scalars: [], output: convY, flops: convFlops,
  }),
  groupNormSilu: define<GroupNormAttrs>()({
    equation: "y = silu(z), z = groupNorm(x)",
    inputs: { x: normX, stats: normStats, gamma: channels, beta: channels }, scalars: [], output: normX,
  }),
  groupNormSiluGradInput: define<GroupNormAttrs>()({
    equation: "groupNormGradInput of dz = dy silu'(z), z = groupNorm(x)",
    inputs: { dy: normX, x: normX, stats: normStats, gamma: channels, beta: channels }, scalars: [], output: normX,
  }),
  groupNormSiluGradParams: define<GroupNormAttrs>()({
    equation: "groupNormGradParams of dz = dy silu'(z), z = groupNorm(x)",
    inputs: { dy: normX, x: normX, stats: normStats, gamma: channels, beta: channels }, scalars: [], output: ({ c }) => [2, c],
  }),
} as const;

/** Kernels that replace the contents of the tensors named in `updates`; they have no output. */
export const updateKernels = {
  adam: {
    ...define<N>()({
      equation:
        "g' = gradScale g; m = beta1 m + (1 - beta1) g'; v = beta2 v + (1 - beta2) g'^2; " +
        "p = p (1 - lr weightDecay) - lr (m / correction1) / (sqrt(v / correction2) + eps)",
      inputs: { p: vector, m: vector, v: vector, g: vector },
      scalars: ["lr", "beta1", "beta2", "eps", "correction1", "correction2", "weightDecay", "gradScale"],
      output: vector,
    }),
    updates: ["p", "m", "v"],
  },
  ema: {
    ...define<N>()({
      equation: "target = decay target + (1 - decay) source", inputs: { target: vector, source: vector }, scalars: ["decay"], output: vector,
    }),
    updates: ["target"],
  },
  assign: {
    ...define<N>()({ equation: "target = source", inputs: { target: vector, source: vector }, scalars: [], output: vector }),
    updates: ["target"],
  },
} as const;

type Kernels = typeof kernels;
type FusedKernels = typeof fusedKernels;
type UpdateKernels = typeof updateKernels;

export type KernelName = keyof Kernels;
export type FusedKernelName = keyof FusedKernels;
export type UpdateKernelName = keyof UpdateKernels;
export type AnyKernelName = KernelName | FusedKernelName | UpdateKernelName;

type AnyKernels = Kernels & FusedKernels & UpdateKernels;
export type Attrs<K extends AnyKernelName> = AnyKernels[K] extends KernelDefinition<infer A, infer _I, infer _S> ? A : never;
export type Inputs<K extends AnyKernelName, T> = { readonly [name in keyof AnyKernels[K]["inputs"]]: T };
export type Scalars<K extends AnyKernelName> = { readonly [name in AnyKernels[K]["scalars"][number]]: number };

/** How a backend computes kernel K: fill y from the inputs. T is the backend's own storage. */
export type Kernel<K extends AnyKernelName, T> = (y: T, inputs: Inputs<K, T>, attrs: Attrs<K>, scalars: Scalars<K>) => void;
/** How a backend runs update kernel K: replace the contents of the updated inputs. */
export type UpdateKernel<K extends UpdateKernelName, T> = (inputs: Inputs<K, T>, attrs: Attrs<K>, scalars: Scalars<K>) => void;

/** Everything a backend provides: a missing kernel is a compile error where the table says `satisfies KernelTable<T>`. */
export type KernelTable<T> = { readonly [K in KernelName]: Kernel<K, T> }
  & { readonly [K in UpdateKernelName]: UpdateKernel<K, T> }
  & { readonly [K in FusedKernelName]?: Kernel<K, T> };

const definitions = { ...kernels, ...fusedKernels, ...updateKernels } as Record<AnyKernelName, KernelDefinition<never, string, string>>;

/** The definition of any kernel, for checks and reports that run over the whole list. */
export function kernelDefinition(name: AnyKernelName): KernelDefinition<never, string, string> {
  return definitions[name];
}

/** The name to use in messages: "exp" rather than "unary", where the attributes say which operation it is. */
export function operationName(kernel: AnyKernelName, attrs: unknown): string {
  return (attrs as { op?: string }).op ?? kernel;
}
