import { expect } from "chai";
import { openDevice, Random, randomNormal, randomUniform, tensor, zeros, type Device } from "../../../src/index.js";

describe("creation of tensors", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));

  it("is in f32 unless a dtype is named", () => {
    expect(zeros([2], { device }).dtype).to.equal("f32");
    expect(tensor([1, 2], { device }).dtype).to.equal("f32");
    expect(randomNormal([2], new Random(1), { device }).dtype).to.equal("f32");
    expect(zeros([2], { device, dtype: "f64" }).dtype).to.equal("f64");
  });

  it("reads typed arrays of every kind as one axis, or in row-major order under a shape", async () => {
    for (const ArrayType of [Int8Array, Uint8ClampedArray, Int32Array, Float32Array, Float64Array]) {
      const values = ArrayType.of(1, 2, 3, 4);
      const x = tensor(values, { device });
      expect(x.shape).to.deep.equal([4]);
      const y = tensor(values, { device, shape: [2, 2] });
      expect(y.shape).to.deep.equal([2, 2]);
      expect([...await y.data()]).to.deep.equal([1, 2, 3, 4]);
    }
  });

  it("copies host values: a later change does not reach the tensor, and a read gives a copy", async () => {
    const values = Float32Array.of(1, 2);
    const x = tensor(values, { device });
    values[0] = 9;
    (await x.data())[1] = 9;
    expect([...await x.data()]).to.deep.equal([1, 2]);
  });

  it("rounds to the dtype", async () => {
    expect(await tensor(0.1, { device }).item()).to.equal(Math.fround(0.1));
    expect(await tensor(0.1, { device, dtype: "f64" }).item()).to.equal(0.1);
  });

  it("takes random numbers from the generator in order and advances it", async () => {
    const random = new Random(7, 3);
    const x = randomNormal([2, 3], random, { device, dtype: "f64" });
    const y = randomUniform([4], random, { device, dtype: "f64" });
    const again = new Random(7, 3);
    expect([...await x.data()]).to.deep.equal([...again.normal(6)]);
    expect([...await y.data()]).to.deep.equal([...again.uniform(4)]);
    expect(random.counter).to.equal(again.counter);
    expect(x.shape).to.deep.equal([2, 3]);
    expect(await randomNormal([0, 2], random, { device }).data()).to.have.length(0);
  });
});
