/** lucidrains' U-Net against numbers of the program, era by era; golden/lucidrains.py says how those of 1.7 and 1.9 were made. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { openDevice, type DType, type Device } from "@fromnoise/tensor";
import { LucidrainsUNet, describe as tensorsOf, parameterCount, verifyUNet, type LucidrainsEra, type UNetGolden } from "@fromnoise/nn";
import { wasmDevices } from "../../tensor/test/backends/wasm/builds.js";
import { readGolden } from "./small.js";

/**
 * In f32 a bias before a group normalisation of one channel a group, whose gradient is 0 in theory, is all rounding, measured at 1e-4
 * of the largest gradient: up to 4e-4. Everything else is below 1e-4.
 */
const cases: readonly (readonly [spec: string, build: string, dtype: DType, tolerance: number])[] = [
  ["reference", "f64", "f64", 1e-9], ["reference", "f32", "f32", 1e-3],
  ...wasmDevices.map(([spec, build]) => [spec, build, "f32", 1e-3] as const),
];
const versions = ["1.6.4", "1.7.0", "1.7.1", "1.7.2", "1.7.4", "1.8.8", "1.9.0", "2.3.1"];

for (const [spec, build, dtype, tolerance] of cases) {
  describe(`lucidrains' U-Net against golden numbers of the program: ${spec}, ${build}`, () => {
    let device: Device;
    before(async () => void (device = await openDevice(spec)));
    after(() => device.dispose());

    for (const version of versions) {
      it(`reproduces output, loss and every gradient of ${version} to ${tolerance}`, async () => {
        const golden = readGolden<UNetGolden>(`unet_tiny_lucidrains_${version}`);
        const rows = await verifyUNet(golden, { device, dtype });
        expect(rows).to.have.length(2 + 3 * golden.params.length);
        for (const { name: row, quantity, error } of rows) expect(error, `${row} ${quantity}`).to.be.below(tolerance);
        expect(device.memory().tensors, "tensors left alive").to.equal(0);
      });
    }
  });
}

describe("lucidrains' U-Net and its eras", () => {
  it("are told apart by the golden numbers: weights of one are not those of another that takes the same names", async () => {
    const device = await openDevice("reference");
    const worst = async (version: string, era: LucidrainsEra): Promise<number> => {
      const golden = readGolden<UNetGolden>(`unet_tiny_lucidrains_${version}`);
      const rows = await verifyUNet({ ...golden, config: { ...golden.config, era } }, { device, dtype: "f64" });
      return Math.max(...rows.map(({ error }) => error));
    };
    for (const [version, other] of [["1.6.4", "1.7.0"], ["1.7.0", "1.7.1"], ["1.7.1", "1.7.2"], ["1.7.2", "1.7.4"]] as const) {
      expect(await worst(version, other), `${version} as ${other}`).to.be.above(1e-6);
    }
    await device.dispose();
  });

  for (const [version, era, tensors, parameters] of [
    ["1.6.4", "1.6", 276, 35_711_107], ["1.8.8", "1.8", 274, 35_710_339], ["2.3.1", "2.0", 245, 35_711_491],
  ] as const) {
    it(`Unet(dim=64) of ${version} has its ${tensors} tensors with ${parameters} parameters, in name, shape and order`, () => {
      const unet = new LucidrainsUNet({ era, dim: 64 });
      const published = readFileSync(new URL(`golden/lucidrains_unet_dim64_${version}.txt`, import.meta.url), "utf8").trim().split("\n");
      expect(unet.parameters).to.have.length(tensors);
      expect(parameterCount(unet)).to.equal(parameters);
      expect(tensorsOf(unet).map((p) => `${p.name}\t[${p.shape.join(", ")}]`)).to.deep.equal(published);
    });
  }
});
