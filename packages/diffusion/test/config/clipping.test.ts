import { expect } from "chai";
import { ConfigError } from "@fromnoise/tensor";
import { trainConfig } from "@fromnoise/diffusion";

describe("how samples are clipped, in a configuration", () => {
  const sampling = (clipX0: unknown): unknown => trainConfig({ sampling: { clipX0 } as never }).sampling.clipX0;
  it("is yes, no, a range, or each image's own", () => {
    for (const clip of [true, false, { to: 2 }, { to: "dynamic" }, { to: "dynamic", quantile: 0.9, most: 3, eps: "keep" }]) {
      expect(sampling(clip)).to.deep.equal(clip);
    }
  });
  it("is nothing else", () => {
    for (const clip of [{}, { to: 0 }, { to: "none" }, { to: 1, quantile: 2 }, { to: 1, eps: "drop" }, { to: 1, more: 1 }, "yes", 1, null]) {
      expect(() => sampling(clip), JSON.stringify(clip)).to.throw(ConfigError, "sampling.clipX0: ");
    }
  });
});
