import { expect } from "chai";
import { mse, multiply, openDevice, randomNormal, Random, slice, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { Grads, Linear, initialize } from "@fromnoise/nn";
import { messageOf, smallUNet, valuesOf, vectorModule } from "./small.js";

describe("Grads", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const vector = (...values: number[]): Tensor => tensor(values, { device, dtype: "f64" });

  it("stores the first gradient and adds the next, freeing the old entry", async () => {
    const { p } = vectorModule(device, [0, 0]);
    const grads = new Grads(device);
    const first = vector(1, 2);
    grads.add(p, first);
    expect(grads.get(p)).to.equal(first);
    const second = vector(10, 20);
    grads.add(p, second);
    expect(await valuesOf(grads.get(p)!)).to.deep.equal([11, 22]);
    expect([first.disposed, second.disposed]).to.deep.equal([true, false]);
    expect(grads.size).to.equal(1);
  });

  it("keeps entries of inner scopes alive in the scope where it was made", async () => {
    const { p } = vectorModule(device, [0]);
    const before = device.memory().tensors;
    device.scope(() => {
      const grads = new Grads(device);
      device.scope(() => grads.add(p, vector(1)));
      device.scope(() => grads.add(p, vector(2)));
      expect(device.memory().tensors - before).to.equal(1);
      expect(grads.get(p)!.disposed).to.be.false;
    });
    expect(device.memory().tensors, "freed with its scope").to.equal(before);

    const outside = new Grads(device);
    device.scope(() => outside.add(p, vector(3)));
    expect(await valuesOf(outside.get(p)!)).to.deep.equal([3]);
    outside.clear();
    expect([device.memory().tensors, outside.size]).to.deep.equal([before, 0]);
  });

  it("sums the gradients of a layer that is used twice", async () => {
    const layer = initialize(new Linear("l", 2, 2), { device, dtype: "f64", seed: 3 });
    const x = randomNormal([3, 2], new Random(1), { device, dtype: "f64" });
    const grads = new Grads(device);
    const once = new Grads(device);
    device.scope(() => {
      const [, cache] = layer.forward(x);
      layer.backward(x, cache, once);
      layer.backward(x, cache, grads);
      layer.backward(x, cache, grads);
    });
    for (const p of layer.parameters) {
      expect(await valuesOf(grads.get(p)!)).to.deep.equal((await valuesOf(once.get(p)!)).map((g) => 2 * g));
    }
  });

  it("accumulates micro-batches to the gradient of the whole batch", async () => {
    const unet = smallUNet(device);
    const random = new Random(2);
    const x = randomNormal([4, 8, 8, 2], random, { device, dtype: "f64" });
    const target = randomNormal([4, 8, 8, 2], random, { device, dtype: "f64" });
    const timesteps = [3, 900, 10, 77];
    const accumulated = (parts: number): Grads => {
      const grads = new Grads(device);
      for (let k = 0; k < parts; k++) {
        const [from, to] = [(4 / parts) * k, (4 / parts) * (k + 1)];
        device.scope(() => {
          const [y, cache] = unet.forward(slice(x, [from], [to]), timesteps.slice(from, to));
          const { da } = mse.backward(tensor(1 / parts, { device, dtype: "f64" }), y, slice(target, [from], [to]));
          unet.backward(da, cache, grads);
        });
      }
      return grads;
    };
    const [whole, halves] = [accumulated(1), accumulated(2)];
    for (const p of unet.parameters) {
      const [a, b] = [await valuesOf(whole.get(p)!), await valuesOf(halves.get(p)!)];
      a.forEach((g, i) => expect(b[i], `${p.name}[${i}]`).to.be.closeTo(g, 1e-12));
    }
  });

  it("refuses a gradient of another device", async () => {
    const other = await openDevice("reference");
    const { p } = vectorModule(device, [0]);
    expect(messageOf(() => new Grads(other).add(p, vector(1)))).to.contain("DeviceError: the gradient of p lives on reference");
    await other.dispose();
  });

  it("gives its entries with their parameters in the order in which they came", () => {
    const [a, b] = [vectorModule(device, [0]), vectorModule(device, [0])];
    const grads = new Grads(device);
    grads.add(b.p, vector(1));
    grads.add(a.p, multiply(vector(1), 2));
    expect([...grads].map(([p]) => p)).to.deep.equal([b.p, a.p]);
  });
});
