import { expect } from "chai";
import {
  add, adamUpdate, at, clone, Device, DeviceError, emaUpdate, exp, finiteCheck, log, matmul, multiply, NumericError, observe, ones,
  openDevice, referenceCheck, setDebug, sum, tap, tensor, type KernelResult, type Tensor,
} from "../src/index.js";
import type { NumberArray } from "../src/core/backend.js";
import { openStrict, type Cell } from "./strict-backend.js";
import { thrown, thrownBy } from "./thrown.js";

/** The strict backend with a sum that forgets its last term; `queued` reads arrive later, as on a device with a queue. */
function openBroken(queued: boolean): Device {
  const backend = openStrict();
  const { binary, ema } = backend.kernels;
  const broken: typeof binary = (outputs, inputs, attrs, scalars) => {
    binary(outputs, inputs, attrs, scalars);
    if (attrs.op === "multiply") outputs.y.values[outputs.y.values.length - 1] += 0.5;
  };
  const brokenEma: typeof ema = (outputs, inputs, attrs, { decay }) => ema(outputs, inputs, attrs, { decay: decay / 2 });
  const read = (storage: Cell): NumberArray | Promise<NumberArray> => {
    const values = backend.read(storage);
    return queued ? Promise.resolve(values) : values;
  };
  return Device.over("broken", { ...backend, kernels: { ...backend.kernels, binary: broken, ema: brokenEma }, read });
}

describe("observe", () => {
  it("shows every kernel before and after it runs: kernel, layer, tensors, attributes, scalars", async () => {
    const device = await openDevice("reference");
    const [a, b] = [ones([2, 3], { device }), ones([3, 4], { device })];
    const seen: unknown[] = [];
    let results: KernelResult[] = [];
    const { result } = observe(device, {
      before: ({ kernel, inputs }) => void seen.push([kernel, Object.keys(inputs)]),
      after: (event) => void results.push(event),
    }, () => at("net.fc", () => matmul(a, b)));
    expect(seen).to.deep.equal([["matmul", ["a", "b"]]]);
    const [{ layer, inputs, outputs, attrs, scalars, ms }] = results;
    expect([layer, inputs, outputs, scalars]).to.deep.equal(["net.fc", { a, b }, { y: result }, {}]);
    expect(attrs).to.deep.equal({ batch: 1, m: 2, k: 3, n: 4, transposeA: false, transposeB: false });
    expect(ms).to.be.at.least(0);
    results = [];
    matmul(a, b);
    expect(results, "nothing is seen afterwards").to.deep.equal([]);
  });

  it("gives update kernels' inputs as their outputs, in lists", async () => {
    const device = await openDevice("reference");
    const pairs = [1, 2].map((value) => ({ target: ones([value], { device }), source: ones([value], { device }) }));
    const seen: unknown[] = [];
    observe(device, { after: ({ outputs }) => void seen.push(outputs) }, () => emaUpdate(pairs, 0.5));
    expect(seen).to.deep.equal([{ target: pairs.map(({ target }) => target) }]);
  });

  it("does not show an observer its own kernels, and takes itself off when the function throws", async () => {
    const device = await openDevice("reference");
    const x = ones([2], { device });
    let count = 0;
    const kept: Tensor[] = [];
    const observer = { after: ({ outputs }: KernelResult) => void (count++, kept.push(clone(outputs["y"] as Tensor))) };
    observe(device, observer, () => add(x, 1));
    expect(count).to.equal(1);
    expect([...await kept[0].data()]).to.deep.equal([2, 2]);
    thrown(() => observe(device, observer, () => { throw new Error("no"); }));
    add(x, 1);
    expect(count).to.equal(1);
  });

  it("refuses an asynchronous function", async () => {
    const device = await openDevice("reference");
    expect(thrown(() => observe(device, {}, async () => 1))).to.be.instanceOf(DeviceError)
      .with.property("message").that.contains("observe: the function returned a promise");
  });

  it("frees the output of a kernel whose observer throws", async () => {
    const device = await openDevice("reference");
    const x = ones([2], { device });
    const before = device.memory();
    const fail = { after: () => { throw new Error("seen enough"); } };
    expect(thrown(() => observe(device, fail, () => add(x, 1))).message).to.equal("seen enough");
    expect(device.memory()).to.deep.equal({ ...before, peakBytes: device.memory().peakBytes });
  });

  it("nests, and two computations are told apart", async () => {
    const device = await openDevice("reference");
    const x = ones([2], { device });
    const [outer, inner]: string[][] = [[], []];
    observe(device, { after: ({ attrs }) => void outer.push((attrs as { op: string }).op) }, () => {
      exp(x);
      observe(device, { after: ({ attrs }) => void inner.push((attrs as { op: string }).op) }, () => log(x));
      add(x, x);
    });
    expect([outer, inner]).to.deep.equal([["exp", "log", "add"], ["log"]]);
  });
});

describe("tap", () => {
  it("hands over every tensor of every kernel by layer, operation and name", async () => {
    const device = await openDevice("reference");
    const x = tensor([1, 2], { device });
    const seen: string[] = [];
    observe(device, tap(({ layer, call, kind, op, name, tensor: t }) => void seen.push(`${layer} ${call} ${kind} ${op}.${name} ${t.shape.join()}`)),
      () => at("net.a", () => multiply(exp(x), x)));
    expect(seen).to.deep.equal(["net.a 0 in exp.x 2", "net.a 0 out exp.y 2", "net.a 1 in multiply.a 2", "net.a 1 in multiply.b 2", "net.a 1 out multiply.y 2"]);
  });
});

describe("the finite check", () => {
  it("stops at the first NaN or infinity and names it with its layer", async () => {
    const device = await openDevice("reference");
    const x = tensor([1, 2, 0, 3], { device });
    expect([...await observe(device, finiteCheck(), () => add(x, 1)).result.data()]).to.deep.equal([2, 3, 1, 4]);
    const before = device.memory();
    const error = thrown(() => observe(device, finiteCheck(), () => at("net.log", () => log(x))));
    expect(error).to.be.instanceOf(NumericError);
    expect(error.message).to.equal("log: the output f32 [4] is not finite\n  element 2 is -Infinity\n  at net.log");
    expect(device.memory(), "the bad output is freed").to.deep.equal({ ...before, peakBytes: device.memory().peakBytes });
    expect([...await log(x).data()], "it is off again").to.include(-Infinity);
  });

  it("covers what update kernels replace, and names the tensor of the list", async () => {
    const device = await openDevice("reference");
    const one = (value: number): Tensor => tensor([value], { device });
    const scalars = { lr: 1, beta1: 0.9, beta2: 0.99, eps: 0, correction1: 1, correction2: 1, weightDecay: 0, gradScale: 1 };
    const [good, bad] = [1, 0].map((g) => ({ p: one(1), m: one(0), v: one(0), g: one(g) }));
    const error = thrown(() => observe(device, finiteCheck(), () => adamUpdate([good, bad], scalars)));
    expect(error.message).to.equal("adam: the output p[1] f32 [1] is not finite\n  element 0 is NaN");
  });

  it("that was asked for in one computation cannot blame another that runs beside it", async () => {
    const device = openBroken(true);
    const x = tensor([0, 1], { device });
    const { result, settled } = observe(device, finiteCheck(), () => add(x, 1));
    const elsewhere = log(x); // -Infinity, and nobody asked
    await settled;
    expect([...await result.data()]).to.deep.equal([1, 2]);
    expect([...await elsewhere.data()]).to.deep.equal([-Infinity, 0]);
  });
});

describe("the reference check", () => {
  const text = "multiply on broken differs from the reference\n  element 2 is 4.5, the reference gives 4 (largest 4)";

  it("names the first kernel that differs at once where values can be read at once", () => {
    const device = openBroken(false);
    const x = tensor([1, -1, 2], { device });
    const wrong = (): unknown => observe(device, referenceCheck(), () => at("layer", () => (add(x, x), multiply(x, x))));
    expect(thrown(wrong)).to.be.instanceOf(NumericError).with.property("message", `${text}\n  at layer`);
  });

  it("covers update kernels, from their inputs as they were before", () => {
    const device = openBroken(false);
    const pairs = [1, 2].map((value) => ({ target: tensor([value], { device }), source: tensor([0], { device }) }));
    expect(thrown(() => observe(device, referenceCheck(), () => emaUpdate(pairs, 0.5))).message)
      .to.equal("ema on broken differs from the reference: target[0]\n  element 0 is 0.25, the reference gives 0.5 (largest 0.5)");
  });

  it("lands in `settled` where reads are queued, the first kernel first, and never in the device's own failure", async () => {
    const device = openBroken(true);
    const x = tensor([1, -1, 2], { device });
    const { result, settled } = observe(device, referenceCheck(), () => at("layer", () => (multiply(x, x), multiply(x, 2), multiply(x, x))));
    expect(await thrownBy(settled)).to.be.instanceOf(NumericError).with.property("message", `${text}\n  at layer`);
    expect([...await result.data()]).to.deep.equal([1, 1, 4.5]);
    await device.sync();
    multiply(x, x);
    await new Promise((resolve) => setImmediate(resolve));
    await device.sync();
  });

  it("passes honest kernels, f32 overflow included", async () => {
    const device = await openDevice("reference");
    const x = tensor([1, 100, NaN], { device });
    const { result } = observe(device, referenceCheck(), () => [exp(x), sum(matmul(ones([3, 4], { device }), ones([4, 2], { device })))] as const);
    expect([...await result[0].data()]).to.deep.equal([Math.fround(Math.E), Infinity, NaN]);
    expect(await result[1].item()).to.equal(24);
  });
});

describe("observers of a whole device", () => {
  it("are attached by the settings when it opens, and hold until then only", async () => {
    const restore = setDebug({ check: "finite" });
    const checked = await openDevice("reference");
    restore();
    const free = await openDevice("reference");
    expect(thrown(() => log(tensor([0], { device: checked }))).message).to.contain("log: the output f32 [1] is not finite");
    expect(await log(tensor([0], { device: free })).item()).to.equal(-Infinity);
  });

  it("by the reference too", async () => {
    const restore = setDebug({ check: "reference" });
    const device = await openDevice("reference");
    restore();
    expect(await add(tensor([1], { device }), 1).item()).to.equal(2);
  });

  it("that hear later report to the device's next op, read or sync", async () => {
    const device = openBroken(true);
    const detach = device.attach(referenceCheck());
    const x = tensor([1, -1, 2], { device });
    const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const y = multiply(x, x);
    await settle();
    expect(await thrownBy(y.data())).to.be.instanceOf(NumericError);
    multiply(x, x);
    await settle();
    expect(thrown(() => add(x, x))).to.be.instanceOf(NumericError);
    multiply(x, x);
    await settle();
    expect(await thrownBy(device.sync())).to.be.instanceOf(NumericError);
    detach();
    multiply(x, x);
    await settle();
    await device.sync();
  });
});
