/**
 * decoded.safetensors of a run: its training images as numbers, for programs that decode no PNG and JPEG. The tensors are `images` F32
 * [N, H, W, C] in [-1, 1], in the order of the dataset, and `labels` I32 [N] where the data has classes; what is beside them stands in
 * `__metadata__.fromnoise`, with their digests as in a checkpoint.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { CheckpointError, sizeOf } from "@fromnoise/tensor";
import { failureReason, parseJson } from "@fromnoise/nn";
import { isObject } from "@fromnoise/nn/kinds";
import type { FolderRecord } from "../../data/node/folder.js";
import type { Dataset } from "../../data/dataset.js";
import type { TrainConfig } from "../config.js";

/** The file's name in the folder of a run. */
export const DECODED = "decoded.safetensors";
const FORMAT = "fromnoise-decoded-1";
/** Stands for digests until what they are of is written. */
const UNKNOWN = "0".repeat(64);

/** What of a run's data decides what is in the file. */
export interface DecodedSource {
  readonly config: Pick<TrainConfig, "data" | "holdOut">;
  readonly training: Dataset;
  /** Of a folder of images: what it held. */
  readonly record?: FolderRecord | undefined;
}

/**
 * Writes the file, replacing an earlier one as a whole, one image at a time; whether it had to be: one of the same data stays.
 * `onImage` is called after every image. Throws CheckpointError where it cannot be written, ImageError for a bad image.
 */
export function writeDecoded(path: string, source: DecodedSource, onImage: (done: number, all: number) => void = () => undefined): boolean {
  const { training: { count, shape, label } } = source;
  const said = saying(source);
  if (existsSync(path) && saidIn(path) === said) return false;
  const bytes = 4 * count * sizeOf(shape);
  const labels = label === undefined ? undefined : new Uint8Array(Int32Array.from({ length: count }, (_, i) => label(i)).buffer);
  const tensors = {
    images: { dtype: "F32", shape: [count, ...shape], data_offsets: [0, bytes] },
    ...(labels && { labels: { dtype: "I32", shape: [count], data_offsets: [bytes, bytes + labels.length] } }),
  };
  const header = (digests: Readonly<Record<string, string>>): Buffer => {
    const fromnoise = `${said.slice(0, -1)},"digests":${JSON.stringify(digests)}}`;
    const json = JSON.stringify({ __metadata__: { fromnoise, "fromnoise.sha256": createHash("sha256").update(fromnoise).digest("hex") }, ...tensors });
    const length = Math.ceil(Buffer.byteLength(json) / 8) * 8;
    const all = Buffer.alloc(8 + length, " ");
    all.writeBigUInt64LE(BigInt(length));
    all.write(json, 8);
    return all;
  };
  const partial = `${path}.${process.pid}-1.partial`;
  const file = created(partial);
  try {
    const images = createHash("sha256");
    writeAll(file, header({ images: UNKNOWN, ...(labels && { labels: UNKNOWN }) }), path);
    for (let i = 0; i < count; i++) {
      const values = new Uint8Array(Float32Array.from(source.training.sample(i)).buffer);
      images.update(values);
      writeAll(file, values, path);
      onImage(i + 1, count);
    }
    if (labels !== undefined) writeAll(file, labels, path);
    const digests = { images: images.digest("hex"), ...(labels && { labels: createHash("sha256").update(labels).digest("hex") }) };
    writeAll(file, header(digests), path, 0);
    fsyncSync(file);
    renameSync(partial, path);
    syncFolder(dirname(path));
    return true;
  } finally {
    closeSync(file);
    rmSync(partial, { force: true });
  }
}

/** What the file says but for its digests, as JSON. */
function saying({ config: { data, holdOut }, training: { count, shape, classes }, record }: DecodedSource): string {
  return JSON.stringify({ format: FORMAT, data, holdOut, count, shape, classes: classes ?? null, contents: record?.contents ?? null });
}

/** What a file says but for its digests; undefined for another kind of file. */
function saidIn(path: string): string | undefined {
  const file = openSync(path, "r");
  try {
    const first = Buffer.alloc(8);
    readSync(file, first, 0, 8, 0);
    const json = Buffer.alloc(Math.min(Number(first.readBigUInt64LE()), 65536));
    readSync(file, json, 0, json.length, 8);
    const header = parseJson(json.toString("utf8"));
    const metadata = isObject(header) ? header["__metadata__"] : undefined;
    const { digests: _, ...said } = parseJson(String(isObject(metadata) ? metadata["fromnoise"] : "")) as Record<string, unknown>;
    return JSON.stringify(said);
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** Returns once the names in a folder are on the disk. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  fsyncSync(folder);
  closeSync(folder);
}

function created(path: string): number {
  try {
    return openSync(path, "w");
  } catch (error) {
    throw new CheckpointError(`cannot write ${path}: ${failureReason(error)}`);
  }
}

function writeAll(file: number, bytes: Uint8Array, path: string, position?: number): void {
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, position === undefined ? null : position + done);
  } catch (error) {
    throw new CheckpointError(`cannot write ${path}: ${failureReason(error)}`);
  }
}
