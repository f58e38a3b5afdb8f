import { expect } from "chai";
import { platform } from "#platform";
import { chooseBuild } from "../../../src/backends/wasm/check/choose.js";
import { multiplyAddsOf } from "../../../src/backends/wasm/check/multiply-adds.js";
import { differenceOf } from "../../../src/backends/wasm/check/run-trials.js";
import { judge, relaxedBuild, revectorizedBuild, TRIAL_SHARES } from "../../../src/backends/wasm/check/verdict.js";
import { kernelsOn, openWasm } from "../../../src/backends/wasm/index.js";
import { hasRelaxedSimd, loadModule, loadOptimised, type Variant } from "../../../src/backends/wasm/machine/loader.js";
import { Machine, type KernelName as LaunchedName, type Storage } from "../../../src/backends/wasm/machine/machine.js";
import { kernelNames as launchedNames } from "../../../src/backends/wasm/generated/bindings.js";
import { Memory } from "../../../src/backends/wasm/machine/memory.js";
import { kernelNames, operationName, type KernelName, type LooseKernel } from "../../../src/kernels/contract.js";
import { casesOf } from "../spec/index.js";
import { noRevectorizer } from "./builds.js";
import { largeCases, results, type Case } from "./large-cases.js";

async function start(variant: Variant): Promise<Machine> {
  const experiment = variant === "revectorized" ? revectorizedBuild.experiment : variant === "relaxed" && !hasRelaxedSimd() ? relaxedBuild.experiment : undefined;
  const module = experiment === undefined ? await loadModule(variant, false) : loadOptimised(variant, false, experiment);
  return Machine.start(module, new Memory(false), 1, TRIAL_SHARES);
}

/** A machine that launches one kernel otherwise: how often, and over how many of its chunks. */
async function spoiled(name: LaunchedName, how: { times?: number; chunks?: (chunks: number) => number }): Promise<Machine> {
  const { times = 1, chunks: share = (chunks) => chunks } = how;
  const machine = await start("base");
  const launch = machine.launch.bind(machine);
  machine.launch = (kernel, args) => {
    if (kernel.name !== name) return launch(kernel, args);
    for (let i = 0; i < times; i++) launch({ ...kernel, chunks: (address) => share(kernel.chunks(address)) }, args);
  };
  return machine;
}

describe("trials of a build", function () {
  this.timeout(120_000);
  let base: Machine, other: Machine;
  before(async () => void ([base, other] = [await start("base"), await start("base")]));

  it("launch every kernel of the assembly", async () => {
    const machine = await start("base"), launched = new Set<string>();
    const launch = machine.launch.bind(machine);
    machine.launch = (kernel, args) => {
      launched.add(kernel.name);
      launch(kernel, args);
    };
    expect(differenceOf(machine, base, kernelsOn, 0)).to.equal(undefined);
    expect([...launched]).to.have.members([...launchedNames]);
  });

  it("find one bit that is wrong in any kernel, and say where", () => {
    for (const kernel of kernelNames) {
      const flipping: typeof kernelsOn = (machine, precision, cache) => {
        const right = kernelsOn(machine, precision, cache), { floats } = machine.memory;
        if (machine !== other) return right;
        const wrong: LooseKernel<Storage> = (outputs, ...rest) => {
          (right[kernel] as unknown as LooseKernel<Storage>)(outputs, ...rest);
          const { address, size } = Object.values(outputs).flat().at(-1)!;
          new Int32Array(floats.buffer)[address / 4 + size - 1] ^= 1;
        };
        return { ...right, [kernel]: wrong };
      };
      const found = differenceOf(other, base, flipping, 0);
      expect(found, kernel).to.match(/^\w+ \{.*\}: element \d+ is \S+, not \S+$/);
      const names = casesOf(kernel).map((attrs) => operationName(kernel, attrs));
      expect(names, kernel).to.include(found!.split(" ")[0]);
    }
  });

  it("find chunks that are left out, in the mode in which they are", async () => {
    for (const name of ["gemm", "winogradConv", "winogradWeights", "winogradGradWeight", "softmax", "adam", "groupNormGradImage", "sumPartials"] as const) {
      expect(differenceOf(await spoiled(name, { chunks: (chunks) => chunks - 1 }), base, kernelsOn, 3e-5), name).to.be.a("string");
    }
  });

  it("tell builds apart that round otherwise, and let them pass where that is allowed", async () => {
    const relaxed = await start("relaxed");
    expect([multiplyAddsOf(base, kernelsOn), multiplyAddsOf(relaxed, kernelsOn)]).to.deep.equal(["separate", "fused"]);
    expect(differenceOf(relaxed, base, kernelsOn, 0)).to.be.a("string");
    expect(differenceOf(relaxed, base, kernelsOn, relaxedBuild.tolerance)).to.equal(undefined);
  });

  it("say how fast the build is", async () => {
    const slow = await spoiled("gemm", { times: 4 });
    expect(judge(other, slow, kernelsOn, 0)).to.have.property("speedUp").that.is.within(1.1, 20);
    expect(judge(slow, other, kernelsOn, 0)).to.have.property("speedUp").that.is.below(1);
  });

  it("leave the flags of the engine as they were", () => {
    const before = hasRelaxedSimd();
    if (before) loadOptimised("base", false);
    else loadOptimised("relaxed", false, relaxedBuild.experiment);
    expect(hasRelaxedSimd()).to.equal(before);
  });
});

describe("the revectorized build", function () {
  this.timeout(120_000);
  if (noRevectorizer !== undefined) return void it(`is left out: ${noRevectorizer}`);

  it("has the bits of the relaxed build, which a run may go on with", async () => {
    const cases: Case[] = [...kernelNames.flatMap((kernel: KernelName) => casesOf(kernel).map((attrs) => [kernel, attrs] as unknown as Case)), ...largeCases];
    for (const precision of ["fast", "exact"] as const) {
      const [relaxed, revectorized] = [await openWasm({ threads: 1, precision }), await openWasm({ threads: 2, precision, revectorize: true })];
      for (const attempt of cases) {
        const found = await results(revectorized, attempt), expected = await results(relaxed, attempt);
        const same = found.every((values, i) => Buffer.compare(new Uint8Array(values.buffer), new Uint8Array(expected[i].buffer)) === 0);
        expect(same, `${attempt[0]} ${JSON.stringify(attempt[1])}, ${precision}`).to.equal(true);
      }
      await revectorized.dispose();
    }
  });
});

describe("what a device says of its build", () => {
  const real = { ...platform };
  afterEach(() => void Object.assign(platform, real));
  const choose = async (changed: Partial<typeof platform>, verdict: object = { fused: true, speedUp: 1.5 }): Promise<string> => {
    Object.assign(platform, { recall: () => JSON.stringify(verdict), ...changed });
    const { name, note } = await chooseBuild({ deterministic: false, revectorize: "auto", shared: false, kernelsOn });
    return `${name}${note === undefined ? "" : ` (${note})`}`;
  };
  const flagged = "relaxed SIMD by a flag of V8";

  if (hasRelaxedSimd()) {
    it("where relaxed SIMD needs no flag", async () => {
      const x64 = { architecture: "x64", engine: "V8 13.6.233.17" };
      expect(await choose(x64)).to.equal("revectorized SIMD (1.5x relaxed SIMD)");
      expect(await choose(x64, { fault: "conv2d {}: element 3 is 1, not 2" }))
        .to.equal("relaxed SIMD (not revectorized: failed its check: conv2d {}: element 3 is 1, not 2)");
      expect(await choose(x64, { fused: true, speedUp: 0.7 })).to.equal("relaxed SIMD (not revectorized: slower here, 0.70x)");
      expect(await choose({ ...x64, architecture: "arm64" })).to.equal("relaxed SIMD (not revectorized: arm64)");
      expect(await choose({ ...x64, engine: "V8 12.4.254.21" })).to.equal("relaxed SIMD (not revectorized: V8 12.4 has no revectorizer)");
      expect(await choose({ ...x64, engine: undefined })).to.equal("relaxed SIMD (not revectorized: a page cannot set flags of the engine)");
    });
  } else {
    it("where relaxed SIMD is behind a flag", async () => {
      expect(await choose({ architecture: "x64" })).to.equal(`${flagged} (not revectorized: V8 11.3 has no revectorizer)`);
      expect(await choose({ architecture: "x64" }, { fused: true, speedUp: 0.7 }), "speed has no say").to.contain(flagged);
      expect(await choose({}, { fault: "exp {}: element 0 is 1, not 2" })).to.equal("base SIMD (not relaxed: failed its check: exp {}: element 0 is 1, not 2)");
      expect(await choose({}, { fused: false, speedUp: 1 })).to.equal("base SIMD (not relaxed: this processor has no fused multiply-add)");
      expect(await choose({ engine: undefined })).to.equal("base SIMD (not relaxed: a page cannot set flags of the engine)");
    });
  }

  it("where it goes on as a run began", async () => {
    Object.assign(platform, { recall: () => JSON.stringify({ fused: true, speedUp: 1.5 }) });
    const began = async (multiplyAdds: "fused" | "separate" | "unflagged"): Promise<string> => {
      const backend = await openWasm({ threads: 1, revectorize: "auto", multiplyAdds });
      return `${backend.description.split(",")[0]}: ${backend.multiplyAdds}`;
    };
    expect(await began("separate")).to.equal("wasm: base SIMD: separate");
    expect(await began("fused")).to.match(/(relaxed|revectorized) SIMD.*: fused$/);
    expect(await began("unflagged")).to.match(hasRelaxedSimd() ? /: fused$/ : /^wasm: base SIMD: separate$/);
  });
});
