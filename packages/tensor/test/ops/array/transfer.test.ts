import { expect } from "chai";
import { allClose, cast, Device, DeviceError, openDevice, tensor, to, zeros, type TensorOptions } from "../../../src/index.js";
import { openStrict } from "../../strict-backend.js";
import { thrown, thrownBy } from "../../thrown.js";

describe("cast and to", () => {
  it("copy into another dtype, rounding once", async () => {
    const device = await openDevice("reference");
    const x = tensor([0.1, 1e300], { device, dtype: "f64" });
    const y = await cast(x, "f32");
    expect(y.dtype).to.equal("f32");
    expect([...await y.data()]).to.deep.equal([Math.fround(0.1), Infinity]);
    expect(await (await cast(zeros([0, 2], { device }), "f64")).data()).to.be.instanceOf(Float64Array).with.length(0);
  });

  it("copy to another device", async () => {
    const [device, other] = [await openDevice("reference"), Device.over("strict", openStrict())];
    const y = await to(tensor([[1, 2]], { device }), other);
    expect(y.device).to.equal(other);
    expect(y.shape).to.deep.equal([1, 2]);
    expect([...await y.data()]).to.deep.equal([1, 2]);
  });

  it("refuse a dtype the device does not have", async () => {
    const device = await openDevice("reference");
    const narrow = Device.over("narrow", { ...openStrict(), dtypes: ["f32"] });
    const text = "narrow has no f64\n  dtypes   f32";
    const wide = zeros([1], { device, dtype: "f64" });
    expect(await thrownBy(to(wide, narrow))).to.be.instanceOf(DeviceError).with.property("message", text);
    expect(await thrownBy(cast(zeros([1], { device: narrow }), "f64"))).to.have.property("message", text);
    expect(thrown(() => zeros([1], { device: narrow, dtype: "f64" }))).to.have.property("message", text);
  });
});

describe("allClose", () => {
  let options: TensorOptions;
  before(async () => void (options = { device: await openDevice("reference"), dtype: "f64" }));
  const close = (a: number[], b: number[], tolerance = {}): Promise<boolean> =>
    allClose(tensor(a, options), tensor(b, options), tolerance);

  it("holds up to atol + rtol |b|, as in NumPy", async () => {
    expect(await close([100.0009], [100])).to.equal(true);
    expect(await close([100.0011], [100])).to.equal(false);
    expect(await close([0.9e-8], [0])).to.equal(true);
    expect(await close([1.1e-8], [0])).to.equal(false);
    expect(await close([1.4], [1], { rtol: 0, atol: 0.5 })).to.equal(true);
    expect(await close([100, 110], [110, 100], { rtol: 0.095, atol: 0 })).to.equal(false); // asymmetric: |b| counts
    expect(await close([], [])).to.equal(true);
  });

  it("takes equal infinities as close, and NaN for NaN only when asked", async () => {
    expect(await close([Infinity, -Infinity], [Infinity, -Infinity])).to.equal(true);
    expect(await close([Infinity], [-Infinity])).to.equal(false);
    expect(await close([1], [Infinity])).to.equal(false);
    expect(await close([NaN], [NaN])).to.equal(false);
    expect(await close([NaN], [NaN], { equalNan: true })).to.equal(true);
    expect(await close([NaN], [1], { equalNan: true })).to.equal(false);
  });

  it("compares across devices and dtypes, but not across shapes", async () => {
    const other = Device.over("strict", openStrict());
    expect(await allClose(tensor([0.1], options), tensor([0.1], { device: other }))).to.equal(true);
    const text = "allClose: shapes differ\n  a        [1]\n  b        [2]";
    expect(await thrownBy(close([1], [1, 2]))).to.have.property("message", text);
  });
});
