/** Files as torch.save writes them since PyTorch 1.6, for torch.load: dicts of texts, numbers and tensors. */
import { CheckpointError } from "@fromnoise/tensor";
import type { HostTensor } from "../safetensors.js";
import { encodeZip, type Encoded } from "../zip-encode.js";

/** What can be saved. */
export type Saved = null | boolean | number | string | HostTensor | ReadonlyMap<string, Saved>;

/** Name of the archive's only folder; PyTorch takes any. */
const ROOT = "archive";

/**
 * The file of a value, in parts to be written one after another: whole numbers within 32 bits become int, all others float. Every
 * tensor has a storage of its own, and is contiguous; f32 and f64 stay as they are.
 * @throws CheckpointError as encodeZip, and for a tensor whose shape does not fit its data.
 */
export function encodeTorchFile(value: Saved): Encoded {
  const storages: Uint8Array[] = [];
  const pickle = new Uint8Array([0x80, 2, ...pickled(value, storages), 0x2e]);
  return encodeZip([
    { name: `${ROOT}/data.pkl`, bytes: pickle }, ...storages.map((bytes, key) => ({ name: `${ROOT}/data/${key}`, bytes })),
    { name: `${ROOT}/version`, bytes: ascii("3\n") },
  ]);
}

/** Operations of protocol 2: see pickle.ts for their names. */
function* pickled(value: Saved, storages: Uint8Array[]): Iterable<number> {
  if (value === null) yield 0x4e;
  else if (typeof value === "boolean") yield value ? 0x88 : 0x89;
  else if (typeof value === "number") yield* number(value);
  else if (typeof value === "string") yield* text(value);
  else if (isMap(value)) {
    yield* ascii("}(");
    for (const [key, inner] of value) {
      yield* text(key);
      yield* pickled(inner, storages);
    }
    yield* ascii("u");
  } else yield* tensor(value, storages);
}

/** Array.isArray's like for ReadonlyMap. */
function isMap(value: object): value is ReadonlyMap<string, Saved> {
  return value instanceof Map;
}

function* number(value: number): Iterable<number> {
  const whole = Number.isInteger(value) && Math.abs(value) < 2 ** 31 && !Object.is(value, -0);
  const bytes = new DataView(new ArrayBuffer(whole ? 4 : 8));
  if (whole) bytes.setInt32(0, value, true);
  else bytes.setFloat64(0, value, false);
  yield whole ? 0x4a : 0x47;
  yield* new Uint8Array(bytes.buffer);
}

function* text(value: string): Iterable<number> {
  const bytes = new TextEncoder().encode(value);
  yield 0x58;
  yield* new Uint8Array(Uint32Array.of(bytes.length).buffer);
  yield* bytes;
}

/** torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, requires_grad False, no hooks). */
function* tensor({ shape, data }: HostTensor, storages: Uint8Array[]): Iterable<number> {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
  const elements = shape.reduce((product, side) => product * side, 1);
  if (elements !== data.length) throw new CheckpointError("cannot write a tensor whose shape does not fit its data", [`shape    [${shape.join(", ")}]`, `values   ${data.length}`]);
  const key = storages.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) - 1;
  yield* ascii(`ctorch._utils\n_rebuild_tensor_v2\n((`);
  yield* text("storage");
  yield* ascii(`ctorch\n${data instanceof Float64Array ? "Double" : "Float"}Storage\n`);
  yield* text(String(key));
  yield* text("cpu");
  yield* number(elements);
  yield* ascii("tQ");
  yield* number(0);
  for (const sizes of [shape, strides]) {
    yield* ascii("(");
    for (const size of sizes) yield* number(size);
    yield* ascii("t");
  }
  yield 0x89;
  yield* ascii("ccollections\nOrderedDict\n)RtR");
}

function ascii(characters: string): Uint8Array {
  return new TextEncoder().encode(characters);
}
