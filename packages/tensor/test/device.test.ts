import { expect } from "chai";
import {
  add, at, Device, DeviceError, DisposedError, exp, here, kernelPrinter, linear, matmul, multiply, observe, openDevice, ones, reshape,
  setDebug, ShapeError, sum, tensor, zeros, type Tensor,
} from "../src/index.js";
import { openStrict } from "./strict-backend.js";
import { thrown, thrownBy } from "./thrown.js";

type StrictBackend = ReturnType<typeof openStrict>;

describe("scopes", () => {
  let backend: StrictBackend;
  let device: Device;
  beforeEach(() => {
    backend = openStrict();
    device = Device.over("strict", backend);
  });
  const make = (): Tensor => zeros([2, 3], { device });

  it("free what they made, except what they return", () => {
    let inner: Tensor | undefined;
    const y = device.scope(() => {
      inner = make();
      return add(inner, 1);
    });
    expect(inner!.disposed).to.equal(true);
    expect(y.disposed).to.equal(false);
    expect(device.memory()).to.deep.equal({ tensors: 1, bytes: 24, peakBytes: 48 });
    expect(backend.live()).to.equal(1);
  });

  it("find returned tensors in arrays, objects, Maps, Sets and class instances, and in cycles of them", () => {
    class Cache { constructor(readonly x: Tensor, readonly self: { me?: unknown }) {} }
    const result = device.scope(() => {
      make();
      const cycle: { me?: unknown } = {};
      cycle.me = cycle;
      const map = new Map<unknown, unknown>([["y", make()], [make(), 1]]);
      return { list: [make(), [make()]], map, set: new Set([make()]), cache: new Cache(make(), cycle) };
    });
    expect(device.memory().tensors).to.equal(6);
    expect([...result.map.keys()].some((key) => typeof key === "object" && !(key as Tensor).disposed)).to.equal(true);
    expect(result.cache.x.disposed).to.equal(false);
  });

  it("nest: what the inner one returns belongs to the outer one", () => {
    let fromInner: Tensor | undefined;
    const y = device.scope(() => {
      fromInner = device.scope(() => add(make(), make()));
      expect(device.memory().tensors).to.equal(1);
      return multiply(fromInner, 2);
    });
    expect(fromInner!.disposed).to.equal(true);
    expect(device.memory().tensors).to.equal(1);
    device.scope(() => {
      device.scope(() => y); // made outside: stays where it belongs
    });
    expect(y.disposed).to.equal(false);
  });

  it("free everything when the function throws, and close", () => {
    const failure = new Error("boom");
    expect(thrown(() => device.scope(() => {
      make();
      device.scope(() => {
        make();
        throw failure;
      });
    }))).to.equal(failure);
    expect(device.memory().tensors).to.equal(0);
    make();
    expect(device.memory().tensors, "made outside of any scope").to.equal(1);
  });

  it("refuse a promise, without an unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listen);
    const error = thrown(() => device.scope(async () => {
      make();
      await Promise.resolve();
      throw new Error("reported to nobody");
    }));
    const text = "scope: the function returned a promise; scopes are synchronous\n  read values outside the scope";
    expect(error).to.be.instanceOf(DeviceError).with.property("message", text);
    expect(device.memory().tensors).to.equal(0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", listen);
    expect(unhandled).to.deep.equal([]);
  });

  it("leave kept tensors alone", () => {
    const kept = device.scope(() => device.scope(() => {
      make();
      return { hidden: () => device.keep(make()) };
    }).hidden());
    expect(kept.disposed).to.equal(false);
    let alive: Tensor | undefined;
    device.scope(() => void (alive = device.keep(make())));
    expect(alive!.disposed).to.equal(false);
    kept.dispose();
    alive!.dispose();
    expect(backend.live()).to.equal(0);
  });

  it("let a tensor be disposed early, and a second time without effect", () => {
    device.scope(() => {
      const x = make();
      x.dispose();
      x.dispose();
      expect(device.memory().tensors).to.equal(0);
    });
    expect(device.memory()).to.include({ tensors: 0, bytes: 0 });
    expect(backend.live()).to.equal(0);
  });
});

describe("memory", () => {
  it("counts storage once for the tensors that share it, until the last is gone", () => {
    const backend = openStrict();
    const device = Device.over("strict", backend);
    const x = zeros([2, 3], { device });
    const y = reshape(x, [3, 2]);
    const z = reshape(y, [6]);
    expect(device.memory()).to.deep.equal({ tensors: 3, bytes: 24, peakBytes: 24 });
    x.dispose();
    z.dispose();
    expect([device.memory().tensors, device.memory().bytes, backend.live()]).to.deep.equal([1, 24, 1]);
    y.dispose();
    expect([device.memory().tensors, device.memory().bytes, backend.live()]).to.deep.equal([0, 0, 0]);
  });

  it("remembers the peak until it is reset, and counts f64 twice as large", () => {
    const device = Device.over("strict", openStrict());
    const x = zeros([4], { device });
    const y = zeros([4], { device, dtype: "f64" });
    y.dispose();
    expect(device.memory()).to.deep.equal({ tensors: 1, bytes: 16, peakBytes: 48 });
    device.resetPeak();
    expect(device.memory().peakBytes).to.equal(16);
    x.dispose();
  });

  it("is untouched by a kernel that fails", () => {
    const backend = openStrict();
    const failing = (): never => { throw new Error("no"); };
    const device = Device.over("fails", { ...backend, kernels: { ...backend.kernels, unary: failing } });
    const x = zeros([4], { device });
    expect(thrown(() => exp(x)).message).to.equal("no");
    expect(device.memory()).to.include({ tensors: 1, bytes: 16 });
    expect(backend.live()).to.equal(1);
  });

  it("of empty tensors is nothing, and the backend never hears of them", async () => {
    const backend = openStrict();
    const device = Device.over("strict", backend);
    const x = zeros([0, 3], { device });
    const y = multiply(reshape(x, [3, 0]), 2);
    expect(backend.live()).to.equal(0);
    expect(device.memory()).to.include({ tensors: 3, bytes: 0 });
    expect(await y.data()).to.be.instanceOf(Float32Array).with.length(0);
    expect(await sum(x).item()).to.equal(0);
    x.dispose();
    y.dispose();
    expect(device.memory().bytes, "those of the sum").to.equal(4);
  });
});

describe("tensors", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));

  it("know their rank and size, and describe themselves", () => {
    const x = zeros([2, 3], { device, dtype: "f64" });
    expect([x.rank, x.size, String(x)]).to.deep.equal([2, 6, "Tensor f64 [2, 3] on reference"]);
    x.dispose();
    expect(String(x)).to.equal("Tensor f64 [2, 3] on reference (disposed)");
    expect(String(zeros([], { device }))).to.equal("Tensor f32 [] on reference");
  });

  it("cannot be used after dispose", async () => {
    const x = zeros([2], { device });
    x.dispose();
    const text = (use: string): string => `${use}: the tensor was disposed\n  x        f32 [2]`;
    expect(thrown(() => add(x, 1))).to.be.instanceOf(DisposedError).with.property("message", text("add"));
    expect(await thrownBy(x.data())).to.be.instanceOf(DisposedError).with.property("message", text("data()"));
    expect(thrown(() => device.keep(x))).to.have.property("message", text("keep"));
  });

  it("outlive neither their device nor its use", async () => {
    const x = zeros([2], { device });
    await device.dispose();
    await device.dispose();
    expect(thrown(() => exp(x))).to.be.instanceOf(DisposedError);
    expect(thrown(() => exp(x))).to.have.property("message", "exp: the reference device was disposed");
    expect(thrown(() => zeros([1], { device }))).to.have.property("message", "full: the reference device was disposed");
    expect(await thrownBy(x.data())).to.have.property("message", "data(): the reference device was disposed");
    expect(await thrownBy(device.sync())).to.have.property("message", "sync(): the reference device was disposed");
    x.dispose();
  });

  it("give the value of one element, and refuse item() for more", async () => {
    expect(await tensor([[3]], { device }).item()).to.equal(3);
    const error = await thrownBy(zeros([2, 1], { device }).item());
    expect(error).to.be.instanceOf(ShapeError);
    expect(error.message).to.equal("item: the tensor has 2 elements, not 1\n  x        [2, 1]");
  });
});

describe("kernels", () => {
  it("are refused inputs that do not fit their attributes", async () => {
    const device = await openDevice("reference");
    const x = zeros([3], { device });
    const short = thrown(() => device.run("unary", { x }, { op: "exp", n: 4 }, { p: 0, q: 0 }, { y: [4] }));
    expect(short).to.be.instanceOf(ShapeError);
    expect(short.message).to.equal("exp: x has 3 elements, the kernel needs 4\n  x        [3]   expected [4]");
    const odd = thrown(() => device.run("unary", { x }, { op: "exp", n: 3 }, { p: 0, q: 0 }, { y: [4] }));
    expect(odd.message).to.equal("unary: the kernel gives [3], the op expects [4]");
  });

  it("a missing fused kernel is composed, and only its result stays", async () => {
    const device = Device.over("strict", openStrict());
    const options = { device };
    const [x, w, b] = [ones([2, 3], options), ones([3, 4], options), ones([4], options)];
    const seen: string[] = [];
    const { result: y } = observe(device, { after: ({ kernel }) => void seen.push(kernel) }, () => linear.forward(x, w, b));
    expect(seen.slice(0, 2)).to.deep.equal(["matmul", "binary"]);
    expect([...await y.data()]).to.deep.equal(new Array(8).fill(4));
    expect(device.memory().tensors).to.equal(4);
  });

  it("are refused when they need indices that are not on the axis, where a debug level is set", async () => {
    const restore = setDebug({ level: 1, print: () => undefined });
    const device = await openDevice("reference");
    restore();
    const x = ones([3], { device }), index = tensor([0, 3], { device });
    const take = (): unknown => device.run("gather", { x, index }, { outer: 1, axis: 3, inner: 1, count: 2 }, {});
    expect(thrown(take)).to.be.instanceOf(ShapeError)
      .with.property("message", "gather: index 1 is 3\n  allowed  whole numbers from 0 to 2");
    const add = (): unknown => device.run("scatterAdd", { x: index, index }, { outer: 1, axis: 3, inner: 1, count: 2 }, {});
    expect(thrown(add)).to.be.instanceOf(ShapeError);
  });
});

describe("at", () => {
  it("names the layer in errors: the innermost one, once", async () => {
    const device = await openDevice("reference");
    const x = zeros([2], { device });
    const error = thrown(() => at("unet", () => at("unet.down.0", () => add(x, zeros([3], { device })))));
    const text = "add: shapes do not broadcast: 2 against 3 at axis -1\n  a        [2]\n  b        [3]\n  at unet.down.0";
    expect(error.message).to.equal(text);
    expect(error).to.have.property("location", "unet.down.0");
    expect(here()).to.equal("");
  });

  it("gives the result of the function, restores the layer around it, and passes other errors through", () => {
    expect(at("a", () => [here(), at("a.b", here), here()])).to.deep.equal(["a", "a.b", "a"]);
    const other = new Error("other");
    expect(thrown(() => at("a", () => { throw other; }))).to.equal(other);
    expect(other.message).to.equal("other");
    expect(here()).to.equal("");
  });
});

describe("the debug ladder", () => {
  let restore: () => void;
  let lines: string[];
  const climb = async (level: 0 | 1 | 2 | 3 | 4, fn: (device: Device) => void): Promise<string[]> => {
    lines = [];
    restore = setDebug({ level, print: (line) => void lines.push(line) });
    fn(await openDevice("reference"));
    return lines;
  };
  afterEach(() => restore());
  const product = (device: Device): void => void at("fc", () => matmul(ones([2, 3], { device }), ones([3, 4], { device })));
  const opened = "device reference: reference: plain TypeScript loops, f32 and f64, one thread";

  it("is silent at level 0 and names devices at level 1", async () => {
    expect(await climb(0, product)).to.deep.equal([]);
    restore();
    expect(await climb(1, product)).to.deep.equal([opened]);
  });

  it("times kernels at level 2", async () => {
    const printed = await climb(2, product);
    expect(printed[0]).to.equal(opened);
    expect(printed.slice(1).map((line) => line.split(" ")[0])).to.deep.equal(["full", "full", "matmul"]);
    expect(printed[3]).to.match(/^matmul \d+\.\d{3} ms( \d+\.\d GFLOP\/s)? at fc$/);
  });

  it("adds shapes and live bytes at level 3", async () => {
    const printed = await climb(3, product);
    expect(printed[3]).to.match(/^matmul .* at fc \| a \[2, 3\], b \[3, 4\] -> y \[2, 4\] \| live 0\.00 MiB$/);
  });

  it("adds generated source at level 4, or says that there is none", async () => {
    const printed = await climb(4, product);
    expect(printed[2]).to.equal("full: the reference device generates no source");
    const sourced = Device.over("sourced", { ...openStrict(), source: (kernel) => `source of ${kernel}` });
    const seen: string[] = [];
    observe(sourced, kernelPrinter(4, (line) => void seen.push(line)), () => zeros([1], { device: sourced }));
    expect(seen[1]).to.equal("source of full");
  });
});
