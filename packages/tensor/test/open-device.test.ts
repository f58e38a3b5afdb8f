import { expect } from "chai";
import fc from "fast-check";
import { availableParallelism } from "node:os";
import { ConfigError, deviceNames, openDevice, parseDevice, type DeviceSpec } from "../src/index.js";
import { noRevectorizer, usualBuild } from "./backends/wasm/builds.js";
import { holds } from "./properties.js";
import { thrownBy } from "./thrown.js";

/** A device with options, and how a string says it. */
const specs: fc.Arbitrary<{ said: DeviceSpec; spec: string }> = fc.oneof(
  fc.constant({ said: { name: "reference", options: {} } as DeviceSpec, words: [] as string[] }),
  fc.record({
    precision: fc.constantFrom("fast" as const, "exact" as const), deterministic: fc.constant(true), threads: fc.integer({ min: 1, max: 1e6 }),
    revectorize: fc.constantFrom(true as const, "auto" as const),
  }, { requiredKeys: [] }).map((options) => ({
    said: { name: "wasm", options } as DeviceSpec,
    words: Object.entries(options).map(([name, value]) => (value === true ? name : name === "precision" ? String(value) : `${name}=${value}`)),
  })),
  fc.constantFrom("auto" as const, "webgpu" as const, "webgl2" as const, "headlessgl" as const, "webasm" as const, "cpu" as const)
    .map((mode) => ({ said: { name: "gpu", options: { mode } } as DeviceSpec, words: [mode] })),
).chain(({ said, words }) => fc.shuffledSubarray(words, { minLength: words.length })
  .map((shuffled) => ({ said, spec: said.name + (shuffled.length === 0 ? "" : `:${shuffled.join(",")}`) })));

describe("device strings", () => {
  it("name a device and its options", () => {
    expect(parseDevice("reference")).to.deep.equal({ name: "reference", options: {} });
    expect(parseDevice("wasm")).to.deep.equal({ name: "wasm", options: {} });
    expect(parseDevice("wasm:fast")).to.deep.equal({ name: "wasm", options: { precision: "fast" } });
    expect(parseDevice("wasm:exact,threads=12")).to.deep.equal({ name: "wasm", options: { precision: "exact", threads: 12 } });
    expect(parseDevice("wasm:deterministic")).to.deep.equal({ name: "wasm", options: { deterministic: true } });
    expect(parseDevice("wasm:revectorize=auto")).to.deep.equal({ name: "wasm", options: { revectorize: "auto" } });
    expect(parseDevice("wasm:threads=1,revectorize")).to.deep.equal({ name: "wasm", options: { threads: 1, revectorize: true } });
  });

  it("with an unknown name or option are errors that say what is allowed", () => {
    for (const [spec, line] of [
      ["abacus", "allowed  "], ["", "allowed  "], ["toString", "allowed  "],
      ["reference:fast", 'the reference device has no option "fast"'], ["wasm:", 'the wasm device has no option ""'],
      ["wasm:slow", 'the wasm device has no option "slow"'], ["wasm:threads=0", 'has no option "threads=0"'],
      ["wasm:threads=two", "allowed  fast, exact, deterministic, revectorize, revectorize=auto, threads=<count>"],
    ]) {
      expect(() => parseDevice(spec), spec).to.throw(ConfigError, line);
    }
    for (const name of deviceNames) expect(() => parseDevice("abacus")).to.throw(name);
  });

  it("say what was meant, in any order", () => holds(fc.property(specs, ({ said, spec }) => {
    expect(parseDevice(spec)).to.deep.equal(said);
  })));

  it("are read or refused by a ConfigError of two lines, whatever they are", () => {
    const pieces = fc.constantFrom("reference", "wasm", "gpu", "fast", "threads", "webgpu", "revectorize", "auto", "__proto__", ":", ",", "=", "0", "1", " ", "\n");
    const strings = fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join("")));
    return holds(fc.property(strings, (spec) => {
      try {
        expect(deviceNames).to.include(parseDevice(spec).name);
      } catch (error) {
        expect(error).to.be.instanceOf(ConfigError);
        expect((error as ConfigError).details.length).to.equal(1);
      }
    }), 2000);
  });
});

describe("opening the wasm device", () => {
  it("names its build, threads and precision", async () => {
    for (const [spec, description] of [
      ["wasm:threads=2", `wasm: ${usualBuild}, 2 threads, fast`],
      ["wasm:threads=1,exact", `wasm: ${usualBuild}, 1 thread, exact`],
      ["wasm:threads=1,deterministic", "wasm: base SIMD, 1 thread, fast, deterministic"],
    ]) {
      const device = await openDevice(spec);
      expect(device.description).to.equal(description);
      expect(device.dtypes).to.deep.equal(["f32"]);
      await device.dispose();
    }
  });

  it("refuses options that make no sense", async () => {
    const most = Math.max(64, 4 * availableParallelism());
    for (const threads of [0, 1.5, -2, 99999]) {
      const error = await thrownBy(openDevice("wasm", { threads }));
      expect(error.name).to.equal("ConfigError");
      expect(error.message).to.equal(`wasm: threads is ${threads}\n  allowed  whole numbers from 1 to ${most}`);
    }
    const both = openDevice("wasm", { deterministic: true, revectorize: true });
    expect((await thrownBy(both)).message).to.contain("exclude each other");
  });

  it("has as many threads as FROMNOISE_THREADS says where it is not told, and refuses what is no number of threads", async () => {
    const before = process.env["FROMNOISE_THREADS"];
    try {
      for (const [value, spec, threads] of [["3", "wasm", "3 threads"], ["3", "wasm:threads=1", "1 thread"], ["1", "wasm", "1 thread"]]) {
        process.env["FROMNOISE_THREADS"] = value;
        const device = await openDevice(spec);
        expect(device.description).to.contain(`, ${threads}, fast`);
        await device.dispose();
      }
      for (const value of ["0", "many", "", "1.5"]) {
        process.env["FROMNOISE_THREADS"] = value;
        const error = await thrownBy(openDevice("wasm"));
        expect(error.name).to.equal("ConfigError");
        expect(error.message).to.match(/^FROMNOISE_THREADS is ".*"\n {2}allowed {2}whole numbers from 1 to \d+$/);
      }
      delete process.env["FROMNOISE_THREADS"];
      const device = await openDevice("wasm");
      expect(device.description).to.contain(`, ${availableParallelism()} thread`);
      await device.dispose();
    } finally {
      if (before === undefined) delete process.env["FROMNOISE_THREADS"];
      else process.env["FROMNOISE_THREADS"] = before;
    }
  });

  it("with revectorize checks the revectorizer, or refuses an engine without one or with a slow one", async function () {
    this.timeout(20_000);
    const opened = openDevice("wasm", { revectorize: true, threads: 1 });
    if (noRevectorizer === undefined) {
      const device = await opened;
      expect(device.description).to.match(/^wasm: revectorized SIMD \(\d+\.\dx relaxed SIMD\), 1 thread, fast$/);
      await device.dispose();
    } else {
      const error = await thrownBy(opened);
      expect(error.name).to.equal("DeviceError");
      expect(error.message).to.contain("needed   Node 24 or later");
    }
  });
});

describe("openDevice", () => {
  it("takes the string that commands take, before the options beside it", async () => {
    const device = await openDevice("wasm:threads=1,exact", { threads: 2, precision: "fast" });
    expect(device.description).to.equal(`wasm: ${usualBuild}, 1 thread, exact`);
    await device.dispose();
    const spec: string = "reference";
    const reference = await openDevice(spec, { revectorize: "auto" });
    expect(reference.name).to.equal("reference");
    await reference.dispose();
    expect((await thrownBy(openDevice("abacus"))).message).to.equal('device "abacus" is unknown\n  allowed  reference, wasm, gpu');
  });
});
