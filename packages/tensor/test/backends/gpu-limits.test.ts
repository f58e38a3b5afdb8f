import { expect } from "chai";
import { openGpu, type GpuBackend } from "../../src/backends/gpu/index.js";
import { limitCases, limitFailure } from "./gpu-limits.js";

/** Results of millions of numbers that have to be right take half a minute: `npm run test:gpu -- webasm` computes them. */
const quick = limitCases.filter(({ numbers, fits }) => numbers < 2 ** 22 || !fits("webasm"));

describe("limits of gpu:webasm in real sizes", () => {
  let backend: GpuBackend;
  before(async () => { backend = await openGpu("webasm"); });
  after(() => backend.dispose());
  for (const one of quick) {
    it(`${one.name}: ${one.fits("webasm") ? "right to the last element" : "refused by name"}`, async () => {
      expect(await limitFailure(one, backend, "webasm")).to.equal(undefined);
    }).timeout(120_000);
  }
});
