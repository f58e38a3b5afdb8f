/** Adaptive group normalisation (Dhariwal and Nichol 2021, section 3.1), then SiLU: what the fused kernels stand for. */
import type { Triple } from "./elementwise.js";
import type { GroupNormAttrs } from "./group-norm.js";
import type { Runner } from "./required.js";

/** x, statistics and parameters of the normalisation, and t [n, 2, c] = (scale, shift). */
interface Ada<T> { readonly x: T; readonly stats: T; readonly gamma: T; readonly beta: T; readonly t: T }

/** Canonical sizes of [n, hw, c] beside [n, 1, c]. */
function besidePixels({ n, hw, c }: GroupNormAttrs): { size: Triple; a: Triple; b: Triple } {
  const axes = (hw === 1 ? [[n * c, n * c]] : [[n, n], [hw, 1], [c, c]]).filter(([side]) => side !== 1);
  const triple = (which: 0 | 1): Triple => {
    const [inner = 1, axis = 1, outer = 1] = axes.map((sides) => sides[which]).reverse();
    return [outer, axis, inner];
  };
  return { size: triple(0), a: triple(0), b: triple(1) };
}

/** The steps of both compositions for one set of sizes. */
function stepsOf<T>(run: Runner<T>, attrs: GroupNormAttrs) {
  const { n, hw, c } = attrs, all = n * hw * c, whole: Triple = [1, 1, all], beside = besidePixels(attrs);
  /** scale or shift, [n, c]. */
  const part = (t: T, start: 0 | 1): T => run("slice", { x: t }, { outer: n, axis: 2, inner: c, size: 1 }, { start }).y;
  const steps = {
    factor: (t: T): T => run("unary", { x: part(t, 0) }, { op: "affine", n: n * c }, { p: 1, q: 1 }).y,
    /** x times what each image's channels have. */
    times: (x: T, factor: T): T => run("binary", { a: x, b: factor }, { op: "multiply", ...beside }, { p: 0 }).y,
    norm: ({ x, stats, gamma, beta }: Ada<T>): T => run("groupNorm", { x, stats, gamma, beta }, attrs, {}).y,
    z: (norm: T, t: T): T => run("binary", { a: steps.times(norm, steps.factor(t)), b: part(t, 1) }, { op: "add", ...beside }, { p: 0 }).y,
    silu: (z: T): T => run("unary", { x: z }, { op: "silu", n: all }, { p: 0, q: 0 }).y,
    siluGrad: (dy: T, z: T): T => run("binary", { a: dy, b: z }, { op: "siluGrad", size: whole, a: whole, b: whole }, { p: 0 }).y,
    multiply: (a: T, b: T): T => run("binary", { a, b }, { op: "multiply", size: whole, a: whole, b: whole }, { p: 0 }).y,
    sumPixels: (x: T): T => run("reduce", { x }, { op: "sum", outer: n, axis: hw, inner: c }, {}).y,
    both: (a: T, b: T): T => run("concat", { a, b }, { outer: n, axisA: 1, axisB: 1, inner: c }, {}).y,
  };
  return steps;
}

/** y = silu(z), z = groupNorm(x) (1 + scale) + shift, and the statistics. */
export function composeAda<T>(run: Runner<T>, inputs: Omit<Ada<T>, "stats">, attrs: GroupNormAttrs, eps: number): { y: T; stats: T } {
  const { stats } = run("groupNormStats", { x: inputs.x }, attrs, { eps }), { norm, z, silu } = stepsOf(run, attrs);
  return { y: silu(z(norm({ ...inputs, stats }), inputs.t)), stats };
}

/** The gradients: dz = dy silu'(z), dscale = sum of dz norm, dshift = sum of dz over the pixels, and those of the normalisation at dz (1 + scale). */
export function composeAdaGrad<T>(
  run: Runner<T>, { dy, ...inputs }: Ada<T> & { readonly dy: T }, attrs: GroupNormAttrs,
): { dx: T; dgamma: T; dbeta: T; dt: T } {
  const { factor, times, norm: normOf, z, siluGrad, multiply, sumPixels, both } = stepsOf(run, attrs), { x, stats, gamma, t } = inputs;
  const norm = normOf(inputs), dz = siluGrad(dy, z(norm, t));
  const dt = both(sumPixels(multiply(dz, norm)), sumPixels(dz));
  return { ...run("groupNormGrad", { dy: times(dz, factor(t)), x, stats, gamma }, attrs, {}), dt };
}
