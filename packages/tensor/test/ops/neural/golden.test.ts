import { expect } from "chai";
import { readFileSync } from "node:fs";
import {
  ConfigError, largestGradient, openDevice, runGoldenOp, type Device, type DType, type GoldenOp,
} from "@fromnoise/tensor";
import { wasmDevices } from "../../backends/wasm/builds.js";
import { thrownBy } from "../../thrown.js";

/** ops.json, and those of later ops (ops-2.py beside it wrote them). */
const texts = ["ops.json", "ops-2.json"].map((name) => readFileSync(new URL(`../../golden/${name}`, import.meta.url), "utf8"));
const file = { ops: Object.assign({}, ...texts.map((text) => (JSON.parse(text) as { ops: object }).ops)) as Record<string, GoldenOp> };

const largest = largestGradient(Object.values(file.ops));

for (const [spec, build, limits] of [
  ["reference", "TypeScript", { f64: 1e-10, f32: 1e-6 }], ...wasmDevices.map(([name, b]) => [name, b, { f32: 1e-5 }] as const),
] as const) {
  const limit = Object.entries(limits).map(([dtype, most]) => `${most} in ${dtype}`).join(", ");

  describe(`neural ops against PyTorch's numbers: ${spec}, ${build}`, () => {
    let device: Device;
    before(async () => void (device = await openDevice(spec)));
    after(() => device.dispose());

    for (const [name, op] of Object.entries(file.ops)) {
      it(`${name}: output and every gradient to ${limit}`, async () => {
        for (const [dtype, most] of Object.entries(limits) as [DType, number][]) {
          const rows = await runGoldenOp(op, device, dtype, largest);
          const gradients = Object.keys(op.grads).map((input) => `d${input}`);
          expect(rows.map(({ quantity }) => quantity)).to.deep.equal(["output", ...gradients]);
          for (const { quantity, error } of rows) expect(error, `${quantity} in ${dtype}`).to.be.at.most(most);
        }
        expect(device.memory().tensors).to.equal(0);
      });
    }
  });
}

describe("comparing ops with a golden file", () => {
  let device: Device;
  before(async () => { device = await openDevice("reference"); });

  it("finds an output and a gradient that are wrong, and only those", async () => {
    const op = file.ops["conv2d_3x3_s2_asym0101"];
    const [output, dw] = [[...op.output.data], [...op.grads["w"]]];
    output[5] += 1e-3;
    dw[0] = -dw[0];
    const rows = await runGoldenOp({ ...op, output: { ...op.output, data: output }, grads: { ...op.grads, w: dw } }, device);
    expect(rows.filter(({ error }) => error > 1e-6).map(({ quantity }) => quantity)).to.deep.equal(["output", "dw"]);
  });

  it("takes the layouts of the file: one-sided padding on the wrong side is seen", async () => {
    const op = file.ops["conv2d_3x3_s2_asym0101"];
    const rows = await runGoldenOp({ ...op, attrs: { stride: 2, padding: [1, 0, 1, 0] } }, device);
    expect(rows.filter(({ error }) => error > 1e-3).map(({ quantity }) => quantity)).to.deep.equal(["output", "dx", "dw"]);
  });

  const linear = file.ops["linear"];
  const broken: [string, GoldenOp, string][] = [
    ["an unknown op", { ...linear, op: "maxout" },
      'golden file: op "maxout" is unknown\n' +
      "  allowed  conv2d, weightStandardizedConv2d, linear, groupNorm, rmsNorm, silu, relu, leakyRelu, tanh, sigmoid, gelu, mish, softmax, " +
      "logSoftmax, crossEntropy, maxPool, upsampleNearest, pixelUnshuffle, attentionBlock, linearAttention, mse, l1"],
    ["a name every object has", { ...linear, op: "toString" }, 'golden file: op "toString" is unknown'],
    ["an input that is missing", { ...linear, inputs: { x: linear.inputs["x"], w: linear.inputs["w"] } },
      "golden file: the inputs of linear do not fit\n  inputs   x, w\n  expected x, w, b"],
    ["values that do not fill their shape", { ...linear, grad_output: [1, 2] },
      "golden file: linear: grad_output has 2 values\n  shape    [3, 4] = 12 values"],
    ["an attribute that is missing", { ...file.ops["group_norm_g2_eps1e-6"], attrs: { eps: 1e-6 } },
      "golden file: attribute groups is undefined\n  allowed  a number"],
    ["padding with three sides", { ...file.ops["conv2d_1x1"], attrs: { stride: 1, padding: [0, 0, 1] } },
      "golden file: attribute padding is [0,0,1]\n  allowed  a number, [top, bottom, left, right]"],
  ];
  for (const [what, op, message] of broken) {
    it(`refuses ${what}`, async () => {
      const error = await thrownBy(runGoldenOp(op, device));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.contain(message);
    });
  }
});
