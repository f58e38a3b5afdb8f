import { CheckpointError } from "@fromnoise/tensor";
import { expect } from "chai";
import { encodeSafetensors, parseSafetensors, readSafetensorsHeader, readSafetensorsTensor } from "../src/formats/safetensors.js";
import type { HostTensor } from "../src/formats/safetensors.js";

function join(parts: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array(Buffer.concat([...parts]));
}

/** A file from header text and data, built by hand. */
function handmade(header: string | object, data: ArrayLike<number> = []): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  return join([length, json, Uint8Array.from(data)]);
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({ dtype: "F32", shape, data_offsets: [begin, end] });

const headerBytes = (bytes: Uint8Array): number => new DataView(bytes.buffer).getUint32(0, true);
const headerText = (bytes: Uint8Array): string =>
  new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes(bytes)));

/** Each value is the one of its bit pattern, zeros with their sign. */
function expectSame(values: ArrayLike<number>, expected: readonly [bits: number, value: number][]): void {
  expected.forEach(([bits, value], i) => {
    expect(Object.is(values[i], value), `0x${bits.toString(16)}: ${values[i]} against ${value}`).to.equal(true);
  });
}

const sample: [string, HostTensor][] = [
  ["b.weight", { shape: [2, 3], data: Float32Array.of(1, -0, NaN, Infinity, 1e-45, 3.4e38) }],
  ["a.bias", { shape: [3], data: Float32Array.of(1, 2, 3) }],
  ["scalar", { shape: [], data: Float64Array.of(Math.PI) }],
  ["empty", { shape: [0, 4], data: new Float32Array(0) }],
  ["naïve \"quoted\" \\ 名", { shape: [1, 1, 1, 1, 1], data: Float64Array.of(5e-324) }],
];

describe("safetensors", () => {
  it("gives back names, shapes, dtypes, metadata and every bit", () => {
    const metadata = { format: "pt", "fromnoise": JSON.stringify({ step: 3, "quote": "\"\n" }), "__proto__x": "" };
    const encoded = encodeSafetensors(new Map(sample), metadata);
    const bytes = join(encoded);
    expect(bytes.length).to.equal(encoded.byteLength);
    const read = parseSafetensors(bytes);
    expect(read.metadata).to.deep.equal(metadata);
    expect(read.tensors.size).to.equal(sample.length);
    for (const [name, { shape, data }] of sample) {
      const tensor = read.tensors.get(name)!;
      expect(tensor.shape, name).to.deep.equal(shape);
      expect(tensor.dtype, name).to.equal(data instanceof Float64Array ? "F64" : "F32");
      expect(tensor.data.constructor, name).to.equal(data.constructor);
      expect(Buffer.from(tensor.data.buffer).equals(Buffer.from(data.buffer)), name).to.equal(true);
    }
  });

  it("writes F64 before F32, names in order, offsets without holes, and data aligned to 8 bytes", () => {
    const bytes = join(encodeSafetensors(sample));
    const text = headerText(bytes);
    expect(headerBytes(bytes) % 8, "padding").to.equal(0);
    expect(text).to.match(/^\{"naïve.*\} *$/);
    const fields = Object.entries<{ data_offsets: number[] }>(JSON.parse(text));
    expect(fields.map(([name]) => name)).to.deep.equal(["naïve \"quoted\" \\ 名", "scalar", "a.bias", "b.weight", "empty"]);
    expect(fields.map(([, field]) => field.data_offsets)).to.deep.equal([[0, 8], [8, 16], [16, 28], [28, 52], [52, 52]]);
  });

  it("has exactly the bytes of the format, for a file small enough to write out", () => {
    const json = '{"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    const expected = handmade(json + " ".repeat(80 - json.length), [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc1]);
    expect(join(encodeSafetensors([["w", { shape: [2], data: Float32Array.of(1, -10) }]], { k: "v" }))).to.deep.equal(expected);
  });

  it("reads a file made elsewhere: unsorted header, no padding, data at odd addresses", () => {
    const file = handmade({ z: f32(0, 4), a: f32(4, 12, [1, 2]), __metadata__: { format: "pt" } },
      [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40]);
    const shifted = new Uint8Array(file.length + 1).subarray(1);
    shifted.set(file);
    for (const bytes of [file, shifted]) {
      const { tensors, metadata } = parseSafetensors(bytes);
      expect(metadata).to.deep.equal({ format: "pt" });
      expect([...tensors.keys()]).to.deep.equal(["z", "a"]);
      expect(tensors.get("a")).to.deep.equal({ dtype: "F32", shape: [1, 2], data: Float32Array.of(2, 3) });
    }
  });

  it("a read tensor does not share memory with the file", () => {
    const bytes = join(encodeSafetensors([["w", { shape: [1], data: Float32Array.of(7) }]]));
    const { data } = parseSafetensors(bytes).tensors.get("w")!;
    bytes.fill(0);
    expect(data[0]).to.equal(7);
  });

  it("converts to one dtype on request, F32 by rounding", () => {
    const tensors: [string, HostTensor][] = [
      ["x", { shape: [2], data: Float64Array.of(0.1, 1e-50) }],
      ["y", { shape: [1], data: Float32Array.of(0.1) }],
    ];
    const as = (dtype: "F32" | "F64") => parseSafetensors(join(encodeSafetensors(tensors, {}, { dtype }))).tensors;
    expect(as("F32").get("x")).to.deep.equal({ dtype: "F32", shape: [2], data: Float32Array.of(Math.fround(0.1), 0) });
    expect(as("F64").get("y")).to.deep.equal({ dtype: "F64", shape: [1], data: Float64Array.of(Math.fround(0.1)) });
    expect(as("F64").get("x")!.data).to.deep.equal(Float64Array.of(0.1, 1e-50));
  });

  it("large tensors come in parts of at most 16 MiB that are views of their data, also of a subarray", () => {
    const whole = new Float32Array(5_000_001);
    whole.forEach((_, i) => { whole[i] = i; });
    const [header, ...parts] = encodeSafetensors([["w", { shape: [5_000_000], data: whole.subarray(1) }]]);
    expect(header!.length).to.be.lessThan(200);
    expect(parts.map((part) => part.length)).to.deep.equal([2 ** 24, 20_000_000 - 2 ** 24]);
    expect(parts.every((part) => part.buffer === whole.buffer)).to.equal(true);
    expect(parseSafetensors(join([header!, ...parts])).tensors.get("w")!.data.at(-1)).to.equal(5_000_000);
  });

  it("widens F16 exactly: normal, subnormal, zeros, infinities, NaN", () => {
    const halves: [number, number][] = [
      [0x3c00, 1], [0xc000, -2], [0x7bff, 65504], [0x3555, 0.333251953125], [0x0400, 2 ** -14], [0x03ff, 1023 * 2 ** -24],
      [0x0001, 2 ** -24], [0x8001, -(2 ** -24)], [0x0000, 0], [0x8000, -0], [0x7c00, Infinity], [0xfc00, -Infinity],
      [0x7e00, NaN], [0x7c01, NaN],
    ];
    const data = new Uint8Array(Uint16Array.from(halves, ([bits]) => bits).buffer);
    const file = handmade({ h: { dtype: "F16", shape: [2, 7], data_offsets: [0, 28] } }, data);
    const tensor = parseSafetensors(file).tensors.get("h")!;
    expect(tensor.dtype).to.equal("F16");
    expect(tensor.shape).to.deep.equal([2, 7]);
    expect(tensor.data).to.be.instanceOf(Float32Array);
    expectSame(tensor.data, halves);
  });

  it("rounds to F16 as IEEE 754 does: every half comes back, and between two the nearer, of two alike the even", () => {
    const write = (values: number[]): Uint16Array => {
      const bytes = join(encodeSafetensors([["h", { shape: [values.length], data: Float64Array.from(values) }]], {}, { dtype: "F16" }));
      return new Uint16Array(bytes.slice(bytes.length - 2 * values.length).buffer);
    };
    const all = Uint16Array.from({ length: 0x7c00 }, (_, bits) => bits);                        // the finite ones from 0 up
    const file = handmade({ h: { dtype: "F16", shape: [all.length], data_offsets: [0, 2 * all.length] } }, new Uint8Array(all.buffer));
    const values = Array.from(parseSafetensors(file).tensors.get("h")!.data);
    expect(write(values)).to.deep.equal(all);
    expect(write(values.map((v) => -v))).to.deep.equal(all.map((bits) => bits | 0x8000));
    const middles = values.slice(1).map((v, i) => (v + values[i]) / 2);
    expect(write(middles)).to.deep.equal(all.slice(0, -1).map((bits) => bits + (bits % 2)));
    expect(write(middles.map((v) => v * (1 + 2 ** -40)))).to.deep.equal(all.slice(1));
    expect(write(middles.map((v) => v * (1 - 2 ** -40)))).to.deep.equal(all.slice(0, -1));
    expect(Array.from(write([65519.99, 65520, -Infinity, NaN, 1e300, 1e-300]))).to.deep.equal([0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x7c00, 0]);
  });

  it("widens BF16 exactly: normal, subnormal, zeros, infinities, NaN", () => {
    const brains: [number, number][] = [
      [0x3f80, 1], [0xc049, -3.140625], [0x7f7f, 255 * 2 ** 120], [0x0080, 2 ** -126], [0x0001, 2 ** -133],
      [0x807f, -127 * 2 ** -133], [0x0000, 0], [0x8000, -0],
      [0x7f80, Infinity], [0xff80, -Infinity], [0x7fc0, NaN], [0xff81, NaN],
    ];
    const data = new Uint8Array(Uint16Array.from(brains, ([bits]) => bits).buffer);
    const file = handmade({ b: { dtype: "BF16", shape: [12], data_offsets: [0, 24] } }, data);
    const tensor = parseSafetensors(file).tensors.get("b")!;
    expect(tensor.dtype).to.equal("BF16");
    expectSame(tensor.data, brains);
  });

  it("reads the header and single tensors lazily, touching only their bytes", async () => {
    const bytes = join(encodeSafetensors(sample, { k: "v" }));
    const reads: [number, number][] = [];
    const reader = {
      size: bytes.length,
      read: async (offset: number, length: number) => {
        reads.push([offset, length]);
        return bytes.slice(offset, offset + length);
      },
    };
    const header = await readSafetensorsHeader(reader);
    expect(header).to.deep.equal(await readSafetensorsHeader(bytes));
    const dataStart = 8 + headerBytes(bytes);
    expect(reads).to.deep.equal([[0, 8], [8, dataStart - 8]]);
    expect(header.metadata).to.deep.equal({ k: "v" });
    expect(header.tensors.get("a.bias"))
      .to.deep.equal({ dtype: "F32", shape: [3], begin: dataStart + 16, end: dataStart + 28 });
    expect((await readSafetensorsTensor(reader, header, "a.bias")).data).to.deep.equal(Float32Array.of(1, 2, 3));
    expect(reads.at(-1)).to.deep.equal([dataStart + 16, 12]);
    expect((await readSafetensorsTensor(bytes, header, "scalar")).data[0]).to.equal(Math.PI);
    const missing: unknown = await readSafetensorsTensor(bytes, header, "c").catch((error: unknown) => error);
    expect(missing).to.be.instanceOf(CheckpointError)
      .with.property("message", 'safetensors data: no tensor "c"\n  it has 5 others');
  });

  it("lists dtypes it cannot read, and refuses them by name when they are read", async () => {
    const file = handmade({ steps: { dtype: "I64", shape: [1], data_offsets: [0, 8] } }, new Uint8Array(8));
    expect((await readSafetensorsHeader(file)).tensors.get("steps")!.dtype).to.equal("I64");
    expect(() => parseSafetensors(file, "model.safetensors")).to.throw(CheckpointError).with.property("message",
      'model.safetensors: tensor "steps" has dtype I64\n  readable are F32, F64, F16, BF16');
  });
});

describe("a header that would not be read again", () => {
  it("is not written", () => {
    expect(() => encodeSafetensors([], { text: "x".repeat(2 ** 25) })).to.throw(CheckpointError, "cannot write a safetensors file with a header of 33554464 bytes");
    expect(encodeSafetensors([], { text: "x".repeat(2 ** 25 - 100) }).byteLength).to.be.lessThan(2 ** 25 + 8);
  });
});

describe("damaged safetensors files are refused, saying what is wrong", () => {
  const zeros = (n: number) => new Uint8Array(n);
  const lengthOnly = (length: bigint, rest = 0) => {
    const bytes = new Uint8Array(8 + rest);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    return bytes;
  };
  const cases: [string, Uint8Array, RegExp][] = [
    ["an empty file", zeros(0), /^f: not a safetensors file\n {2}expected at least 8 bytes, found 0$/],
    ["a file shorter than the length", zeros(7), /expected at least 8 bytes, found 7$/],
    ["a length that no header has", lengthOnly(2n ** 63n),
      /^f: not a safetensors file\n {2}its first 8 bytes give a header of 9223/],
    ["a header of gigabytes when parsed", lengthOnly(2n ** 25n + 1n), /a header of 33554433 bytes, allowed are 33554432$/],
    ["brackets alone", handmade("[".repeat(1e7)), /^f: the header is not JSON\n {2}objects and lists are nested more than 100 deep at character 100$/],
    ["a string of backslashes", handmade(`{"${"\\".repeat(1e7)}"}`), /^f: the header is not JSON/],
    ["a header cut short", lengthOnly(100n, 40),
      /^f: truncated, or not a safetensors file\n {2}.* end at byte 108, the file has 48$/],
    ["an empty header", lengthOnly(0n), /^f: the header is not JSON/],
    ["a header that is not JSON", handmade("{oops}"), /^f: the header is not JSON/],
    ["a header that is not UTF-8", join([lengthOnly(3n), Uint8Array.of(0x22, 0xff, 0x22)]), /^f: the header is not JSON/],
    ["a header that is an array", handmade("[1]"), /^f: the header is not a JSON object\n {2}\[1\]$/],
    ["an entry that is a number", handmade({ w: 1 }), /^f: header entry "w" is not an object\n {2}1$/],
    ["metadata that is no string", handmade({ __metadata__: { step: 3 } }),
      /^f: __metadata__ holds strings only\n {2}"step" is 3$/],
    ["a name that stands twice", handmade(`{"w":${JSON.stringify(f32(0, 4))}, "w" : ${JSON.stringify(f32(4, 8))}}`, zeros(8)),
      /^f: the header has "w" twice$/],
    ["a name that stands twice, once escaped",
      handmade(`{"w":${JSON.stringify(f32(0, 4))},"\\u0077":${JSON.stringify(f32(0, 4))}}`, zeros(4)),
      /^f: the header has "w" twice$/],
    ["a field that stands twice", handmade('{"w":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', zeros(4)),
      /^f: the header has "shape" twice$/],
    ["an unknown dtype", handmade({ w: { ...f32(0, 4), dtype: "F31" } }, zeros(4)),
      /^f: tensor "w" has the unknown dtype F31\n {2}\{"dtype"/],
    ["a missing dtype", handmade({ w: { shape: [1], data_offsets: [0, 4] } }, zeros(4)), /^f: tensor "w" has no dtype/],
    ["a negative size", handmade({ w: f32(0, 4, [-1]) }, zeros(4)), /^f: tensor "w" has no shape of whole numbers from 0/],
    ["a missing shape", handmade({ w: { dtype: "F32", data_offsets: [0, 4] } }, zeros(4)), /^f: tensor "w" has no shape/],
    ["one offset", handmade({ w: { dtype: "F32", shape: [1], data_offsets: [0] } }, zeros(4)),
      /^f: tensor "w" has no pair of data_offsets/],
    ["offsets that are not whole", handmade({ w: { ...f32(0, 4), data_offsets: [0.5, 4.5] } }, zeros(4)),
      /no pair of data_offsets/],
    ["a shape that does not fit", handmade({ w: f32(0, 8, [3]) }, zeros(8)),
      /^f: tensor "w" has 8 bytes of data where its shape and dtype take 12\n/],
    ["an end before its begin", handmade({ w: f32(4, 0, [1]) }, zeros(4)), /^f: tensor "w" has -4 bytes of data/],
    ["a shape beyond any memory", handmade({ w: f32(0, 4, [2 ** 40, 2 ** 40]) }, zeros(4)), /^f: tensor "w" has 4 bytes of data/],
    ["a hole", handmade({ a: f32(0, 4), b: f32(8, 12) }, zeros(12)),
      /^f: hole before the data of tensor "b"\n {2}"a" ends at byte \d+, "b" begins/],
    ["a hole at the start", handmade({ a: f32(4, 8) }, zeros(8)),
      /^f: hole before the data of tensor "a"\n {2}the header ends at byte/],
    ["an overlap", handmade({ a: f32(0, 8), b: f32(4, 12) }, zeros(12)), /^f: overlap before the data of tensor "b"/],
    ["data cut short", handmade({ w: f32(0, 8) }, zeros(7)), /^f: truncated\n {2}"w" ends at byte 70, the file has 69$/],
    ["bytes after the data", handmade({ w: f32(0, 8) }, zeros(9)),
      /^f: longer than its tensors\n {2}"w" ends at byte 70, the file has 71$/],
  ];
  for (const [what, bytes, message] of cases) {
    it(what, async () => {
      expect(() => parseSafetensors(bytes, "f")).to.throw(CheckpointError).with.property("message").that.matches(message);
      const lazy = await readSafetensorsHeader(bytes, "f").catch((error: unknown) => error);
      expect(lazy).to.be.instanceOf(CheckpointError).with.property("message").that.matches(message);
    });
  }

  it("a file without tensors, and zero-size tensors between others, are not damaged", () => {
    expect(parseSafetensors(handmade("{}")).tensors.size).to.equal(0);
    const { tensors } = parseSafetensors(handmade({ b: f32(4, 4, [0]), a: f32(0, 4), c: f32(4, 8) }, zeros(8)));
    expect([...tensors.keys()]).to.deep.equal(["a", "b", "c"]);
  });

  it("encoding refuses a shape that does not fit, a name twice, and the reserved name", () => {
    const one: HostTensor = { shape: [1], data: new Float32Array(1) };
    const five: HostTensor = { shape: [2, 3], data: new Float32Array(5) };
    expect(() => encodeSafetensors([["w", five]])).to.throw(CheckpointError).with.property("message",
      'cannot write tensor "w": its shape does not fit its data\n  shape [2, 3] has 6 elements, the data 5');
    expect(() => encodeSafetensors([["w", one], ["w", one]]))
      .to.throw(CheckpointError, 'cannot write tensor "w": the name is taken');
    expect(() => encodeSafetensors([["__metadata__", one]])).to.throw(CheckpointError, "the name is reserved");
  });
});
