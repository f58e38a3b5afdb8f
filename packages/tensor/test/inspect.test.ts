/** What console.log shows, and Node of an error that nobody caught. */
import { spawnSync } from "node:child_process";
import { inspect } from "node:util";
import { expect } from "chai";
import { openDevice, ShapeError, zeros, type Device } from "@fromnoise/tensor";

describe("what a person sees", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());

  it("of a tensor is its line, wherever it stands", () => {
    const x = zeros([2, 3], { device });
    expect(inspect(x)).to.equal("Tensor f32 [2, 3] on reference");
    expect(inspect([{ x }])).to.equal("[ { x: Tensor f32 [2, 3] on reference } ]");
    x.dispose();
    expect(inspect(x)).to.equal("Tensor f32 [2, 3] on reference (disposed)");
  });

  it("of an error is its text, once, and where it came from", () => {
    const error = new ShapeError("linear: x has 6 features", ["x        [5, 6]"]);
    error.locate("conv_in");
    const [first, second, third, fourth] = inspect(error).split("\n");
    expect([first, second, third]).to.deep.equal(["ShapeError: linear: x has 6 features", "  x        [5, 6]", "  at conv_in"]);
    expect(fourth).to.match(/^ {4}at .*inspect\.test\.ts/);
    expect(inspect(error)).to.not.contain("details");
  });

  it("of an error that nobody caught as well", () => {
    const program = "import { ShapeError } from '@fromnoise/tensor'; throw new ShapeError('too wide', ['x        [5, 6]']);";
    const { stderr, status } = spawnSync(
      process.execPath, ["--import", "tsx", "-C", "fromnoise-source", "--input-type=module", "-e", program], { encoding: "utf8" });
    expect(status).to.equal(1);
    expect(stderr).to.match(/\nShapeError: too wide\n {2}x {8}\[5, 6\]\n {4}at /);
    expect(stderr).to.not.contain("details");
  });
});
