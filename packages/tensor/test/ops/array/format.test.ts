import { expect } from "chai";
import { format, openDevice, reshape, tensor, type Device } from "../../../src/index.js";
import { decodeNumber, texts } from "./expected.js";

describe("format", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));

  for (const { values, dtype, options, gives } of texts) {
    it(`prints what NumPy prints: ${dtype} ${JSON.stringify(values).slice(0, 40)} ${JSON.stringify(options)}`, async () => {
      const x = tensor(decodeNumber(values) as number[], { device, dtype });
      expect(await format(x, options)).to.equal(gives);
    });
  }

  it("prints a 5-D tensor with blank lines between the blocks of outer axes", async () => {
    const x = reshape(tensor([1, 2, 3, 4], { device }), [2, 1, 2, 1, 1]);
    expect(await format(x)).to.equal("[[[[[1.]]\n\n   [[2.]]]]\n\n\n\n [[[[3.]]\n\n   [[4.]]]]]");
  });
});
