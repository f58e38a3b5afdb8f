import { expect } from "chai";
import { ConfigError } from "@fromnoise/tensor";
import { benchNames } from "../src/bench.js";
import { label } from "../src/contender.js";
import { parseCommand, type RunOptions } from "../src/options.js";

function run(...argv: string[]): RunOptions {
  const command = parseCommand(argv);
  if (command.name !== "run") throw new Error(`parsed as ${command.name}`);
  return command.options;
}

const labels = (...argv: string[]): string[] => run(...argv).contenders.map(label);

describe("options of the benches", () => {
  it("takes all benches, and fewer rounds when quick", () => {
    expect(run().only).to.deep.equal(benchNames);
    expect(run().rounds).to.be.above(run("--quick").rounds);
    expect(run("--only", "matmul,softmax", "--only", "adam").only).to.deep.equal(["matmul", "softmax", "adam"]);
  });

  it("names devices with commas between, though options of a device have commas too", () => {
    expect(labels("--peers", "none", "--device", "wasm:exact,threads=3,reference", "--device", "gpu:cpu", "--threads", "1"))
      .to.deep.equal(["wasm:exact (3)", "reference (1)", "gpu:cpu"]);
  });

  it("runs what has threads once for each number of them", () => {
    expect(labels("--device", "wasm,wasm:exact", "--peers", "js,torch", "--threads", "1,2")).to.deep.equal([
      "wasm (1)", "wasm (2)", "wasm:exact (1)", "wasm:exact (2)", "js (1)", "torch (1)", "torch (2)",
    ]);
    expect(run("--device", "wasm:exact", "--peers", "none", "--threads", "2").contenders[0].spec).to.equal("wasm:exact,threads=2");
  });

  it("takes all peers, one, or one backend of one", () => {
    expect(labels("--device", "reference", "--peers", "all", "--threads", "1")).to.deep.equal([
      "reference (1)", "js (1)", "torch (1)", "onnxruntime (1)", "tfjs wasm (1)", "tfjs (1)", "tfjs webgl", "tfjs webgpu",
      "jax wasm (1)", "jax webgpu",
    ]);
    expect(labels("--device", "reference", "--peers", "tfjs:cpu")).to.deep.equal(["reference (1)", "tfjs (1)"]);
    expect(labels("--device", "reference", "--peers", "torch:cuda")).to.deep.equal(["reference (1)", "torch cuda"]);
  });

  it("names what computes in Chromium by chromium/ before a device, or by a backend that only a browser has", () => {
    const { contenders } = run(
      "--device", "chromium/gpu:webgpu,gpu:webgpu,chromium/wasm:exact,threads=2,chromium/wasm", "--threads", "1", "--peers", "tfjs:webgl,jax:webgpu",
    );
    expect(contenders.map((c) => [label(c), c.spec, c.page])).to.deep.equal([
      ["chromium/gpu:webgpu", "gpu:webgpu", "device"], ["gpu:webgpu", "gpu:webgpu", undefined],
      ["chromium/wasm:exact (2)", "wasm:exact,threads=2", "device"], ["chromium/wasm (1)", "wasm:threads=1", "device"],
      ["tfjs webgl", "tfjs:webgl", "tfjs"], ["jax webgpu", "jax:webgpu", "jax"],
    ]);
  });

  it("takes the sizes that are named by words of their titles", () => {
    const { takesSize } = run("--sizes", "B1,B2 16x16", "--sizes", "512^3");
    const titles = ["B1 32x32 32-64-128", "B16 32x32 32-64-128", "B2 16x16 16-32-64", "B2 32x32 32-64-128", "512^3", "1512^3"];
    expect(titles.filter(takesSize)).to.deep.equal(["B1 32x32 32-64-128", "B2 16x16 16-32-64", "512^3"]);
    expect(titles.every(run().takesSize)).to.be.true;
  });

  it("takes Chromium's GPU modes in a full run, not in a quick one", () => {
    const inChromium = (...argv: string[]): string[] => run(...argv).contenders.filter((c) => c.page !== undefined).map(label);
    expect(inChromium()).to.deep.equal(["chromium/gpu:webgpu", "chromium/gpu:webgl2"]);
    expect(inChromium("--quick")).to.deep.equal([]);
  });

  it("asks only convolving benches of the exact mode, unless it was named", () => {
    const exact = run("--quick").contenders.find(({ device }) => device === "wasm:exact")!;
    expect([exact.takes("conv2d-forward"), exact.takes("unet-forward"), exact.takes("softmax")]).to.deep.equal([true, true, false]);
    expect(run("--device", "wasm:exact").contenders[0].takes("softmax")).to.be.true;
  });

  it("reads what curves and hog know", () => {
    expect(parseCommand(["curves", "--device", "wasm,wasm:exact,threads=2,reference", "--steps", "40", "--html", "c.html"])).to.deep.equal({
      name: "curves", options: { devices: ["wasm", "wasm:exact,threads=2", "reference"], steps: 40, seeds: 3, html: "c.html" },
    });
    expect(parseCommand(["hog", "--threads", "3", "--quick"])).to.deep.equal({
      name: "hog", options: { threads: 3, rounds: 8, quick: true, threshold: 1.1, seconds: 1 },
    });
  });

  it("profiles one device, 16 images a step unless told otherwise", () => {
    expect(parseCommand(["profile", "--device", "wasm:exact,threads=2"]))
      .to.deep.equal({ name: "profile", device: "wasm:exact,threads=2", batch: 16 });
    expect(parseCommand(["profile", "--device", "gpu:webgpu", "--batch", "64"]))
      .to.deep.equal({ name: "profile", device: "gpu:webgpu", batch: 64 });
  });

  const wrong: [argv: string[], message: RegExp][] = [
    [["--only", "matmull"], /--only: "matmull" is no bench\n {2}allowed {2}matmul, conv2d-forward/],
    [["--device", "cuda"], /device "cuda" is unknown\n {2}allowed {2}reference, wasm/],
    [["--device", "chromium/cuda"], /device "cuda" is unknown/],
    [["--device", "firefox/gpu:webgpu"], /device "firefox\/gpu:webgpu" is unknown/],
    [["--peers", "tfjs:vulkan"], /--peers: "tfjs:vulkan" is not allowed\n {2}allowed .*tfjs:webgl, tfjs:webgpu/],
    [["--device", "wasm:quick"], /the wasm device has no option "quick"/],
    [["--peers", "numpy"], /--peers: "numpy" is not allowed\n {2}allowed {2}none, all, js/],
    [["--threads", "0"], /--threads: "0" is not allowed\n {2}allowed {2}whole numbers from 1/],
    [["--rounds", "few"], /--rounds: "few" is not allowed/],
    [["--batch", "3"], /--batch: "3" is not allowed\n {2}allowed {2}1 and even numbers/],
    [["hog", "--threads", "1"], /hog: one thread is compared with all of them/],
    [["--fast"], /Unknown option '--fast'\n {2}help {5}npm run bench -- --help/],
    [["compare", "a.json"], /compare: 2 arguments are needed, not 1\n {2}usage {4}npm run bench -- compare a.json b.json/],
    [["compare", "a.json", "b.json", "--quick"], /compare has no option --quick/],
    [["compare", "a.json", "b.json", "--threshold", "-1"], /threshold/],
    [["race"], /"race" is unknown\n {2}allowed {2}compare, curves, hog, guard/],
    [["curves", "--steps", "0"], /--steps: "0" is not allowed/],
    [["curves", "--device", "cuda"], /device "cuda" is unknown/],
    [["hog", "--json", "x"], /hog has no option --json\n {2}usage {4}npm run bench -- hog \[options\]/],
    [["profile"], /profile: 0 devices are given\n {2}allowed {2}one, as --device gpu:webgpu/],
    [["profile", "--device", "wasm", "--batch", "none"], /--batch: "none" is not allowed\n {2}allowed {2}1 and even numbers/],
  ];
  for (const [argv, message] of wrong) {
    it(`refuses ${argv.join(" ")}`, () => {
      expect(() => parseCommand(argv)).to.throw(ConfigError, message);
    });
  }
});
