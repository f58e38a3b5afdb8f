/** Any state dict comes back, and any bytes are read or refused by a CheckpointError, without taking memory that they only promise. */
import { expect } from "chai";
import fc from "fast-check";
import { encodeSafetensors, parseSafetensors, readSafetensorsHeader, type HostTensor } from "../src/formats/safetensors.js";
import { holds, seed } from "../../tensor/test/properties.js";
import { MOST_MEGABYTES, withstand } from "./attack/withstand.js";
import { mostMegabytes } from "./attack/memory.js";
import { mutants } from "./attack/mutate.js";

const join = (parts: Iterable<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat([...parts]));

const tensors: fc.Arbitrary<HostTensor> = fc.array(fc.nat(4), { maxLength: 4 }).chain((shape) => {
  const length = shape.reduce((a, b) => a * b, 1), size = { minLength: length, maxLength: length };
  return fc.oneof(fc.float32Array(size), fc.float64Array(size)).map((data) => ({ shape, data }));
});
const names = fc.string({ unit: "grapheme", maxLength: 12 }).filter((name) => name !== "__metadata__");
const dicts = fc.uniqueArray(fc.tuple(names, tensors), { selector: ([name]) => name, maxLength: 6 });
const metadata = fc.dictionary(names, fc.string({ maxLength: 20 }), { maxKeys: 3, noNullPrototype: true });

/** A header with fields of the right names that may hold anything. */
const headers = fc.dictionary(fc.oneof(names, fc.constant("__metadata__")), fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.record({
    dtype: fc.oneof(fc.constantFrom("F64", "F32", "F16", "BF16", "I64", "F31"), fc.jsonValue({ maxDepth: 1 })),
    shape: fc.oneof(fc.array(fc.oneof(fc.nat(3), fc.integer(), fc.double()), { maxLength: 4 }), fc.jsonValue({ maxDepth: 1 })),
    data_offsets: fc.oneof(fc.tuple(fc.oneof(fc.nat(40), fc.integer()), fc.oneof(fc.nat(40), fc.maxSafeInteger())), fc.jsonValue({ maxDepth: 1 })),
  }, { requiredKeys: [] }),
), { maxKeys: 4, noNullPrototype: true });

/** Bytes behind a length and a header that need not be meant. */
const files = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.tuple(headers.map((header) => JSON.stringify(header)), fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { freq: 10 }), fc.uint8Array({ maxLength: 60 }))
    .map(([json, said, data]) => {
      const text = new TextEncoder().encode(json), length = new Uint8Array(8);
      new DataView(length.buffer).setBigUint64(0, said ?? BigInt(text.length), true);
      return join([length, text, data]);
    }),
);

/** The header alone and all of it: both open the file, or both refuse it, for an unreadable dtype only the second. */
async function open(bytes: Uint8Array): Promise<void> {
  await readSafetensorsHeader(bytes, "f");
  parseSafetensors(bytes, "f");
}

describe("safetensors, whatever they hold", () => {
  it("give back any state dict: names, shapes, dtypes, metadata and every bit", () => holds(fc.property(dicts, metadata, (given, about) => {
    const read = parseSafetensors(join(encodeSafetensors(given, about)));
    expect(read.metadata).to.deep.equal(about);
    expect([...read.tensors.keys()].sort()).to.deep.equal(given.map(([name]) => name).sort());
    for (const [name, { shape, data }] of given) {
      const found = read.tensors.get(name)!;
      expect(found.shape).to.deep.equal(shape);
      expect(found.data.constructor).to.equal(data.constructor);
      expect(Buffer.compare(new Uint8Array(found.data.buffer), new Uint8Array(data.buffer, data.byteOffset, data.byteLength))).to.equal(0);
    }
  })));

  it("are opened or refused by one line, in time and memory that their bytes allow: random bytes and headers", async () => {
    const megabytes = await mostMegabytes(() => holds(fc.asyncProperty(files, async (bytes) => void (await withstand("f", bytes, open))), 1000));
    if (megabytes !== undefined) expect(megabytes, `seed ${seed}`).to.be.below(MOST_MEGABYTES);
  });

  it("are opened or refused by one line where a sound file is damaged", async () => {
    const sound = join(encodeSafetensors([["w", { shape: [2, 3], data: new Float32Array(6) }], ["b", { shape: [3], data: new Float64Array(3) }]], { k: "v" }));
    expect((await withstand("sound", sound, open)).refusal).to.equal(undefined);
    let refused = 0;
    for (const { name, bytes } of mutants({ sound }, 500, seed)) if ((await withstand(name, bytes, open)).refusal !== undefined) refused++;
    expect(refused, `seed ${seed}`).to.be.above(250);
  });
});
