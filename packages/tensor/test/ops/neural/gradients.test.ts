import { expect, use } from "chai";
import * as api from "@fromnoise/tensor";
import { gradcheckCases, openDevice, Random, randomNormal, Tensor, type Device, type GradcheckSetup } from "@fromnoise/tensor";
import { gradcheckAssertion } from "@fromnoise/tensor/chai";

use(gradcheckAssertion);

/** Gradients of sum(upstream y) by input name, upstream drawn from a seed. */
async function gradientsOf({ inputs, forward, backward }: GradcheckSetup, device: Device): Promise<Record<string, Float64Array>> {
  const first = Object.values(inputs)[0];
  const y = forward(inputs);
  const result = backward(randomNormal(y.shape, new Random(99), { device, dtype: first.dtype }), inputs);
  const out: Record<string, Float64Array> = {};
  for (const name of Object.keys(inputs)) {
    const gradient = result instanceof Tensor ? result : result[`d${name}`];
    expect(gradient.dtype).to.equal(first.dtype);
    out[name] = Float64Array.from(await gradient.data());
  }
  return out;
}

const norm = (values: Float64Array): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));

describe("gradients of the neural ops", () => {
  let device: Device;
  before(async () => { device = await openDevice("reference"); });

  it("are checked for every op that has a backward", () => {
    const withBackward = Object.entries(api as Record<string, unknown>)
      .filter(([, op]) => typeof (op as { backward?: unknown } | null | undefined)?.backward === "function")
      .map(([name]) => name);
    expect(withBackward).to.include.members(["linear", "conv2d", "groupNorm", "attention", "mse"]);
    expect(gradcheckCases.map(({ op }) => op)).to.include.members([...withBackward, "addPerImage"]);
  });

  for (const [i, { op, name, build }] of gradcheckCases.entries()) {
    it(`${op}, ${name}: every element agrees with differences to 1e-6, and nothing is left behind`, async () => {
      const { inputs, ...fn } = build(device, 1000 + i);
      const before = device.memory();
      await expect(fn).to.passGradcheck(inputs, { rtol: 1e-6, atol: 1e-9 });
      expect(device.memory().tensors).to.equal(before.tensors);
      expect(device.memory().bytes).to.equal(before.bytes);
    });
  }

  it("in f32 agree by norm with those in f64 to 1e-5", async () => {
    for (const [i, { op, name, build }] of gradcheckCases.entries()) {
      const [wide, narrow] = [build(device, 1000 + i, "f64"), build(device, 1000 + i, "f32")];
      const [expected, actual] = [await gradientsOf(wide, device), await gradientsOf(narrow, device)];
      for (const input of Object.keys(expected)) {
        const difference = norm(expected[input].map((v, j) => v - actual[input][j]));
        expect(difference / norm(expected[input]), `${op}, ${name}: d${input}`).to.be.at.most(1e-5);
      }
    }
  });

  it("leave nothing but their results on the device when no scope is open", () => {
    const takeOutput = ["softmax", "logSoftmax", "tanh", "sigmoid"];
    const local = gradcheckCases.map(({ build }) => build(device, 5));
    for (const [i, { inputs, forward, backward }] of local.entries()) {
      const start = device.memory().tensors;
      const y = forward(inputs);
      const { op, name } = gradcheckCases[i];
      const extra = /groupNorm/i.test(op) || op === "layerNorm" ? 1 : 0;              // the statistics
      expect(device.memory().tensors - start, `${op}, ${name}: forward`).to.equal(1 + extra);
      const dy = randomNormal(y.shape, new Random(1), { device, dtype: "f64" });
      const middle = device.memory().tensors;
      const result = backward(dy, inputs);
      const gradients = result instanceof Tensor ? [result] : Object.values(result).filter((t) => t !== dy);
      const own = takeOutput.includes(op) ? 1 : extra;                               // their cases compute y again
      expect(device.memory().tensors - middle, `${op}, ${name}: backward`).to.equal(gradients.length + own);
    }
  });
});
