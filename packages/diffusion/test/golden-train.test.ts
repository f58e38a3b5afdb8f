import { readFileSync } from "node:fs";
import { expect } from "chai";
import { ConfigError, openDevice, type Device } from "@fromnoise/tensor";
import { wasmDevices } from "../../tensor/test/backends/wasm/builds.js";
import { verifyTraining, type TrainGolden } from "../src/verify/golden-train.js";

const golden = JSON.parse(readFileSync(new URL("golden/train_tiny_ho.json", import.meta.url), "utf8")) as TrainGolden;

describe("training against golden numbers of PyTorch", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());

  it("repeats twelve steps of Adam with clipping: loss, gradient norm and final parameters to 1e-9 in f64", async () => {
    const rows = await verifyTraining(golden, { device, dtype: "f64" });
    expect(rows).to.have.length(2 * 12 + Object.keys(golden.final_l2).length);
    for (const { name, quantity, error } of rows) expect(error, `${name} ${quantity}`).to.be.below(1e-9);
    expect(device.memory().tensors, "tensors left alive").to.equal(0);
  });

  for (const [spec, build] of [["reference", "TypeScript"], ...wasmDevices]) {
    it(`stays within 1e-4 in f32: ${spec}, ${build}`, async () => {
      const other = await openDevice(spec);
      const rows = await verifyTraining(golden, { device: other, dtype: "f32" });
      for (const { name, quantity, error } of rows) expect(error, `${name} ${quantity}`).to.be.below(1e-4);
      expect(other.memory().tensors, "tensors left alive").to.equal(0);
      await other.dispose();
    });
  }

  it("sees a wrong number in the file", async () => {
    const steps = golden.steps.slice(0, 2).map((step) => ({ ...step, grad_norm: step.grad_norm * (1 + 1e-6) }));
    const rows = await verifyTraining({ ...golden, steps }, { device, dtype: "f64" });
    expect(rows.slice(0, 4).map(({ error }) => error < 1e-9)).to.deep.equal([true, false, true, false]);
  });

  it("refuses schedules, objectives and optimisers that the format does not define", async () => {
    const message = async (changed: object): Promise<string> => {
      const error: unknown = await verifyTraining({ ...golden, ...changed }, { device, dtype: "f64" }).catch((e: unknown) => e);
      expect(error).to.be.instanceOf(ConfigError);
      return (error as Error).message;
    };
    expect(await message({ schedule: { ...golden.schedule, name: "cosine" } })).to.contain("schedule cosine is not implemented");
    expect(await message({ objective: "v" })).to.contain("objective v is not implemented");
    expect(await message({ optimizer: { ...golden.optimizer, name: "sgd" } })).to.contain("optimizer sgd");
  });
});
