import { expect } from "chai";
import { add, clone, divide, mean, multiply, observe, ones, openDevice, power, subtract, tensor, variance, type Tensor, type TensorOptions } from "../../../src/index.js";

describe("arithmetic with numbers", () => {
  let options: TensorOptions;
  before(async () => void (options = { device: await openDevice("reference"), dtype: "f64" }));
  const values = async (y: Tensor): Promise<number[]> => [...await y.data()];

  it("keeps the sign of zero as NumPy does", async () => {
    const x = tensor([-0, 0], options);
    expect(await values(multiply(x, 2))).to.deep.equal([-0, 0]);
    expect(await values(multiply(-2, x))).to.deep.equal([0, -0]);
    expect(await values(subtract(x, 0))).to.deep.equal([-0, 0]);
    expect(await values(subtract(0, x))).to.deep.equal([0, 0]);
    expect(await values(add(x, 0))).to.deep.equal([0, 0]);
    expect(await values(clone(x))).to.deep.equal([-0, 0]);
  });

  it("runs one kernel, and a square instead of a second power", () => {
    const { device } = options;
    const x = tensor([-3], options);
    const seen: string[] = [];
    observe(device, { after: ({ attrs }) => void seen.push((attrs as { op: string }).op) }, () => {
      add(x, 1);
      subtract(1, x);
      multiply(x, 2);
      power(x, 2);
      power(x, 3);
      divide(x, 7);
    });
    expect(seen).to.deep.equal(["affine", "affine", "affine", "square", "raise", "over"]);
  });

  it("has means that are exact where the sum and the count are", async () => {
    for (const n of [3, 7, 10, 49, 97]) expect(await mean(ones([n], options)).item(), `${n} ones`).to.equal(1);
    expect(await values(mean(tensor([[1, 2], [3, 5]], options), { axes: 0 }))).to.deep.equal([2, 3.5]);
    expect(await variance(tensor([1, 2, 6], options)).item()).to.equal(14 / 3);
  });

  it("divides by a number exactly, as by a tensor", async () => {
    const x = tensor([1, 49, 3], options);
    expect(await values(divide(x, 49))).to.deep.equal([1 / 49, 1, 3 / 49]);
  });
});
