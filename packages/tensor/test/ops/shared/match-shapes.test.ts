import { expect } from "chai";
import { openDevice, zeros, type Device, type Tensor } from "../../../src/index.js";
import { matchShapes, type OptionalPattern, type Pattern } from "../../../src/ops/shared/match-shapes.js";

/** Two types that are one and the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

describe("matchShapes", () => {
  let device: Device;
  const z = (...shape: number[]): Tensor => zeros(shape, { device });
  before(async () => void (device = await openDevice("reference")));

  it("gives the sizes of all axes by name, and knows their names when compiling", () => {
    const sizes = matchShapes("addPerImage", { x: [z(2, 4, 5, 3), "N H W C"], v: [z(2, 3), "N C"] });
    const same: Same<typeof sizes, { readonly N: number; readonly H: number; readonly W: number; readonly C: number }> = true;
    expect(same).to.be.true;
    expect(sizes).to.deep.equal({ N: 2, H: 4, W: 5, C: 3 });
  });

  it("refuses a misspelt or absent axis when compiling", () => {
    const { N, C } = matchShapes("op", { x: [z(2, 3), "N C"] });
    expect([N, C]).to.deep.equal([2, 3]);
    // @ts-expect-error: no pattern has an axis n
    const { n } = matchShapes("op", { x: [z(2, 3), "N C"] });
    // @ts-expect-error: no pattern has "..."
    const { "...": rows } = matchShapes("op", { x: [z(2, 3), "N C"] });
    // @ts-expect-error: an axis of a fixed size has no name
    const { "2": two } = matchShapes("op", { stats: [z(2, 4, 2), "N G 2"] });
    expect([n, rows, two]).to.deep.equal([undefined, undefined, undefined]);
  });

  it("has the key ... where a pattern has it, and none for a scalar", () => {
    const sizes = matchShapes("softmax", { x: [z(2, 3, 4), "... n"], dy: [z(), ""] });
    const same: Same<typeof sizes, { readonly "...": number; readonly n: number }> = true;
    expect(same).to.be.true;
    expect(sizes).to.deep.equal({ "...": 6, n: 4 });
  });

  it("says that an axis of optional tensors alone may be undefined", () => {
    const b = undefined as Tensor | undefined;
    const sizes = matchShapes("linear", { x: [z(2, 3), "m k"], b: [b, "n", "optional"] });
    const same: Same<typeof sizes, { readonly m: number; readonly k: number; readonly n: number | undefined }> = true;
    expect(same).to.be.true;
    expect(sizes).to.deep.equal({ m: 2, k: 3 });
    // @ts-expect-error: a tensor that may be absent is optional in words too
    expect(() => matchShapes("linear", { b: [b, "n"] })).to.throw("linear: b is undefined, not a tensor");
  });

  it("has no axes where the patterns are not known when compiling, and those of patterns passed on", () => {
    const some: Readonly<Record<string, Pattern | OptionalPattern>> = { x: [z(2, 3), "N C"] };
    // @ts-expect-error: which axes there are is not known
    expect(matchShapes("op", some).N).to.equal(2);
    const channels = (patterns: { readonly x: Pattern<"N C">; readonly dy?: Pattern<"N C D"> }): number => {
      const sizes = matchShapes("op", patterns);
      const same: Same<typeof sizes, { readonly N: number; readonly C: number; readonly D: number | undefined }> = true;
      expect(same).to.be.true;
      const { C, D = 1 } = sizes;
      return C * D;
    };
    expect(channels({ x: [z(2, 3), "N C"] })).to.equal(3);
    expect(channels({ x: [z(2, 3), "N C"], dy: [z(2, 3, 4), "N C D"] })).to.equal(12);
    // @ts-expect-error: dy has other axes
    expect(() => channels({ x: [z(2, 3), "N C"], dy: [z(2, 3), "N C"] })).not.to.throw();
  });
});
