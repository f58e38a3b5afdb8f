/** What configs may ask for, and what a device has room for: refused before anything is made, in time. */
import { expect } from "chai";
import { ConfigError, DeviceError, openDevice, openDryDevice } from "@fromnoise/tensor";
import { Dit, LucidrainsUNet, Mlp, UNet, checkRoom, initialize, networkOf, parameterCount, parseJson } from "@fromnoise/nn";

describe("configs that ask for too much", () => {
  const dit = { sample_size: 32, channels: 3 }, lucidrains = { era: "1.8", dim: 8 }, mlp = { size: 2, hidden: [8] };
  const cases: [kind: string, sound: object, changes: object, message: string][] = [
    ["unet", {}, { sample_size: 65537 }, "sample_size: 65537 is not allowed"],
    ["unet", {}, { in_channels: 1e9 }, "in_channels: 1000000000 is not allowed\n  allowed  whole numbers from 1 to 65536"],
    ["unet", {}, { num_class_embeds: 1e7 }, "num_class_embeds: 10000000 is not allowed\n  allowed  whole numbers from 1 to 1000000, or null"],
    ["unet", {}, { time_embedding_dim: 1e9 }, "time_embedding_dim: 1000000000 is not allowed"],
    ["unet", {}, { block_out_channels: new Array<number>(33).fill(32) }, "at most 32 of them"],
    ["dit", dit, { depth: 1e7 }, "depth: 10000000 is not allowed\n  allowed  whole numbers from 1 to 1024"],
    ["dit", dit, { heads: 1e9 }, "heads: 1000000000 is not allowed"],
    ["dit", dit, { patch: 1e9 }, "patch: 1000000000 is not allowed"],
    ["dit", dit, { mlpRatio: 1e9 }, "mlpRatio: 1000000000 is not allowed\n  allowed  whole numbers from 1 to 1024"],
    ["dit", dit, { sample_size: 65536, patch: 2 }, "32768 x 32768 patches are too many\n  allowed  at most 1048576 patches"],
    ["lucidrains", lucidrains, { dim: 1e9 }, "dim: 1000000000 is not allowed\n  allowed  even numbers from 4 to 65536"],
    ["lucidrains", lucidrains, { dim_mults: [1, 1e9] }, "allowed  lists of whole numbers from 1 to 1024, at most 32 of them"],
    ["lucidrains", lucidrains, { dim_mults: new Array<number>(1e6).fill(1) }, "at most 32 of them"],
    ["lucidrains", lucidrains, { attn_heads: 1e9 }, "attn_heads: 1000000000 is not allowed"],
    ["mlp", mlp, { hidden: new Array<number>(1e6).fill(1) }, "at most 1024 of them"],
    ["mlp", mlp, { hidden: [1e9] }, "hidden: [1000000000] is not allowed"],
    ["mlp", mlp, { time: 1e9 }, "time: 1000000000 is not allowed\n  allowed  whole numbers from 2 to 65536"],
  ];
  for (const [kind, sound, changes, message] of cases) {
    it(`${kind} ${JSON.stringify(changes).slice(0, 60)}`, () => {
      networkOf({ kind, config: { ...sound } });
      const begun = process.cpuUsage();
      try {
        networkOf({ kind, config: { ...sound, ...changes } as Record<string, never> });
        expect.fail("it was not refused");
      } catch (error) {
        expect(error).to.be.instanceOf(ConfigError);
        expect((error as ConfigError).message).to.contain(message);
        expect((error as ConfigError).message.length).to.be.lessThan(400);
      }
      const { user, system } = process.cpuUsage(begun);                     // of computing, whatever else the machine does
      expect((user + system) / 1000, "milliseconds").to.be.lessThan(500);
    });
  }
});

describe("names that every object has", () => {
  const config = { unet: {}, dit: { sample_size: 32, channels: 3 }, lucidrains: { era: "1.8", dim: 8 }, mlp: { size: 2, hidden: [8] } };
  for (const name of ["__proto__", "constructor", "toString"]) {
    it(`${name} is no field of a config, and no network`, () => {
      for (const [kind, sound] of Object.entries(config)) {
        const given = Object.fromEntries([...Object.entries(sound), [name, { in_channels: 5 }]]) as Record<string, never>;
        expect(() => networkOf({ kind, config: given }), kind).to.throw(ConfigError, `the field ${name} is not known`);
      }
      expect(() => networkOf({ kind: name, config: {} })).to.throw(ConfigError, `network kind "${name}" is not known`);
    });
  }
});

describe("a network beyond a device", () => {
  it("is described at once, and refused before its first value, with what it needs", async () => {
    const reference = await openDevice("reference"), wasm = await openDevice("wasm", { threads: 1 });
    try {
      const largest = [
        new UNet({ block_out_channels: [65536, 65536], down_block_types: ["DownBlock2D", "DownBlock2D"], up_block_types: ["UpBlock2D", "UpBlock2D"] }),
        new Dit({ sample_size: 2048, channels: 3, width: 65536, depth: 1024, mlpRatio: 1024 }),
        new LucidrainsUNet({ era: "1.8", dim: 65536, dim_mults: [1, 1024] }), new Mlp({ size: 65536, hidden: [65536, 65536] }),
      ];
      for (const network of largest) {
        for (const device of [reference, wasm]) {
          expect(() => initialize(network, { device, seed: 0 })).to.throw(DeviceError, `the ${device.name} device has no room for the network: `);
          expect(device.memory().tensors).to.equal(0);
        }
      }
      const mlp = new Mlp({ size: 2, hidden: [4] });
      const count = parameterCount(mlp), data = { what: "a batch", values: 2 ** 30 - count };
      checkRoom(mlp, { device: wasm, dtype: "f32", data });
      expect(() => checkRoom(mlp, { device: wasm, dtype: "f32", kept: ["weights", "averages"], data })).to.throw(DeviceError).with.property("message", [
        "the wasm device has no room for network and data: 4.00 GiB are needed", "  allowed  4.00 GiB, and 536870912 values a tensor",
        `  network  0.00 MiB: weights, averages of ${count} parameters in f32`, "  data     4.00 GiB: a batch",
      ].join("\n"));
    } finally {
      await Promise.all([reference.dispose(), wasm.dispose()]);
    }
  });

  it("is none on a dry device, which holds no values", () => {
    const large = new Mlp({ size: 8, hidden: [16384, 16384] });
    checkRoom(large, { device: openDryDevice(), dtype: "f64", kept: ["weights", "averages", "moments"] });
    expect(() => checkRoom(new Mlp({ size: 65536, hidden: [65536] }), { device: openDryDevice(), dtype: "f32" }))
      .to.throw(DeviceError, "largest  input.weight [65536, 65536]");
  });
});

describe("JSON from outside", () => {
  it("is what JSON.parse makes of it, but for infinities where they are asked for", () => {
    const text = '{"a":[1,-2500,"[{\\"]","\\\\"],"b":{"c":null},"-Infinity":"-Infinity","__proto__":{"x":1}}';
    expect(JSON.stringify(parseJson(text))).to.equal(text);
    expect(parseJson('{"a":-Infinity,"b":["-Infinity",-Infinity,-1]}', { infinities: true }))
      .to.deep.equal({ a: -Infinity, b: ["-Infinity", -Infinity, -1] });
    for (const bad of ["", "{", '"', "[1,]", "-Infinity", '{"a":"\\', "]"]) expect(() => parseJson(bad), bad).to.throw(SyntaxError);
  });

  it("is refused beyond a depth of 100, whatever its length, and long strings are read", () => {
    expect(parseJson(`${"[".repeat(100)}${"]".repeat(100)}`)).to.be.an("array");
    for (const open of ["[", '{"a":', "[[],{}, "]) {
      expect(() => parseJson(open.repeat(5e6))).to.throw(SyntaxError, "objects and lists are nested more than 100 deep");
    }
    for (const piece of ["{},", '"",', "[],"]) {
      expect(() => parseJson(`[${piece.repeat(2 ** 21)}0]`)).to.throw(SyntaxError, "there are more than 2097152 objects, lists and strings");
    }
    expect(parseJson(`[${"0,".repeat(2 ** 22)}0]`)).to.have.lengthOf(2 ** 22 + 1);
    expect(parseJson(JSON.stringify("\\\"[".repeat(1e6)))).to.have.lengthOf(3e6);
  });
});
