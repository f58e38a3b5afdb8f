import { expect } from "chai";
import { add, exp, multiply, openDevice, setDebug, sum, zeros, type Device, type Tensor } from "@fromnoise/tensor";
import { NoRoomError } from "../src/core/errors.js";
import { Device as AnyDevice } from "../src/core/device.js";
import { openReference } from "../src/backends/reference/index.js";
import { thrown } from "./thrown.js";

describe("a loop without a scope", () => {
  let device: Device, x: Tensor;
  const lines: string[] = [];
  beforeEach(async () => {
    lines.length = 0;
    const restore = setDebug({ print: (line) => void lines.push(line) });
    device = await openDevice("reference");
    restore();
    x = zeros([2], { device });
  });
  afterEach(() => device.dispose());
  const zerosOf = (n: number): Tensor => device.upload(new Float32Array(n % 7 + 1), [n % 7 + 1], "f32");
  const times = (n: number, fn: (i: number) => void): void => {
    for (let i = 0; i < n; i++) fn(i);
  };

  it("is warned of once, with the kernel that made most of what is left", () => {
    times(4000, () => void sum(exp(multiply(x, 2))));
    expect(lines).to.have.length(1);
    const [first, second, third] = lines[0].split("\n");
    expect(first).to.match(/^reference: \d+ tensors are alive, and their number keeps growing$/);
    expect(second).to.match(/^ {2}of the last 1024 kernels, 1024 left a result that nobody freed, most often \w+ \(34[12]\)$/);
    expect(third).to.equal("  outside of a scope a tensor lives until dispose(): run what a loop repeats in device.scope(() => ...)");
  });

  it("is warned of also where it frees most of what it makes", () => {
    times(2000, () => {
      device.scope(() => void times(3, () => void exp(x)));
      add(x, 1);
    });
    expect(lines).to.have.length(1);
    expect(lines[0]).to.contain("most often affine (256)");
  });

  it("is not suspected where scopes, dispose() or a short list of results keep the number down", () => {
    times(3000, () => device.scope(() => void sum(exp(multiply(x, 2)))));
    times(6000, () => add(x, 1).dispose());
    times(3, () => device.scope(() => times(3000, () => void exp(x)))); // thousands at once, then few again
    times(6000, (i) => device.scope(() => {
      void exp(x);
      if (i % 2 === 0) device.keep(zerosOf(i));                             // data on its way to the device
    }));
    times(2000, (i) => device.scope(() => {
      times(10, () => void exp(x));
      if (i % 10 === 0) device.keep(add(x, 1));
    }));
    expect(lines).to.deep.equal([]);
  });

  it("is named where the device has no more room", () => {
    const full = new NoRoomError("wasm: no room for 8 bytes", ["limit    4 GiB, all that 32-bit addresses reach"]);
    let room = 1200;
    const backend = openReference();
    const allocate: typeof backend.allocate = (shape, dtype) => {
      if (room-- <= 0) throw full;
      return backend.allocate(shape, dtype);
    };
    const small = AnyDevice.over("small", { ...backend, allocate });
    const y = small.upload(Float64Array.of(1), [1], "f64");
    expect(thrown(() => times(1201, () => void exp(y))).message).to.equal([
      "wasm: no room for 8 bytes", "  limit    4 GiB, all that 32-bit addresses reach",
      "  alive    1201 tensors; if a loop leaves them, run what it repeats in device.scope(() => ...)",
    ].join("\n"));
    room = 0;
    const other = AnyDevice.over("small", { ...backend, allocate });
    const z = other.upload(Float64Array.of(1), [1], "f64");
    expect(thrown(() => exp(z)), "few tensors are no reason").to.equal(full);
  });
});
