import { expect } from "chai";
import type { Backend, NumberArray } from "../../src/core/backend.js";
import { openReference } from "../../src/backends/reference/index.js";
import {
  fusedKernels, kernels, updateKernels, type AnyKernelName, type FusedKernelName, type KernelTable,
} from "../../src/kernels/contract.js";
import { composeFused } from "./compose-fused.js";
import { cases } from "./conformance-cases.js";
import { conformanceError, conformanceFailures, termScale, type ConformanceOptions } from "./conformance.js";
import { makeInputs, makeScalars } from "./conformance-inputs.js";
import { referenceKernels, type LooseKernel, type LooseUpdate } from "./run-reference.js";

const options: ConformanceOptions = { dtype: "f32", tolerance: () => 1e-6 };
const required = Object.keys(kernels) as (keyof typeof kernels)[];
const fused = Object.keys(fusedKernels) as FusedKernelName[];
const updates = Object.keys(updateKernels) as (keyof typeof updateKernels)[];

/** The reference with some kernels exchanged. */
function withKernels(changed: Record<string, unknown>): Backend<NumberArray> {
  return { ...openReference(), kernels: { ...referenceKernels, ...changed } as KernelTable<NumberArray> };
}

/** Adds a hundredth of the largest value to the last element: wrong at one place, by little. */
function spoil(y: NumberArray): void {
  let max = 0;
  for (const value of y) max = Math.max(max, Math.abs(value));
  y[y.length - 1] += 0.01 * (max || 1);
}

describe("the conformance suite itself", () => {
  it("measures errors against the reference or, where its terms cancel, against the terms", () => {
    expect(conformanceError([1, 2], [1, 2])).to.equal(0);
    expect(conformanceError([1, 2.5], [1, 2])).to.equal(0.25);
    expect(conformanceError([0.5], [0])).to.equal(1 / 0);
    expect(conformanceError([0.5], [0], 10)).to.equal(0.05);
    expect(conformanceError([NaN, Infinity, 1], [NaN, Infinity, 1])).to.equal(0);
    expect(conformanceError([NaN], [1])).to.equal(Infinity);
    expect(conformanceError([1], [NaN])).to.equal(Infinity);
    expect(conformanceError([-Infinity], [Infinity])).to.equal(Infinity);
    expect(conformanceError([1], [1, 2])).to.equal(Infinity);
  });

  it("has between 400 and 700 cases, and every kernel several", () => {
    const counts = Object.values(cases).map((list) => list.length);
    expect(Math.min(...counts)).to.be.at.least(6);
    expect(counts.reduce((a, b) => a + b)).to.be.within(400, 700);
  });

  it("makes the same inputs for the same seed, others for another, all of them f32 numbers", () => {
    for (const kernel of Object.keys(cases) as AnyKernelName[]) {
      const attrs = cases[kernel][cases[kernel].length - 1];
      const inputs = makeInputs(kernel, attrs, 3);
      expect(makeInputs(kernel, attrs, 3)).to.deep.equal(inputs);
      if (kernel !== "full") expect(makeInputs(kernel, attrs, 4)).to.not.deep.equal(inputs);
      for (const values of Object.values(inputs)) expect([...values]).to.deep.equal([...Float32Array.from(values)]);
    }
  });

  it("never measures sums against less than the sum itself", () => {
    for (const kernel of ["matmul", "conv2d", "conv2dGradInput", "conv2dGradWeight", "scatterAdd", "sumPool", "groupNorm",
      "groupNormGradParams"] as const) {
      for (const [seed, attrs] of cases[kernel].entries()) {
        const inputs = makeInputs(kernel, attrs, seed);
        const y = new Float64Array(kernels[kernel].output(attrs as never).reduce((a, b) => a * b));
        (referenceKernels[kernel] as unknown as LooseKernel<NumberArray>)(y, inputs, attrs, {});
        const largest = y.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
        expect(termScale(kernel, inputs, attrs, makeScalars(kernel, attrs, seed))).to.be.at.least(largest * (1 - 1e-12));
      }
    }
  });

  for (const kernel of required) {
    it(`catches a wrong element in every case of ${kernel}`, async () => {
      const right = referenceKernels[kernel] as unknown as LooseKernel<NumberArray>;
      const wrong: LooseKernel<NumberArray> = (y, ...rest) => {
        right(y, ...rest);
        spoil(y);
      };
      const failures = await conformanceFailures(withKernels({ [kernel]: wrong }), kernel, options);
      expect(failures).to.have.length(cases[kernel].length);
    });
  }

  it("catches a wrong element in every tensor that an update kernel replaces", async () => {
    for (const kernel of updates) {
      for (const name of updateKernels[kernel].updates) {
        const right = referenceKernels[kernel] as unknown as LooseUpdate<NumberArray>;
        const wrong: LooseUpdate<NumberArray> = (inputs, ...rest) => {
          right(inputs, ...rest);
          spoil(inputs[name]);
        };
        const failures = await conformanceFailures(withKernels({ [kernel]: wrong }), kernel, options);
        expect(failures, name).to.have.length(cases[kernel].length);
      }
    }
  });

  it("holds fused kernels to their composition: the composition passes, one with a wrong element does not", async () => {
    for (const kernel of fused) {
      const compose = composeFused(kernel, referenceKernels);
      const right: LooseKernel<NumberArray> = (y, inputs, attrs) => y.set(compose(inputs as never, attrs as never));
      expect(await conformanceFailures(withKernels({ [kernel]: right }), kernel, options)).to.have.length(0);
      const wrong: LooseKernel<NumberArray> = (y, ...rest) => {
        right(y, ...rest);
        spoil(y);
      };
      expect(await conformanceFailures(withKernels({ [kernel]: wrong }), kernel, options)).to.have.length(cases[kernel].length);
    }
  });
});
