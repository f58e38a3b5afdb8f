/** What each fused kernel means: the composition of required kernels that a backend without it runs instead. */
import { convOutput } from "./contract.js";
import type { AnyKernelName, Attrs, FusedKernelName, GroupNormAttrs, Inputs, KernelName, Scalars } from "./contract.js";

/** Runs one required kernel and gives its output; T is a tensor or a backend's storage. */
export type Runner<T> = <K extends KernelName>(kernel: K, inputs: Inputs<K, T>, attrs: Attrs<K>, scalars: Scalars<K>) => T;

type Composition<K extends FusedKernelName> = <T>(run: Runner<T>, inputs: Inputs<K, T>, attrs: Attrs<K>) => T;

/** dz = dy silu'(z), z = groupNorm(x). */
function siluGradOfNorm<T>(run: Runner<T>, { dy, x, stats, gamma, beta }: Inputs<"groupNormSiluGradInput", T>, attrs: GroupNormAttrs): T {
  const z = run("groupNorm", { x, stats, gamma, beta }, attrs, {});
  const size = [1, 1, attrs.n * attrs.hw * attrs.c] as const;
  return run("binary", { a: dy, b: z }, { op: "siluGrad", size, a: size, b: size }, {});
}

export const compositions: { readonly [K in FusedKernelName]: Composition<K> } = {
  linear: (run, { a, b, bias }, attrs) => {
    const y = run("matmul", { a, b }, attrs, {});
    const size = [1, attrs.m, attrs.n] as const;
    return run("binary", { a: y, b: bias }, { op: "add", size, a: size, b: [1, 1, attrs.n] }, {});
  },
  conv2dBias: (run, { x, w, bias }, attrs) => {
    const y = run("conv2d", { x, w }, attrs, {});
    const [oh, ow] = convOutput(attrs);
    const size = [1, attrs.n * oh * ow, attrs.cout] as const;
    return run("binary", { a: y, b: bias }, { op: "add", size, a: size, b: [1, 1, attrs.cout] }, {});
  },
  groupNormSilu: (run, { x, stats, gamma, beta }, attrs) => {
    const z = run("groupNorm", { x, stats, gamma, beta }, attrs, {});
    return run("unary", { x: z }, { op: "silu", n: attrs.n * attrs.hw * attrs.c }, {});
  },
  groupNormSiluGradInput: (run, inputs, attrs) => {
    const dy = siluGradOfNorm(run, inputs, attrs);
    return run("groupNormGradInput", { dy, x: inputs.x, stats: inputs.stats, gamma: inputs.gamma }, attrs, {});
  },
  groupNormSiluGradParams: (run, inputs, attrs) => {
    const dy = siluGradOfNorm(run, inputs, attrs);
    return run("groupNormGradParams", { dy, x: inputs.x, stats: inputs.stats }, attrs, {});
  },
};

export function isFused(kernel: AnyKernelName): kernel is FusedKernelName {
  return kernel in compositions;
}
