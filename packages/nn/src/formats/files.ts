/**
 * safetensors files on a disk. A file is written under a temporary name in the same folder, flushed, and renamed: whenever
 * the program or the machine stops, the path holds the earlier file or the new one, whole.
 */
import { platformFiles } from "#platform";
import { CheckpointError } from "@fromnoise/tensor";
import { errorCode, failureReason } from "./errno.js";
import { readSafetensorsHeader, readSafetensorsTensor, encodeSafetensors } from "./safetensors.js";
import type { ByteReader, EncodeOptions, HostTensor, LoadedTensor, Safetensors } from "./safetensors.js";

/** A file being written. */
export interface FileWriter {
  /** Appends, and returns how many of the bytes were taken (at least one). */
  write(bytes: Uint8Array): Promise<number>;
  /** Returns once the contents are on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A file being read. */
export interface FileReader extends ByteReader {
  close(): Promise<void>;
}

/** The operations that saving and loading need; Node's by default, another in tests. Failures carry Node's error codes. */
export interface FileLayer {
  /** A path in the same folder that no other writer uses. */
  temporaryName(path: string): string;
  create(path: string): Promise<FileWriter>;
  /** Opens a file for adding to its end, and makes it where there is none. */
  append(path: string): Promise<FileWriter>;
  open(path: string): Promise<FileReader>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Returns once the names in the folder of this path are on the disk. */
  syncFolderOf(path: string): Promise<void>;
}

/** By what files are written, and how numbers are. */
export interface SaveOptions extends EncodeOptions {
  readonly files?: FileLayer;
}

/**
 * Writes tensors and metadata as one safetensors file, replacing an earlier one all at once.
 * @throws CheckpointError when that fails, a full disk for example; the earlier file is then untouched and no partial file
 *   is left; and as {@link encodeSafetensors}.
 */
export async function saveSafetensors(
  path: string,
  tensors: Iterable<readonly [name: string, tensor: HostTensor]>,
  metadata: Readonly<Record<string, string>> = {},
  { files = platformFiles, ...options }: SaveOptions = {},
): Promise<void> {
  const encoded = encodeSafetensors(tensors, metadata, options);
  await replaceFile(path, encoded, encoded.byteLength, files);
}

/**
 * Writes a file of `byteLength` bytes from its parts, replacing an earlier one all at once: temporary name, flush, rename, flush
 * of the folder.
 * @throws CheckpointError when that fails; the earlier file is then untouched and no partial file is left.
 */
export async function replaceFile(path: string, parts: Iterable<Uint8Array>, byteLength: number, files = platformFiles): Promise<void> {
  const temporary = files.temporaryName(path);
  try {
    await writeAndClose(await files.create(temporary), parts);
    await files.rename(temporary, path);
  } catch (error) {
    const removed = await files.remove(temporary).then(() => true, (e: unknown) => errorCode(e) === "ENOENT");
    throw new CheckpointError(`cannot save ${path}: ${failureReason(error)}`, [
      `needed   ${byteLength} bytes`,
      "kept     an earlier file of this name is untouched",
      ...(removed ? [] : [`left     ${temporary} could not be removed`]),
    ]);
  }
  try {
    await files.syncFolderOf(path);
  } catch (error) {
    throw new CheckpointError(`${path} is written, but not safe against a power cut yet: ${failureReason(error)}`);
  }
}

/** Writes all bytes, however few of them the file takes at a time. Throws what its `write` throws. */
export async function writeAll(file: FileWriter, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const taken = await file.write(bytes.subarray(done));
    if (taken === 0) throw new Error("the file takes no more bytes");
    done += taken;
  }
}

/** The same bytes in parts of at least a mebibyte, but for the last: hundreds of small tensors are few writes. */
function* gathered(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  const joined = (): Uint8Array => {
    if (waiting.length === 1) return waiting[0];
    const all = new Uint8Array(length);
    let at = 0;
    for (const part of waiting) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  };
  for (const part of parts) {
    waiting.push(part);
    length += part.length;
    if (length < 2 ** 20) continue;
    yield joined();
    [waiting, length] = [[], 0];
  }
  if (length > 0) yield joined();
}

async function writeAndClose(file: FileWriter, parts: Iterable<Uint8Array>): Promise<void> {
  try {
    for (const part of gathered(parts)) await writeAll(file, part);
    await file.sync();
  } catch (error) {
    await file.close().catch(() => undefined);  // the first failure is the one to report
    throw error;
  }
  await file.close();
}

/** By what files are read. */
export interface LoadOptions {
  /** Which tensors to read; default all. */
  readonly filter?: (name: string) => boolean;
  readonly files?: FileLayer;
}

/**
 * Reads a safetensors file, one tensor at a time.
 * @throws CheckpointError when it cannot be read, is damaged, or a tensor has another dtype than F32, F64, F16 and BF16.
 */
export async function loadSafetensors(
  path: string, { filter = () => true, files = platformFiles }: LoadOptions = {},
): Promise<Safetensors> {
  return reading(path, files, async (file) => {
    const header = await readSafetensorsHeader(file, path);
    const tensors = new Map<string, LoadedTensor>();
    for (const name of header.tensors.keys()) {
      if (filter(name)) tensors.set(name, await readSafetensorsTensor(file, header, name, path));
    }
    return { metadata: header.metadata, tensors };
  });
}

/** Opens a file for reading; the caller closes it. Failures carry Node's error codes. */
export function openFile(path: string): Promise<FileReader> {
  return platformFiles.open(path);
}

async function reading<T>(path: string, files: FileLayer, read: (file: FileReader) => Promise<T>): Promise<T> {
  try {
    const file = await files.open(path);
    try {
      return await read(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(`cannot read ${path}: ${failureReason(error)}`);
  }
}
