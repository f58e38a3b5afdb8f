import { expect } from "chai";
import type { Backend, NumberArray } from "../../src/core/backend.js";
import { openReference } from "../../src/backends/reference/index.js";
import {
  fusedKernels, kernelDefinition, kernelNames, requiredKernels, updatedBy,
  type FusedKernelName, type KernelName, type KernelTable, type LooseKernel,
} from "../../src/kernels/contract.js";
import { runReference, type Values } from "../../src/verify/run-reference.js";
import { conformanceError, conformanceErrors, conformanceFailures, type ConformanceOptions } from "./conformance.js";
import { answerOf, casesOf, isListOf, makeInputs, mapOperand } from "./spec/index.js";
import { absolute, largest } from "./spec/spec.js";

const options: ConformanceOptions = { dtype: "f32", tolerance: () => 1e-6 };
const required = Object.keys(requiredKernels) as KernelName[];
const fused = Object.keys(fusedKernels) as FusedKernelName[];
const { kernels: referenceKernels } = openReference();

/** The reference with some kernels exchanged. */
function withKernels(changed: Record<string, unknown>): Backend<NumberArray> {
  return { ...openReference(), kernels: { ...referenceKernels, ...changed } as KernelTable<NumberArray> };
}

/** Adds a hundredth of the largest value to the last element: wrong at one place, by little. */
function spoil(operand: Values[string]): void {
  const y = isListOf(operand) ? operand[operand.length - 1] : operand;
  y[y.length - 1] += 0.01 * (largest(y) || 1);
}

/** A kernel that is right but for one output. */
const spoiled = (right: LooseKernel<NumberArray>, output: string): LooseKernel<NumberArray> => (outputs, ...rest) => {
  right(outputs, ...rest);
  spoil(outputs[output]);
};

const rightKernel = (kernel: KernelName): LooseKernel<NumberArray> => referenceKernels[kernel] as unknown as LooseKernel<NumberArray>;

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

  it("has between 670 and 900 cases, and every kernel several", () => {
    const counts = kernelNames.map((kernel) => casesOf(kernel).length);
    expect(Math.min(...counts)).to.be.at.least(6);
    expect(counts.reduce((a, b) => a + b)).to.be.within(670, 900);
  });

  it("has canonical cases only, as ops hand them down", () => {
    for (const kernel of kernelNames) {
      for (const attrs of casesOf(kernel)) expect(kernelDefinition(kernel).flaw?.(attrs as never), JSON.stringify(attrs)).to.equal(undefined);
    }
  });

  it("makes the same inputs for the same seed, others for another, all of them f32 numbers", () => {
    for (const kernel of kernelNames) {
      const list = casesOf(kernel), attrs = list[list.length - 1];
      const inputs = makeInputs(kernel, attrs, 3);
      expect(makeInputs(kernel, attrs, 3)).to.deep.equal(inputs);
      if (kernel !== "full") expect(makeInputs(kernel, attrs, 4)).to.not.deep.equal(inputs);
      for (const values of Object.values(inputs).flatMap((operand) => (isListOf(operand) ? operand : [operand]))) {
        expect([...values]).to.deep.equal([...Float32Array.from(values)]);
      }
    }
  });

  it("never measures sums against less than the sum itself", () => {
    for (const kernel of ["matmul", "linear", "conv2d", "conv2dGradInput", "conv2dGradWeight", "scatterAdd", "sumPool", "groupNorm"] as const) {
      for (let seed = 0; seed < casesOf(kernel).length; seed++) {
        const { inputs, attrs, scales } = answerOf(kernel, seed);
        const withoutBias = "bias" in inputs ? { ...inputs, bias: absolute(inputs.bias as NumberArray).fill(0) } : inputs;
        for (const [name, y] of Object.entries(runReference(kernel, withoutBias, attrs, {}))) {
          expect(scales[name], `${kernel} ${JSON.stringify(attrs)}`).to.be.at.least(largest(y as NumberArray) * (1 - 1e-12));
        }
      }
    }
  });

  for (const kernel of required) {
    it(`catches a wrong element in every output and case of ${kernel}`, async () => {
      const outputs = Object.keys(kernelDefinition(kernel).outputs);
      for (const output of outputs) {
        const wrong = withKernels({ [kernel]: spoiled(rightKernel(kernel), output) });
        const rows = await conformanceErrors(wrong, kernel, options);
        expect(rows.filter(({ error }) => error > 1e-6).map(({ tensor }) => tensor)).to.deep.equal(new Array(casesOf(kernel).length).fill(output));
      }
    });
  }

  it("knows the tensors that update kernels replace", () => {
    expect(required.filter((kernel) => updatedBy(kernel).length > 0)).to.have.members(["adam", "ema", "assign"]);
    expect(updatedBy("adam")).to.deep.equal(["p", "m", "v"]);
  });

  it("holds fused kernels to their composition: the composition passes, one with a wrong element does not", async () => {
    for (const kernel of fused) {
      const right: LooseKernel<NumberArray> = (outputs, inputs, attrs, scalars) => {
        for (const [name, y] of Object.entries(runReference(kernel, inputs, attrs, scalars))) {
          mapOperand(outputs[name], (output, i) => output.set(isListOf(y) ? y[i] : y));
        }
      };
      expect(await conformanceFailures(withKernels({ [kernel]: right }), kernel, options)).to.have.length(0);
      for (const output of Object.keys(kernelDefinition(kernel).outputs)) {
        const failures = await conformanceFailures(withKernels({ [kernel]: spoiled(right, output) }), kernel, options);
        expect(failures).to.have.length(casesOf(kernel).length);
      }
    }
  });
});
