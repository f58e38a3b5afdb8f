import { spawnSync } from "node:child_process";
import { expect, use } from "chai";
import {
  add, assign, ConfigError, formatGradcheck, full, gradcheck, log, multiply, NumericError, openDevice, Random, randomNormal,
  ShapeError, silu, sin, square, sum, tensor, zeros, type Device, type GradcheckOptions, type Tensor,
} from "@fromnoise/tensor";
import { gradcheckAssertion } from "@fromnoise/tensor/chai";
import { thrownBy } from "./thrown.js";

use(gradcheckAssertion);

type X = Record<"x", Tensor>;
type AB = Record<"a" | "b", Tensor>;

const siluCheck = {
  forward: ({ x }: X): Tensor => silu.forward(x),
  backward: (dy: Tensor, { x }: X): Tensor => silu.backward(dy, x),
};
/** y = a b^2 and its gradients. */
const product = {
  forward: ({ a, b }: AB): Tensor => multiply(a, square(b)),
  backward: (dy: Tensor, { a, b }: AB): { da: Tensor; db: Tensor } => (
    { da: multiply(dy, square(b)), db: multiply(multiply(dy, a), multiply(b, 2)) }),
};
const wrongProduct = {
  ...product,
  backward: (dy: Tensor, { a, b }: AB): { da: Tensor; db: Tensor } =>
    ({ da: multiply(dy, square(b)), db: multiply(multiply(dy, a), b) }),
};

describe("gradcheck", () => {
  let device: Device;
  const normal = (shape: number[], seed = 1, dtype: "f32" | "f64" = "f64"): Tensor =>
    randomNormal(shape, new Random(seed), { device, dtype });
  before(async () => { device = await openDevice("reference"); });

  it("passes a right backward with errors far below the limits, and reports every input", async () => {
    const report = await gradcheck(product, { a: normal([2, 3]), b: normal([2, 3], 2) });
    expect(report).to.include({ pass: true, mode: "full", eps: 1e-5, rtol: 1e-6, atol: 1e-9 });
    expect(report.inputs.map(({ name, checked, pass }) => [name, checked, pass])).to.deep.equal([["a", 6, true], ["b", 6, true]]);
    for (const { maxAbs, normRel } of report.inputs) {
      expect(maxAbs).to.be.within(1e-16, 1e-9);
      expect(normRel).to.be.within(1e-16, 1e-9);
    }
  });

  it("fails a wrong backward, naming the wrong input and its worst element with both values", async () => {
    const report = await gradcheck({
      forward: ({ x }: X) => square(x),
      backward: (dy: Tensor, { x }: X) =>
        multiply(multiply(multiply(dy, x), 2), tensor([[1, 1, 1], [1, 1, 1.5]], { device, dtype: "f64" })),
    }, { x: normal([2, 3]) });
    expect(report.pass).to.equal(false);
    const [{ worst, maxRel, pass }] = report.inputs;
    expect(pass).to.equal(false);
    expect(worst.index).to.deep.equal([1, 2]);
    expect(worst.analytic / worst.numeric).to.be.closeTo(1.5, 1e-8);
    expect(maxRel).to.be.closeTo(1 / 3, 1e-8);
  });

  it("uses a random upstream gradient: a backward that ignores dy fails", async () => {
    const ignorant = { forward: ({ x }: X) => sin(x), backward: (_dy: Tensor, { x }: X) => add(multiply(x, 0), 1) };
    const report = await gradcheck(ignorant, { x: zeros([4], { device, dtype: "f64" }) });
    expect(report.pass).to.equal(false);
  });

  it("in directional mode passes a right backward and fails a wrong one, with two forwards a direction", async () => {
    let forwards = 0;
    const counted = { ...product, forward: (inputs: AB) => { forwards++; return product.forward(inputs); } };
    const inputs = { a: normal([30, 20]), b: normal([30, 20], 2) };
    const right = await gradcheck(counted, inputs, { mode: "directional", directions: 4 });
    expect(right.pass).to.equal(true);
    expect(right.inputs.map(({ checked }) => checked)).to.deep.equal([4, 4]);
    expect(forwards).to.equal(2 + 2 * 2 * 4);
    const wrong = await gradcheck(wrongProduct, inputs, { mode: "directional" });
    expect(wrong.inputs.map(({ pass }) => pass)).to.deep.equal([true, false]);
  });

  it("checks at most maxElements elements, the same ones for the same seed", async () => {
    const inputs = { x: normal([50]) };
    const wrongAtOne = { ...siluCheck, backward: (dy: Tensor, x: X): Tensor => multiply(siluCheck.backward(dy, x), 1.01) };
    const worst = async (seed: number): Promise<readonly number[]> => {
      const report = await gradcheck(wrongAtOne, inputs, { maxElements: 3, seed });
      expect(report.inputs[0].checked).to.equal(3);
      return report.inputs[0].worst.index;
    };
    expect(await worst(7)).to.deep.equal(await worst(7));
    expect(new Set((await Promise.all([1, 2, 3, 4].map(worst))).map(String)).size).to.be.greaterThan(1);
  });

  it("leaves no tensor behind, and neither does a check that fails or a forward that returns its input", async () => {
    const inputs = { a: normal([2, 3]), b: normal([2, 3], 2) };
    const before = device.memory();
    await gradcheck(product, inputs);
    await gradcheck(wrongProduct, inputs, { mode: "directional" });
    const identity = { forward: ({ a }: Record<"a", Tensor>) => a, backward: (dy: Tensor) => dy };
    expect((await gradcheck(identity, { a: inputs.a })).pass).to.equal(true);
    expect(inputs.a.disposed).to.equal(false);
    expect(device.memory().tensors).to.equal(before.tensors);
    expect(device.memory().bytes).to.equal(before.bytes);
  });

  it("prints a table", async () => {
    const x = tensor([[0.5, -1]], { device, dtype: "f64" });
    const report = await gradcheck({ forward: ({ x }: X) => multiply(x, 3), backward: (dy: Tensor) => multiply(dy, 4) }, { x });
    const lines = formatGradcheck(report).split("\n");
    expect(lines[0]).to.equal("gradcheck FAILED: full, eps 0.00001, rtol 0.000001, atol 1e-9");
    expect(lines[1]).to.match(/^input {2}shape {3}checked {2}max abs {2}max rel {2}norm rel {2}worst +analytic +numeric$/);
    expect(lines[2]).to.match(/^x {6}\[1, 2\] {2}2\/2 {6}\S+ +2\.5e-1 +2\.5e-1 +\[0, [01]\] +-?\d\.\d+ +-?\d\.\d+ +WRONG$/);
    expect(lines).to.have.length(3);
  });

  describe("refuses", () => {
    const refusals: [string, () => Promise<unknown>, new (...args: never[]) => Error, string][] = [
      ["f32 inputs", () => gradcheck(siluCheck, { x: normal([3], 1, "f32") }), ConfigError,
        "gradcheck: x is f32; finite differences need f64\n  Tensor f32 [3] on reference\n" +
        "  in f32 rounding alone makes single elements wrong by 10 to 60 %\n  cast the inputs to f64 on the reference device"],
      ["a check without inputs", () => gradcheck(siluCheck, {} as X), ConfigError, "gradcheck: there are no inputs"],
      ["an empty input", () => gradcheck(siluCheck, { x: normal([0, 2]) }), ConfigError, "gradcheck: x is empty"],
      ["an input that is not finite", () => gradcheck(siluCheck, { x: full([2], NaN, { device, dtype: "f64" }) }), NumericError,
        "gradcheck: x is not finite\n  element 0 is NaN"],
      ["an output that is not finite",
        () => gradcheck({ ...siluCheck, forward: ({ x }: X) => log(x) }, { x: zeros([2], { device, dtype: "f64" }) }),
        NumericError, "gradcheck: the output of forward is not finite\n  element 0 is -Infinity"],
      ["a gradient that is not finite",
        () => gradcheck({ ...siluCheck, backward: (dy: Tensor) => multiply(dy, NaN) }, { x: normal([2]) }),
        NumericError, "gradcheck: dx is not finite\n  element 0 is NaN"],
      ["a forward that is not deterministic", () => {
        const random = new Random(1);
        const noisy = { ...siluCheck, forward: ({ x }: X) => multiply(x, randomNormal(x.shape, random, x)) };
        return gradcheck(noisy, { x: normal([2]) });
      }, NumericError, "gradcheck: forward is not deterministic\n  element 0 is "],
      ["a backward that changes an input", () => gradcheck({
        ...siluCheck,
        backward: (dy: Tensor, { x }: X) => { assign(x, multiply(x, 2)); return silu.backward(dy, x); },
      }, { x: tensor([3, 1], { device, dtype: "f64" }) }), NumericError,
        "gradcheck: the function changed its input x\n  element 0 was 3, is 6"],
      ["a gradient that is missing", () => gradcheck({
        forward: product.forward, backward: (dy: Tensor) => ({ da: dy }) as { da: Tensor; db: Tensor },
      }, { a: normal([2]), b: normal([2]) }), ConfigError, "gradcheck: backward returned no gradient db\n  inputs   a, b"],
      ["a bare gradient where there are two inputs", () => gradcheck({ forward: product.forward, backward: (dy: Tensor) => dy },
        { a: normal([2]), b: normal([2]) }), ConfigError, "gradcheck: backward returned no gradient da"],
      ["a gradient of another shape",
        () => gradcheck({ ...siluCheck, backward: (dy: Tensor) => sum(dy, { axes: 0 }) }, { x: normal([2, 3]) }),
        ShapeError, "gradcheck: dx has not the shape of x\n  dx       [3]   expected [2, 3]"],
      ["a forward that returns no tensor",
        () => gradcheck({ ...siluCheck, forward: () => [] as unknown as Tensor }, { x: normal([2]) }),
        ConfigError, "gradcheck: forward must return one tensor"],
      ...([
        [{ eps: 0 }, "eps is 0\n  allowed  > 0"], [{ rtol: -1 }, "rtol is -1"], [{ atol: NaN }, "atol is NaN"],
        [{ mode: "some" as "full" }, "mode is some\n  allowed  full, directional"], [{ directions: 0.5 }, "directions is 0.5"],
        [{ maxElements: 0 }, "maxElements is 0"],
      ] as [GradcheckOptions, string][]).map(([options, text]) => [
        `the option ${Object.entries(options).join()}`, () => gradcheck(siluCheck, { x: normal([2]) }, options), ConfigError,
        `gradcheck: ${text}`,
      ] as [string, () => Promise<unknown>, typeof ConfigError, string]),
    ];
    for (const [what, check, type, text] of refusals) {
      it(what, async () => {
        const error = await thrownBy(check());
        expect(error).to.be.instanceOf(type);
        expect(error.message.slice(0, text.length)).to.equal(text);
      });
    }
  });

  describe("as an assertion of chai", () => {
    /** Runs tests of one line each in a mocha of its own. */
    const runTests = (...lines: string[]): { failures: number | null; output: string } => {
      const program = `
        import Mocha from "mocha";
        import { expect, use } from "chai";
        import { multiply, openDevice, silu, tensor } from "@fromnoise/tensor";
        import { gradcheckAssertion } from "@fromnoise/tensor/chai";
        use(gradcheckAssertion);
        const device = await openDevice("reference");
        const x = () => tensor([1, 2], { device, dtype: "f64" });
        const right = { forward: ({ x }) => silu.forward(x), backward: (dy, { x }) => silu.backward(dy, x) };
        const wrong = { ...right, backward: (dy) => multiply(dy, 2) };
        const mocha = new Mocha({ reporter: "dot" });
        ${lines.map((line) => `mocha.suite.addTest(new Mocha.Test("a line", async () => { ${line} }));`).join("\n")}
        mocha.run((failures) => void (process.exitCode = failures));
      `;
      const run = spawnSync(
        process.execPath, ["--import", "tsx", "-C", "fromnoise-source", "--input-type=module", "-e", program], { encoding: "utf8" });
      return { failures: run.status, output: run.stdout + run.stderr };
    };

    it("fails the run where nobody awaits it, whether or not the check would pass", () => {
      for (const subject of ["right", "wrong"]) {
        const { failures, output } = runTests(`expect(${subject}).to.passGradcheck({ x: x() });`);
        expect(failures, output).to.equal(1);
        expect(output).to.contain("passGradcheck was not awaited, so it would pass whatever it finds");
      }
    });

    it("may be awaited, returned, and waited for with others", () => {
      const all = "await Promise.all([1, 2].map(() => expect(right).to.passGradcheck({ x: x() })));";
      const { failures, output } = runTests(
        "await expect(right).to.passGradcheck({ x: x() });", "return expect(right).to.passGradcheck({ x: x() });", all,
        "await expect(wrong).to.passGradcheck({ x: x() });",
      );
      expect(failures, "the last one alone").to.equal(1);
      expect(output).to.contain("3 passing").and.to.contain("gradcheck FAILED");
    });

    it("passes where the check passes", async () => {
      await expect(siluCheck).to.passGradcheck({ x: normal([3, 2]) });
    });

    it("fails with the table", async () => {
      const error = await thrownBy(expect(wrongProduct).to.passGradcheck({ a: normal([2]), b: normal([2], 3) }, { seed: 5 }));
      expect(error.name).to.equal("AssertionError");
      expect(error.message).to.match(/^gradcheck FAILED: full/);
      expect(error.message).to.match(/\na .* ok\nb .* WRONG$/);
    });

    it("can be negated", async () => {
      await expect(wrongProduct).to.not.passGradcheck({ a: normal([2]), b: normal([2], 3) });
      const error = await thrownBy(expect(siluCheck).to.not.passGradcheck({ x: normal([2]) }));
      expect(error.message).to.match(/^expected the gradient check to fail\ngradcheck passed/);
    });
  });
});
