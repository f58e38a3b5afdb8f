/** What programs without types meet: every wrong operand, option and device is an error that says what to pass. */
import { expect } from "chai";
import * as t from "../../src/index.js";
import type { Device, Tensor } from "../../src/index.js";
import { thrown, thrownBy } from "../thrown.js";

describe("operands that are no tensors", () => {
  let device: Device;
  const z = (...shape: number[]): Tensor => t.zeros(shape, { device });
  before(async () => void (device = await t.openDevice("reference")));

  const NO = ", not a tensor\n  make one with tensor(values, { device })";
  const NEITHER = ", neither a tensor nor a number\n  make one with tensor(values, { device })";
  const wrong: [call: string, fn: () => unknown, text: string][] = [
    ["add(x, [1, 2])", () => t.add(z(2), [1, 2] as never), `add: b is an array of 2${NEITHER}`],
    ["add(x, undefined)", () => t.add(z(2), undefined as never), `add: b is undefined${NEITHER}`],
    ["add([1], 2)", () => t.add([1] as never, 2), `add: a is an array of 1${NEITHER}`],
    ["subtract(1, null)", () => t.subtract(1, null as never), `subtract: b is null${NEITHER}`],
    ["divide(2, array)", () => t.divide(2, Float32Array.of(1) as never),
      `divide: b is a Float32Array${NEITHER}`],
    ["power(text, 2)", () => t.power("x" as never, 2), `power: a is the string "x"${NEITHER}`],
    ["maximum(x, true)", () => t.maximum(z(2), true as never), `maximum: b is the boolean true${NEITHER}`],
    ["add(x, promise)", () => t.add(z(2), Promise.resolve(z(2)) as never),
      "add: b is a promise, neither a tensor nor a number\n  await it first"],
    ["less(x, {})", () => t.less(z(2), {} as never), `less: b is an object${NEITHER}`],
    ["where(x, [1], 0)", () => t.where(z(2), [1] as never, 0), `where: a is an array of 1${NEITHER}`],
    ["where([1], x, 0)", () => t.where([1] as never, z(2), 0), `where: condition is an array of 1${NO}`],
    ["exp(3)", () => t.exp(3 as never), `exp: x is the number 3${NO}`],
    ["clip(undefined, 0, 1)", () => t.clip(undefined as never, 0, 1), `clip: x is undefined${NO}`],
    ["clone([1])", () => t.clone([1] as never), `clone: x is an array of 1${NO}`],
    ["matmul(x, [[1]])", () => t.matmul(z(2, 1), [[1]] as never), `matmul: b is an array of 1${NO}`],
    ["matmul.backward([1], a, b)", () => t.matmul.backward([1] as never, z(2, 1), z(1, 2)),
      `matmul.backward: dy is an array of 1${NO}`],
    ["linear.forward(x, w, [0])", () => t.linear.forward(z(1, 2), z(2, 1), [0] as never), `linear: b is an array of 1${NO}`],
    ["linear.forward(x, w, null)", () => t.linear.forward(z(1, 2), z(2, 1), null as never), `linear: b is null${NO}`],
    ["linear.forward(x)", () => t.linear.forward(z(1, 2), undefined as never), `linear: w is undefined${NO}`],
    ["conv2d.forward(x, [w])", () => t.conv2d.forward(z(1, 4, 4, 1), [] as never), `conv2d: w is an array of 0${NO}`],
    ["conv2d.gradInput(dy, [])", () => t.conv2d.gradInput(z(1, 4, 4, 1), [] as never, [1, 4, 4, 1]),
      `conv2d.gradInput: w is an array of 0${NO}`],
    ["conv2d.gradWeight(0, x)", () => t.conv2d.gradWeight(0 as never, z(1, 4, 4, 1), [1, 1, 1, 1]),
      `conv2d.gradWeight: dy is the number 0${NO}`],
    ["mse.forward(x, 3)", () => t.mse.forward(z(2), 3 as never), `mse: b is the number 3${NO}`],
    ["silu.backward(dy)", () => t.silu.backward(z(2), undefined as never), `silu.backward: x is undefined${NO}`],
    ["attention.forward(q, k)", () => t.attention.forward(z(1, 2, 4), z(1, 2, 4), undefined as never, { heads: 1 }),
      `attention: v is undefined${NO}`],
    ["groupNorm.forward without beta", () => t.groupNorm.forward(z(1, 4, 2), z(1, 1, 2), z(2), undefined as never, { groups: 1 }),
      `groupNorm: beta is undefined${NO}`],
    ["adamUpdate with a number", () => t.adamUpdate([{ p: z(2), m: z(2), v: z(2), g: 0 as never }], {} as never),
      `adamUpdate: g is the number 0${NO}`],
    ["sumSquares([x, 2])", () => t.sumSquares([z(2), 2 as never]), `sumSquares: x is the number 2${NO}`],
    ["concat(x)", () => t.concat(z(2) as never),
      "concat: the first argument is a Tensor, not an array of tensors\n  pass     [a, b, ...]"],
    ["concat([x, 2])", () => t.concat([z(2), 2 as never]), `concat: tensor 1 is the number 2${NO}`],
    ["stack([[1]])", () => t.stack([[1] as never]), `stack: tensor 0 is an array of 1${NO}`],
    ["reshape([1, 2], [2])", () => t.reshape([1, 2] as never, [2]), `reshape: x is an array of 2${NO}`],
    ...(["permute", "transpose", "squeeze", "expandDims", "flip", "slice", "split", "pad", "gather", "sum", "mean", "variance",
      "max", "argmax", "broadcastTo", "sumTo", "zerosLike", "onesLike"] as const)
      .map((name): [string, () => unknown, string] =>
        [`${name}(undefined)`, () => (t[name] as (...args: unknown[]) => unknown)(undefined, [0]), `${name}: x is undefined${NO}`]),
    ["device.run", () => device.run("unary", { x: 3 as never }, { op: "exp", n: 1 }, { p: 0, q: 0 }),
      `exp: x is the number 3${NO}`],
  ];
  for (const [call, fn, text] of wrong) {
    it(`${call} names the operation and the operand`, () => {
      const error = thrown(fn);
      expect(error).to.be.instanceOf(t.ConfigError);
      expect(error.message).to.equal(text);
    });
  }

  it("is named by what reads values, too", async () => {
    const x = [1] as never;
    for (const [name, call] of [["cast", t.cast(x, "f32")], ["to", t.to(x, device)], ["format", t.format(x)]] as const) {
      const error = await thrownBy(call);
      expect(error).to.be.instanceOf(t.ConfigError);
      expect(error.message).to.equal(`${name}: x is an array of 1${NO}`);
    }
    expect((await thrownBy(t.allClose(z(1), 1 as never))).message).to.equal(`allClose: b is the number 1${NO}`);
  });
});

describe("options that have no default", () => {
  let device: Device;
  const z = (...shape: number[]): Tensor => t.zeros(shape, { device });
  before(async () => void (device = await t.openDevice("reference")));

  type Op = (...operands: unknown[]) => unknown;
  /** Each op that has such options, by name, with its operands: the last argument is missing. */
  const ops: [name: string, option: string, pass: string, op: unknown, operands: () => unknown[]][] = [
    ...(["averagePool", "maxPool", "upsampleNearest", "pixelUnshuffle", "pixelShuffle"] as const)
      .flatMap((name): typeof ops => [
        [name, "scale", "scale: 2", t[name].forward, () => [z(1, 2, 2, 4)]],
        [`${name}.backward`, "scale", "scale: 2", t[name].backward,
          () => (name === "maxPool" ? [z(1, 1, 1, 4), z(1, 2, 2, 4)] : [z(1, 2, 2, 4)])],
      ]),
    ["groupNorm.stats", "groups", "groups: 8", t.groupNorm.stats, () => [z(1, 2, 8)]],
    ["groupNorm", "groups", "groups: 8", t.groupNorm.forward, () => [z(1, 2, 8), z(1, 8, 2), z(8), z(8)]],
    ["groupNorm.forwardWithStats", "groups", "groups: 8", t.groupNorm.forwardWithStats, () => [z(1, 2, 8), z(8), z(8)]],
    ["groupNorm.backward", "groups", "groups: 8", t.groupNorm.backward, () => [z(1, 2, 8), z(1, 2, 8), z(1, 8, 2), z(8)]],
    ["groupNormSilu", "groups", "groups: 8", t.groupNormSilu.forward, () => [z(1, 2, 8), z(1, 8, 2), z(8), z(8)]],
    ["groupNormSilu.backward", "groups", "groups: 8", t.groupNormSilu.backward,
      () => [z(1, 2, 8), z(1, 2, 8), z(1, 8, 2), z(8), z(8)]],
    ["adaGroupNormSilu.forwardWithStats", "groups", "groups: 8", t.adaGroupNormSilu.forwardWithStats, () => [z(1, 2, 8), z(8), z(8), z(1, 16)]],
    ["adaGroupNormSilu.backward", "groups", "groups: 8", t.adaGroupNormSilu.backward,
      () => [z(1, 2, 8), z(1, 2, 8), z(1, 8, 2), z(8), z(8), z(1, 16)]],
    ["layerNorm.stats", "eps", "eps: 0.00001", t.layerNorm.stats, () => [z(1, 8)]],
    ["weightStandardize", "eps", "eps: 0.00001", t.weightStandardize.forward, () => [z(3, 3, 2, 2)]],
    ["weightStandardize.backward", "eps", "eps: 0.00001", t.weightStandardize.backward, () => [z(3, 3, 2, 2), z(3, 3, 2, 2)]],
    ["attention", "heads", "heads: 4", t.attention.forward, () => [z(1, 2, 4), z(1, 2, 4), z(1, 2, 4)]],
    ["linearAttention", "heads", "heads: 4", t.linearAttention.forward, () => [z(1, 2, 4), z(1, 2, 4), z(1, 2, 4)]],
  ];
  for (const [name, option, pass, op, operands] of ops) {
    it(`${name} without its ${option} says what to pass`, () => {
      for (const options of [[], [undefined], [{}]]) {
        const error = thrown(() => (op as Op)(...operands(), ...options));
        expect(error).to.be.instanceOf(t.ConfigError);
        expect(error.message).to.equal(`${name}: options has no ${option}\n  pass     { ${pass} }`);
      }
    });
  }

  it("groupNorm.stats without eps alone says that", () => {
    expect(thrown(() => t.groupNorm.stats(z(1, 2, 8), { groups: 8 } as never)).message).to.equal(
      "groupNorm.stats: options has no eps\n  pass     { eps: 0.00001 }");
  });
});

describe("devices that are none", () => {
  let device: Device;
  const random = new t.Random(1);
  before(async () => void (device = await t.openDevice("reference")));

  const makers: [name: string, fn: (options: never) => unknown][] = [
    ["tensor", (options) => t.tensor([1, 2], options)], ["zeros", (options) => t.zeros([2, 3], options)],
    ["ones", (options) => t.ones([2], options)], ["full", (options) => t.full([2], 1, options)],
    ["arange", (options) => t.arange(0, 2, 1, options)], ["linspace", (options) => t.linspace(0, 1, 2, options)],
    ["eye", (options) => t.eye(2, options)], ["oneHot", (options) => t.oneHot([0], 2, options)],
    ["randomNormal", (options) => t.randomNormal([2], random, options)],
    ["randomUniform", (options) => t.randomUniform([2], random, options)],
    ["dropout.mask", (options) => t.dropout.mask([2], 0.5, random, options)],
  ];
  for (const [name, make] of makers) {
    it(`${name} says where a device comes from`, () => {
      const text = (options: unknown): string => {
        const error = thrown(() => make(options as never));
        expect(error).to.be.instanceOf(t.ConfigError);
        return error.message;
      };
      const missing = `${name}: options has no device\n  pass     { device }, from await openDevice("reference")`;
      expect(text(undefined)).to.equal(missing);
      expect(text({ dtype: "f64" })).to.equal(missing);
      expect(text(device)).to.equal(`${name}: options is a device\n  pass     { device }`);
      expect(text({ device: "wasm" })).to.equal(
        `${name}: device is the string "wasm", not a device\n  pass     await openDevice("wasm")`);
      expect(text({ device: t.openDevice("reference") })).to.equal(
        `${name}: device is a promise, not a device\n  await    const device = await openDevice(...)`);
      expect(text({ device: 1 })).to.equal(
        `${name}: device is the number 1, not a device\n  pass     await openDevice("reference")`);
    });
  }

  it("is said by to and observe", async () => {
    const x = t.zeros([1], { device });
    expect((await thrownBy(t.to(x, "wasm" as never))).message).to.equal(
      'to: device is the string "wasm", not a device\n  pass     await openDevice("wasm")');
    expect(thrown(() => t.observe(undefined as never, {}, () => 1)).message).to.equal(
      'observe: device is undefined, not a device\n  pass     await openDevice("reference")');
  });

  it("is told apart from other arguments that are missing", () => {
    expect(thrown(() => t.randomNormal([2], { device } as never, undefined as never)).message).to.equal(
      "randomNormal: random is an object, not a generator\n  pass     new Random(seed)");
    const NUMBERS = "\n  pass     a number, nested arrays of numbers, or a typed array";
    const values: [data: unknown, what: string][] = [
      [undefined, "undefined"], ["12", 'the string "12"'], [[1, [null]], "null"], [[t.zeros([1], { device })], "a Tensor"],
    ];
    for (const [data, what] of values) {
      const error = thrown(() => t.tensor(data as never, { device }));
      expect(error).to.be.instanceOf(t.ConfigError);
      expect(error.message).to.equal(`tensor: among the values is ${what}${NUMBERS}`);
    }
    const shape = thrown(() => t.zeros(3 as never, { device }));
    expect(shape).to.be.instanceOf(t.ShapeError);
    expect(shape.message).to.equal("zeros: shape is no list\n  shape    3\n  pass     an array of numbers, such as [2, 3]");
    expect(thrown(() => t.reshape(t.zeros([3], { device }), 3 as never)).message).to.match(/^reshape: shape is no list\n/);
    expect(thrown(() => t.permute(t.zeros([3], { device }), 0 as never)).message).to.match(/^permute: order is no list\n/);
  });
});
