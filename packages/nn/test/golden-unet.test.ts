import { readFileSync } from "node:fs";
import { expect } from "chai";
import { CheckpointError, ConfigError, openDevice, type DType, type Device } from "@fromnoise/tensor";
import { verifyUNet, type UNetGolden } from "@fromnoise/nn";
import { wasmDevices } from "../../tensor/test/backends/wasm/builds.js";

const read = (name: string): UNetGolden =>
  JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8")) as UNetGolden;

const cases: readonly (readonly [spec: string, build: string, dtype: DType, tolerance: number])[] = [
  ["reference", "f64", "f64", 1e-9], ["reference", "f32", "f32", 1e-5],
  ...wasmDevices.map(([spec, build]) => [spec, build, "f32", 1e-4] as const),
];

for (const [spec, build, dtype, tolerance] of cases) {
  describe(`the U-Net against golden numbers of PyTorch: ${spec}, ${build}`, () => {
    let device: Device;
    before(async () => void (device = await openDevice(spec)));
    after(() => device.dispose());

    for (const name of ["ho", "diffusers_default", "scale_shift", "ncsnpp", "resnet", "vector", "pyramid"].map((end) => `unet_tiny_${end}`)) {
      it(`reproduces output, loss and every gradient of ${name} to ${tolerance}`, async () => {
        const golden = read(name);
        const rows = await verifyUNet(golden, { device, dtype });
        expect(rows).to.have.length(2 + 3 * golden.params.length);
        for (const { name: row, quantity, error } of rows) expect(error, `${row} ${quantity}`).to.be.below(tolerance);
        expect(device.memory().tensors, "tensors left alive").to.equal(0);
      });
    }
  });
}

describe("comparing a U-Net with a golden file", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());

  it("sees a wrong number in the file: output, loss or gradient", async () => {
    const golden = read("unet_tiny_ho");
    const shifted = { ...golden.params[7], grad_sum: golden.params[7].grad_sum + 1e-3 };
    const wrong = {
      ...golden, loss: golden.loss * (1 + 1e-6), output: golden.output.map((y, i) => (i === 5 ? y + 1e-6 : y)),
      params: golden.params.map((p, i) => (i === 7 ? shifted : p)),
    };
    const rows = await verifyUNet(wrong, { device, dtype: "f64" });
    const failed = rows.filter(({ error }) => !(error < 1e-9)).map(({ name, quantity }) => `${name} ${quantity}`);
    expect(failed).to.deep.equal(["output value", "loss value", `${shifted.name} grad_sum`]);
  });

  it("refuses another kind of file and another network", async () => {
    const golden = read("unet_tiny_ho");
    const rejection = async (changed: object): Promise<unknown> =>
      verifyUNet({ ...golden, ...changed }, { device, dtype: "f64" }).catch((error: unknown) => error);
    const kind = await rejection({ kind: "ops" });
    expect(kind).to.be.instanceOf(ConfigError);
    expect((kind as Error).message).to.contain("kind     ops   expected unet");
    const network = await rejection({ config: { dim: 8, dim_mults: [1, 2], channels: 2 } });
    expect(network).to.be.instanceOf(CheckpointError);
    expect((network as Error).message, "lucidrains' names are others").to.contain("the state dict does not fit the model");
    expect(device.memory().tensors).to.equal(0);
  });
});
