import { expect } from "chai";
import { openDevice, type DType, type Device } from "@fromnoise/tensor";
import { verifyDit, type UNetGolden } from "@fromnoise/nn";
import { wasmDevices } from "../../tensor/test/backends/wasm/builds.js";
import { readGolden } from "./small.js";

const cases: readonly (readonly [spec: string, build: string, dtype: DType, tolerance: number])[] = [
  ["reference", "f64", "f64", 1e-9], ["reference", "f32", "f32", 1e-5],
  ...wasmDevices.map(([spec, build]) => [spec, build, "f32", 1e-4] as const),
];

describe("the DiT against golden numbers of PyTorch", () => {
  const golden = readGolden<UNetGolden>("dit_tiny");

  for (const [spec, build, dtype, tolerance] of cases) {
    it(`reproduces output, loss and every gradient to ${tolerance}: ${spec}, ${build}`, async () => {
      const device: Device = await openDevice(spec);
      try {
        const rows = await verifyDit(golden, { device, dtype });
        expect(rows).to.have.length(2 + 3 * golden.params.length);
        for (const { name: row, quantity, error } of rows) expect(error, `${row} ${quantity}`).to.be.below(tolerance);
        expect(device.memory().tensors, "tensors left alive").to.equal(0);
      } finally {
        await device.dispose();
      }
    });
  }

  it("sees another class in the file", async () => {
    const device = await openDevice("reference");
    const rows = await verifyDit({ ...golden, labels: [1, 2] }, { device, dtype: "f64" });
    expect(rows.find(({ name }) => name === "output")!.error).to.be.above(1e-3);
    await device.dispose();
  });
});
