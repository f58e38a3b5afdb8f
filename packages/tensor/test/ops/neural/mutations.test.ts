import { expect } from "chai";
import {
  gradcheck, gradcheckCases, multiply, openDevice, Tensor, type Device, type GradcheckReport, type GradcheckSetup,
} from "@fromnoise/tensor";
import { mutations } from "./mutations.js";

type Gradients = Record<string, Tensor>;

/** Runs the check with some gradients replaced. */
async function checkMutated(
  setup: GradcheckSetup, mutate: (dy: Tensor, right: Gradients) => Gradients,
): Promise<GradcheckReport> {
  const { inputs, forward, backward } = setup;
  const [first] = Object.keys(inputs);
  return gradcheck({
    forward,
    backward: (dy, x) => {
      const result = backward(dy, x);
      const right: Gradients = result instanceof Tensor ? { [`d${first}`]: result } : { ...result };
      return { ...right, ...mutate(dy, right) };
    },
  }, inputs);
}

const wrongInputs = (report: GradcheckReport): string[] =>
  report.inputs.filter(({ pass }) => !pass).map(({ name }) => `d${name}`);

describe("the gradient check rejects wrong backwards", () => {
  let device: Device;
  before(async () => { device = await openDevice("reference"); });

  it("of every op: each has a mutation of its own", () => {
    expect([...new Set(mutations.map(({ op }) => op))]).to.have.members([...new Set(gradcheckCases.map(({ op }) => op))]);
  });

  for (const { op, on, mistake, backward } of mutations) {
    it(`${op}: ${mistake}`, async () => {
      const found = gradcheckCases.find((c) => c.op === op && c.name === on);
      expect(found, `case "${on}"`).to.not.equal(undefined);
      const setup = found!.build(device, 3);
      let mutated: string[] = [];
      const report = await checkMutated(setup, (dy, right) => {
        const wrong = backward(dy, setup.inputs, right);
        mutated = Object.keys(wrong);
        return wrong;
      });
      expect(report.pass).to.equal(false);
      expect(mutated).to.include.members(wrongInputs(report));
      if (mutated.length === 1) expect(wrongInputs(report)).to.deep.equal(mutated);
    });
  }

  const firstOfEachOp = gradcheckCases.filter(({ op }, i) => gradcheckCases.findIndex((c) => c.op === op) === i);
  for (const { op, build } of firstOfEachOp) {
    it(`${op}: any gradient with its sign flipped, dropped, or 1e-5 too large`, async () => {
      const setup = build(device, 4);
      for (const input of Object.keys(setup.inputs)) {
        for (const factor of [-1, 0, 1 + 1e-5]) {
          const report = await checkMutated(setup, (_dy, right) => ({ [`d${input}`]: multiply(right[`d${input}`], factor) }));
          expect(wrongInputs(report), `d${input} times ${factor}`).to.deep.equal([`d${input}`]);
        }
      }
    });
  }
});
