import { expect } from "chai";
import { openGpu, type GpuBackend } from "../../src/backends/gpu/index.js";
import { limitCases, limitFailure } from "./gpu-limits.js";

describe("limits of gpu:webasm in real sizes", () => {
  let backend: GpuBackend;
  before(async () => { backend = await openGpu("webasm"); });
  after(() => backend.dispose());
  for (const one of limitCases) {
    it(`${one.name}: ${one.fits("webasm") ? "right to the last element" : "refused by name"}`, async () => {
      expect(await limitFailure(one, backend, "webasm")).to.equal(undefined);
    }).timeout(120_000);
  }
});
