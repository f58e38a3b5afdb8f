/**
 * Conformance: every kernel of a backend against the reference in f64, over the specifications of all kernels. A test file is
 *
 *   describeConformance("wasm", () => openWasm(), { dtype: "f32", tolerance: () => 2e-6, fused: ["linear", ...] });
 */
import { expect } from "chai";
import type { Backend, NumberArray } from "../../src/core/backend.js";
import {
  fusedKernels, requiredKernels, updatedBy, type DType, type FusedKernelName, type KernelName, type LooseKernel,
} from "../../src/kernels/contract.js";
import type { Shape } from "../../src/core/shape.js";
import { runReference, type Values } from "../../src/verify/run-reference.js";
import { answerOf, casesOf, isListOf, mapOperand, shapesByName, type Numbers } from "./spec/index.js";

export interface ConformanceOptions {
  readonly dtype: DType;
  /** Largest allowed conformanceError of a kernel, per case. */
  tolerance(kernel: KernelName, attrs: unknown): number;
  /** The fused kernels the backend has: exactly these are expected and tested. */
  readonly fused?: readonly FusedKernelName[];
  /** Whether outputs are handed over full of NaN, to show that a kernel writes all of them (default true). */
  readonly poison?: boolean;
}

type RunOptions = Omit<ConformanceOptions, "tolerance">;

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

/** What a run leaves behind: the outputs, and all inputs as they are after it. */
export interface Run { readonly outputs: Values; readonly inputs: Values }

/** Runs a kernel on a backend. */
export async function runOn<T>(
  backend: Backend<T>, kernel: KernelName, inputs: Values, attrs: unknown, scalars: Numbers, { dtype, poison = true }: RunOptions,
): Promise<Run> {
  const shapes = { inputs: shapesByName(kernel, "inputs", attrs), outputs: shapesByName(kernel, "outputs", attrs) };
  const storage: Record<string, T | readonly T[]> = {};
  for (const [name, operand] of Object.entries(inputs)) {
    const sides = shapes.inputs[name];
    storage[name] = mapOperand(operand, (values, i) => backend.upload(values, (isListOf(operand) ? sides[i] : sides) as Shape, dtype));
  }
  const updated = updatedBy(kernel);
  const outputs = Object.fromEntries(Object.entries(shapes.outputs).map(([name, shape]) =>
    [name, updated.includes(name) ? storage[name] : room(backend, shape as Shape, dtype, poison)]));
  (backend.kernels[kernel] as unknown as LooseKernel<T>)(outputs, storage, attrs, scalars);
  const run = { outputs: await readAll(backend, outputs), inputs: await readAll(backend, storage) };
  const fresh = Object.entries(outputs).filter(([name]) => !updated.includes(name)).map(([, y]) => y);
  for (const operand of [...Object.values(storage), ...fresh]) mapOperand(operand, (array) => backend.free(array));
  return run;
}

async function readAll<T>(backend: Backend<T>, operands: Readonly<Record<string, T | readonly T[]>>): Promise<Values> {
  const read: Record<string, NumberArray | readonly NumberArray[]> = {};
  for (const [name, operand] of Object.entries(operands)) {
    read[name] = isListOf(operand) ? await Promise.all(operand.map((array) => backend.read(array))) : await backend.read(operand);
  }
  return read;
}

function room<T>(backend: Backend<T>, shape: Shape, dtype: DType, poison: boolean): T {
  if (!poison) return backend.allocate(shape, dtype);
  const n = shape.reduce((product, side) => product * side, 1);
  return backend.upload(new Float64Array(n).fill(NaN), shape, dtype);
}

/** The error of an operand: of a list, the largest. */
function errorOf(found: Values[string], exact: Values[string], scale: number): number {
  if (!isListOf(exact)) return conformanceError(found as NumberArray, exact, scale);
  return Math.max(...exact.map((values, i) => conformanceError((found as readonly NumberArray[])[i], values, scale)));
}

/** How far one output of one case is from the reference. */
export interface ConformanceRow { readonly tensor: string; readonly attrs: unknown; readonly error: number }

/** The error of every output of a kernel, in every case of its specification or of `list`. */
export async function conformanceErrors<T>(
  backend: Backend<T>, kernel: KernelName, options: RunOptions, list: readonly unknown[] = casesOf(kernel),
): Promise<ConformanceRow[]> {
  const rows: ConformanceRow[] = [];
  for (const [seed, attrs] of list.entries()) {
    const { inputs, scalars, outputs, scales } = answerOf(kernel, seed, attrs);
    const run = await runOn(backend, kernel, inputs, attrs, scalars, options);
    for (const [tensor, exact] of Object.entries(outputs)) {
      rows.push({ tensor, attrs, error: errorOf(run.outputs[tensor], exact, scales[tensor]) });
    }
  }
  return rows;
}

/** One line for each output of a case in which the backend is further from the reference than the tolerance. */
export async function conformanceFailures<T>(backend: Backend<T>, kernel: KernelName, options: ConformanceOptions): Promise<string[]> {
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
  const names = [...Object.keys(requiredKernels), ...fused] as KernelName[];

  describe(`conformance of ${name} with the reference in f64`, function () {
    this.timeout(600_000);
    let backend: Backend<T>;
    before(async () => { backend = await openBackend(); });
    after(async () => { await backend.dispose(); });

    for (const kernel of names) {
      it(`${kernel}: ${casesOf(kernel).length} cases`, async () => {
        const failures = await conformanceFailures(backend, kernel, options);
        expect(failures, `${kernel}\n  ${failures.join("\n  ")}\n`).to.have.length(0);
      });
    }

    it("leaves inputs that it does not update alone, and gives the same bits twice", async () => {
      for (const kernel of names) {
        const { attrs, inputs, scalars } = answerOf(kernel, casesOf(kernel).length - 1);
        const first = await runOn(backend, kernel, inputs, attrs, scalars, options);
        const second = await runOn(backend, kernel, inputs, attrs, scalars, options);
        for (const [tensor, values] of Object.entries(first.outputs)) {
          expect(errorOf(second.outputs[tensor], values, 0), `${kernel}: ${tensor} of the second run`).to.equal(0);
        }
        for (const [tensor, values] of Object.entries(first.inputs)) {
          if (!updatedBy(kernel).includes(tensor)) expect(errorOf(values, inputs[tensor], 0), `${kernel}: input ${tensor}`).to.equal(0);
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
      const checks: [KernelName, Values, unknown, Numbers][] = [
        ...(["sigmoid", "silu", "gelu", "tanh", "erf"] as const)
          .map((op): [KernelName, Values, unknown, Numbers] => ["unary", { x }, { op, n: x.length }, { p: 0, q: 0 }]),
        ...(["siluGrad", "geluGrad"] as const).map((op): [KernelName, Values, unknown, Numbers] =>
          ["binary", { a: x.map(() => 1), b: x }, { op, size, a: size, b: size }, { p: 0 }]),
        ["softmax", { x }, { rows: 2, n: 5 }, {}],
      ];
      for (const [kernel, inputs, attrs, scalars] of checks) {
        const { y } = (await runOn(backend, kernel, inputs, attrs, scalars, options)).outputs as { y: NumberArray };
        const { y: yRef } = runReference(kernel, inputs, attrs, scalars) as { y: NumberArray };
        const allowed = options.tolerance(kernel, attrs);
        for (let i = 0; i < x.length; i++) {
          const error = conformanceError([y[i]], [yRef[i]], 1);
          expect(error, `${kernel} ${JSON.stringify(attrs)} at ${x[i]}: ${y[i]}`).to.be.at.most(allowed);
        }
      }
    });
  });
}
