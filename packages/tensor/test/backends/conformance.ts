/**
 * Conformance: every kernel of a backend against the reference in f64, over the table of awkward sizes. A test file is
 *
 *   describeConformance("wasm", () => openWasm(), { dtype: "f32", tolerance: () => 2e-6, fused: ["linear", ...] });
 */
import { expect } from "chai";
import type { Backend, NumberArray } from "../../src/core/backend.js";
import {
  fusedKernels, kernels, updateKernels,
  type AnyKernelName, type DType, type FusedKernelName, type KernelName, type UpdateKernelName,
} from "../../src/kernels/contract.js";
import type { Shape } from "../../src/core/shape.js";
import { composeFused } from "./compose-fused.js";
import { cases } from "./conformance-cases.js";
import { makeInputs, makeScalars } from "./conformance-inputs.js";
import {
  kernelShapes, reference, referenceKernels, referenceUpdate, type LooseKernel, type LooseUpdate,
} from "./run-reference.js";

type Values = Readonly<Record<string, NumberArray>>;
type Numbers = Readonly<Record<string, number>>;

export interface ConformanceOptions {
  readonly dtype: DType;
  /** Largest allowed conformanceError of a kernel, per case. */
  tolerance(kernel: AnyKernelName, attrs: unknown): number;
  /** The fused kernels the backend has: exactly these are expected and tested. */
  readonly fused?: readonly FusedKernelName[];
  /** Whether outputs are handed over full of NaN, to show that a kernel writes all of them (default true). */
  readonly poison?: boolean;
}

const isUpdate = (kernel: AnyKernelName): kernel is UpdateKernelName => kernel in updateKernels;
const isFused = (kernel: AnyKernelName): kernel is FusedKernelName => kernel in fusedKernels;
const mapValues = (inputs: Values, f: (value: number) => number): Record<string, NumberArray> =>
  Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, values.map(f)]));

/**
 * max |y - ref| / max(max |ref|, termScale). The scale of the terms keeps the measure fair where the terms of a sum cancel and
 * the reference is (nearly) zero. NaN and infinities must stand at the same places; otherwise the error is infinite.
 */
export function conformanceError(y: ArrayLike<number>, yRef: ArrayLike<number>, termScale = 0): number {
  if (y.length !== yRef.length) return Infinity;
  let distance = 0;
  let scale = termScale;
  for (let i = 0; i < yRef.length; i++) {
    if (Object.is(y[i], yRef[i])) {
      if (Number.isFinite(yRef[i])) scale = Math.max(scale, Math.abs(yRef[i]));
      continue;
    }
    const difference = Math.abs(y[i] - yRef[i]);
    if (!Number.isFinite(difference)) return Infinity;
    distance = Math.max(distance, difference);
    scale = Math.max(scale, Math.abs(yRef[i]));
  }
  return distance === 0 ? 0 : distance / scale;
}

/**
 * The kernel and inputs whose largest output is the largest sum of |terms| of `kernel` on `inputs`: for sums of products the
 * kernel itself on absolute values. undefined where no sum can cancel.
 */
export function absoluteTerms(kernel: AnyKernelName, inputs: Values): { kernel: KernelName; inputs: Values } | undefined {
  const absolute = mapValues(inputs, Math.abs);
  // -|mean| for the mean: then |x| + |mean| takes the place of x - mean
  if (absolute.stats) absolute.stats = absolute.stats.map((value, i) => (i % 2 === 0 ? -value : value));
  switch (kernel) {
    case "matmul": case "linear":
      return { kernel: "matmul", inputs: absolute };
    case "conv2d": case "conv2dBias":
      return { kernel: "conv2d", inputs: absolute };
    case "conv2dGradInput": case "conv2dGradWeight": case "scatterAdd": case "sumPool":
      return { kernel, inputs: absolute };
    case "groupNorm": case "groupNormSilu":
      return { kernel: "groupNorm", inputs: absolute };
    case "groupNormGradParams": case "groupNormSiluGradParams":
      return { kernel: "groupNormGradParams", inputs: absolute };
    case "groupNormGradInput": case "groupNormSiluGradInput": {  // rstd |gamma dy|: the first and largest term
      const { dy, stats, gamma } = absolute;
      const rstd = stats.map((value, i) => (i % 2 === 0 ? 0 : value));
      return { kernel: "groupNorm", inputs: { x: dy, stats: rstd, gamma, beta: gamma.map(() => 0) } };
    }
    default:
      return undefined;
  }
}

/** Largest sum of |terms| behind one output element; 0 where the reference itself is the measure. */
export function termScale(kernel: AnyKernelName, inputs: Values, attrs: unknown, scalars: Numbers): number {
  const terms = absoluteTerms(kernel, inputs);
  if (terms) return largest(reference(terms.kernel, terms.inputs as never, attrs as never, scalars as never));
  const { op } = attrs as { op?: string };
  if (kernel === "reduce" && op === "sum") {
    return largest(reference(kernel, { x: inputs.x.map(Math.abs) }, attrs as never, {}));
  }
  if (kernel === "binary" && (op === "add" || op === "subtract")) return largest(inputs.a) + largest(inputs.b);
  if (kernel === "affine") return Math.abs(scalars.scale) * largest(inputs.x) + Math.abs(scalars.shift);
  if (kernel === "softmaxGrad") return largest(inputs.y) * largest(inputs.dy);
  return 0;
}

function largest(values: NumberArray): number {
  let max = 0;
  for (const value of values) max = Math.max(max, Math.abs(value));
  return max;
}

/** What the kernel should give, by name: "y", or the tensors an update kernel replaces. */
function expected(kernel: AnyKernelName, inputs: Values, attrs: unknown, scalars: Numbers): Record<string, NumberArray> {
  if (isUpdate(kernel)) {
    const after = referenceUpdate(kernel, inputs as never, attrs as never, scalars as never) as Record<string, NumberArray>;
    return Object.fromEntries(updateKernels[kernel].updates.map((name) => [name, after[name]]));
  }
  if (isFused(kernel)) return { y: composeFused(kernel, referenceKernels)(inputs as never, attrs as never) };
  return { y: reference(kernel, inputs as never, attrs as never, scalars as never) };
}

/** Runs a kernel on a backend: the values of every input after it, and of "y" unless it is an update kernel. */
async function runOn<T>(
  backend: Backend<T>, kernel: AnyKernelName, inputs: Values, attrs: unknown, scalars: Numbers,
  options: Omit<ConformanceOptions, "tolerance">,
): Promise<Record<string, NumberArray>> {
  const { dtype, poison = true } = options;
  const shapes = kernelShapes(kernel, attrs);
  const storage: Record<string, T> = {};
  for (const [name, values] of Object.entries(inputs)) storage[name] = backend.upload(values, shapes.inputs[name], dtype);
  const run = backend.kernels[kernel] as unknown;
  if (isUpdate(kernel)) {
    (run as LooseUpdate<T>)(storage, attrs, scalars);
  } else {
    const y = room(backend, shapes.output, dtype, poison);
    (run as LooseKernel<T>)(y, storage, attrs, scalars);
    storage[outputName(kernel)] = y;
  }
  const results: Record<string, NumberArray> = {};
  for (const [name, values] of Object.entries(storage)) results[name] = await backend.read(values);
  for (const values of Object.values(storage)) backend.free(values);
  return results;
}

function room<T>(backend: Backend<T>, shape: Shape, dtype: DType, poison: boolean): T {
  if (!poison) return backend.allocate(shape, dtype);
  const n = shape.reduce((product, side) => product * side, 1);
  return backend.upload(new Float64Array(n).fill(NaN), shape, dtype);
}

/** softmaxGrad has an input named y. */
function outputName(kernel: AnyKernelName): string {
  return kernel === "softmaxGrad" ? "dx" : "y";
}

/** How far one tensor of one case is from the reference. */
export interface ConformanceRow { readonly tensor: string; readonly attrs: unknown; readonly error: number }

/** The error of every tensor that a kernel computes, in every case of the table or of `list`. */
export async function conformanceErrors<T>(
  backend: Backend<T>, kernel: AnyKernelName, options: Omit<ConformanceOptions, "tolerance">,
  list: readonly unknown[] = cases[kernel],
): Promise<ConformanceRow[]> {
  const rows: ConformanceRow[] = [];
  for (const [seed, attrs] of list.entries()) {
    const inputs = makeInputs(kernel, attrs, seed);
    const scalars = makeScalars(kernel, attrs, seed);
    const results = await runOn(backend, kernel, inputs, attrs, scalars, options);
    const scale = termScale(kernel, inputs, attrs, scalars);
    for (const [tensor, yRef] of Object.entries(expected(kernel, inputs, attrs, scalars))) {
      rows.push({ tensor, attrs, error: conformanceError(results[tensor === "y" ? outputName(kernel) : tensor], yRef, scale) });
    }
  }
  return rows;
}

/** One line for each case of a kernel in which the backend is further from the reference than the tolerance. */
export async function conformanceFailures<T>(
  backend: Backend<T>, kernel: AnyKernelName, options: ConformanceOptions,
): Promise<string[]> {
  const rows = await conformanceErrors(backend, kernel, options);
  return rows.flatMap(({ tensor, attrs, error }) => {
    const allowed = options.tolerance(kernel, attrs);
    return error <= allowed ? [] : [`${tensor} of ${JSON.stringify(attrs)}: error ${error} > ${allowed}`];
  });
}

/** Registers the tests of one backend: one for each kernel, and one for what no kernel may do. */
export function describeConformance<T>(
  name: string, openBackend: () => Backend<T> | Promise<Backend<T>>, options: ConformanceOptions,
): void {
  const fused = options.fused ?? [];
  const names = [...Object.keys(kernels), ...fused, ...Object.keys(updateKernels)] as AnyKernelName[];

  describe(`conformance of ${name} with the reference in f64`, function () {
    this.timeout(600_000);
    let backend: Backend<T>;
    before(async () => { backend = await openBackend(); });
    after(async () => { await backend.dispose(); });

    for (const kernel of names) {
      it(`${kernel}: ${cases[kernel].length} cases`, async () => {
        const failures = await conformanceFailures(backend, kernel, options);
        expect(failures, `${kernel}\n  ${failures.join("\n  ")}\n`).to.have.length(0);
      });
    }

    it("leaves inputs that it does not update alone, and gives the same bits twice", async () => {
      for (const kernel of names) {
        const seed = cases[kernel].length - 1;
        const attrs = cases[kernel][seed];
        const inputs = makeInputs(kernel, attrs, seed);
        const scalars = makeScalars(kernel, attrs, seed);
        const first = await runOn(backend, kernel, inputs, attrs, scalars, options);
        const second = await runOn(backend, kernel, inputs, attrs, scalars, options);
        const updated: readonly string[] = isUpdate(kernel) ? updateKernels[kernel].updates : [];
        for (const [tensor, values] of Object.entries(first)) {
          expect(conformanceError(second[tensor], values), `${kernel}: ${tensor} of the second run`).to.equal(0);
          if (tensor in inputs && !updated.includes(tensor)) {
            expect(conformanceError(values, inputs[tensor]), `${kernel}: input ${tensor}`).to.equal(0);
          }
        }
      }
    });

    it("has exactly the fused kernels that are tested here", () => {
      const present = (Object.keys(fusedKernels) as FusedKernelName[]).filter((kernel) => backend.kernels[kernel] !== undefined);
      expect(present).to.have.members([...fused]);
    });

    it("stays right where arguments are large", async () => {
      const x = Float64Array.of(-1000, -100, -50, -20, -10, 10, 20, 50, 100, 1000);
      const size = [1, 1, x.length] as const;
      const checks: [AnyKernelName, Values, unknown][] = [
        ...(["sigmoid", "silu", "gelu", "tanh", "erf"] as const)
          .map((op): [AnyKernelName, Values, unknown] => ["unary", { x }, { op, n: x.length }]),
        ...(["siluGrad", "geluGrad"] as const).map((op): [AnyKernelName, Values, unknown] =>
          ["binary", { a: x.map(() => 1), b: x }, { op, size, a: size, b: size }]),
        ["softmax", { x }, { rows: 2, n: 5 }],
      ];
      for (const [kernel, inputs, attrs] of checks) {
        const { y } = await runOn(backend, kernel, inputs, attrs, {}, options);
        const { y: yRef } = expected(kernel, inputs, attrs, {});
        const allowed = options.tolerance(kernel, attrs);
        for (let i = 0; i < x.length; i++) {
          const error = conformanceError([y[i]], [yRef[i]], 1);
          expect(error, `${kernel} ${JSON.stringify(attrs)} at ${x[i]}: ${y[i]}`).to.be.at.most(allowed);
        }
      }
    });
  });
}
