/**
 * torch.save since PyTorch 1.6: a zip archive of NAME/data.pkl, the pickle, and NAME/data/KEY, the bytes of each storage; NAME is any.
 * Source: torch/serialization.py, caffe2/serialize/inline_container.h.
 */
import { CheckpointError } from "@fromnoise/tensor";
import type { ByteReader } from "../safetensors.js";
import { readZipDirectory, readZipEntry, type ZipEntry } from "../zip.js";
import { MAX_PICKLE_BYTES, type TorchContainer } from "./container.js";
import { unpickle } from "./pickle.js";
import { ELEMENT_BYTES, type TorchStorage } from "./tensors.js";
import { torchVocabulary } from "./vocabulary.js";

/**
 * Reads the pickle; the storages are read when they are asked for.
 * @throws CheckpointError as readZipDirectory and unpickle, and for archives that are none of torch.save, or of TorchScript.
 */
export async function openZipContainer(reader: ByteReader, source: string): Promise<TorchContainer> {
  const entries = await readZipDirectory(reader, source);
  const root = rootOf(entries, source);
  const pickle = entries.get(`${root}/data.pkl`)!;
  if (pickle.size > MAX_PICKLE_BYTES) throw new CheckpointError(`${source}: a pickle of ${pickle.size} bytes is more than is read`, [`allowed  up to ${MAX_PICKLE_BYTES}`]);
  await checkByteOrder(reader, entries.get(`${root}/byteorder`), source);
  const storages = new Map<string, TorchStorage>();
  const { value } = unpickle(await readZipEntry(reader, pickle, source), torchVocabulary(storages), `${source}, ${pickle.name}`);
  const placeOf = ({ key, dtype, elements }: TorchStorage): ZipEntry => {
    const entry = entries.get(`${root}/data/${key}`);
    const bytes = elements * ELEMENT_BYTES[dtype];
    if (entry?.size === bytes) return entry;
    throw new CheckpointError(`${source}: the storage ${JSON.stringify(key)} is not as its pickle says`, [
      `expected ${bytes} bytes`, `found    ${entry === undefined ? "no such entry" : `${entry.size} bytes`}`,
    ]);
  };
  for (const storage of storages.values()) placeOf(storage);
  return { value, read: (storage, begin, length) => readZipEntry(reader, placeOf(storage), source, begin, length) };
}

/** NAME of NAME/data.pkl. */
function rootOf(entries: ReadonlyMap<string, ZipEntry>, source: string): string {
  const names = [...entries.keys()];
  const roots = names.flatMap((name) => /^([^/]+)\/data\.pkl$/.exec(name)?.[1] ?? []);
  const [root] = roots;
  if (roots.length !== 1 || root === undefined) {
    throw new CheckpointError(`${source} is a zip archive, but none of torch.save`, [
      "expected one NAME/data.pkl in it", `found    ${names.slice(0, 6).join(", ").slice(0, 200) || "nothing"}`,
    ]);
  }
  if (names.some((name) => name.startsWith(`${root}/code/`) || name === `${root}/constants.pkl`)) {
    throw new CheckpointError(`${source} is a program of TorchScript, which is not run`, ["hint     save the weights alone: torch.save(model.state_dict(), path)"]);
  }
  return root;
}

async function checkByteOrder(reader: ByteReader, entry: ZipEntry | undefined, source: string): Promise<void> {
  if (entry === undefined) return;
  const order = entry.size > 16 ? "" : new TextDecoder().decode(await readZipEntry(reader, entry, source));
  if (order !== "little") throw new CheckpointError(`${source} is of the byte order ${JSON.stringify(order)}`, ["allowed  little"]);
}
