/** What opening mode webgpu in Node does to the rest of the process. */
import { expect } from "chai";
import { openGpu } from "../../src/backends/gpu/index.js";
import { withNavigator } from "../../src/backends/gpu/modes/node-webgpu.js";

/** What a process has as navigator, as WebGPU in it, and whether WebGPU's own classes are there. */
const found = (): unknown[] => {
  const property = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  const { navigator } = globalThis as { navigator?: { gpu?: unknown } };
  return [property?.get ?? property?.value, navigator?.gpu, "GPUBufferUsage" in globalThis];
};

describe("navigator in Node", () => {
  const lent = { gpu: "lent" };

  it("is another one while a function runs, then the one that was there", () => {
    const before = found();
    expect(withNavigator(lent, found)).to.deep.equal([lent, "lent", before[2]]);
    expect(found()).to.deep.equal(before);
    expect(() => withNavigator(lent, () => { throw new Error("no adapter"); })).to.throw("no adapter");
    expect(found()).to.deep.equal(before);
    withNavigator({ gpu: "a user's own" }, () => {
      withNavigator(lent, found);
      expect(found()[1]).to.equal("a user's own");
    });
  });

  it("is the same after mode webgpu was opened and has computed", async function () {
    this.timeout(60_000);
    const before = found();
    const backend = await openGpu("webgpu").catch((error: unknown) => {
      console.log(`      skipped, since it cannot be opened here: ${(error as Error).message.split("\n").join("; ")}`);
      return undefined;
    });
    expect(found()).to.deep.equal(before);
    if (backend === undefined) return this.skip();
    expect(backend.description).to.contain("without bounds checks for all that use gpu.js in this process");
    const x = backend.upload(Float32Array.of(1, 2), [2], "f32");
    const y = backend.allocate([2], "f32");
    backend.kernels.unary({ y }, { x }, { op: "affine", n: 2 }, { p: 2, q: 1 });
    expect([...await backend.read(y)]).to.deep.equal([3, 5]);
    expect(found()).to.deep.equal(before);
    await backend.dispose();
  });
});
