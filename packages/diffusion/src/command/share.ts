/**
 * Shares of a whole: part K of N of the samples that a command draws, written as a file of numbers that `join` puts together. Sample i
 * depends on seed and i alone, so that N programs draw what one would.
 */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { CheckpointError, ConfigError, FromnoiseError, type Device, type NumberArray } from "@fromnoise/tensor";
import {
  encodeSafetensors, parseJson, readSafetensorsHeader, readSafetensorsTensor, replaceFile, tensorDigest, type HostTensor, type LoadedTensor,
} from "@fromnoise/nn";
import { isObject, type Kind } from "@fromnoise/nn/kinds";
import { optional } from "../config/fields.js";
import type { DiffusionModel } from "../denoisers/denoiser.js";
import { predictionOf } from "../denoisers/prediction.js";
import { fileSource } from "../models/node/file-source.js";
import { listFolder, makeFolder } from "../models/node/files.js";
import { withFile } from "../models/source.js";
import type { Sampling } from "./sampling-flags.js";

/** Part `index` of `of`, counted from 1. */
export interface Share { readonly index: number; readonly of: number }

const MOST = 1_000_000;
const shareKind: Kind<Share> = {
  allowed: `K/N, the K-th of N parts: 1/N .. N/N, N at most ${MOST}`, placeholder: "K/N",
  parse(text) {
    const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
    return index === undefined ? text : { index: Number(index), of: Number(of) };
  },
  fits: (v): v is Share => isObject(v) && Number(v["index"]) >= 1 && Number(v["index"]) <= Number(v["of"]) && Number(v["of"]) <= MOST,
};

/** Of `sample` and `evaluate`. */
export const shareField = optional(
  shareKind, "only the K-th of N parts of the images, counted from 1, as a file for `fromnoise join`: docs/scale.md", { shown: "all of them" },
);

/** Images `start` .. `end - 1` of the whole. */
export interface Range { readonly start: number; readonly end: number }

/** The images of a share: floor((K - 1) count / N) up to floor(K count / N). Throws ConfigError where that is none. */
export function rangeOf(count: number, { index, of }: Share): Range {
  const [start, end] = [index - 1, index].map((k) => Math.floor((k * count) / of));
  if (start < end) return { start, end };
  throw new ConfigError(`--share: of ${count} images there are no ${of} shares`, [`allowed  up to ${count} shares`]);
}

/** What a share holds. */
export interface ShareFile {
  /** What was computed. */
  readonly kind: "samples" | "evaluation";
  readonly range: Range;
  /** Images of the whole. */
  readonly count: number;
  /** All that decides what the whole is: shares of other settings are of another whole. Plain JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What else is told of it, of its kind. Plain JSON. */
  readonly said: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, HostTensor>;
}

const FORMAT = "fromnoise-share-1";
const NAME = /^share-\d+-of-\d+\.safetensors$/;

/** Writes a share into a folder under its own name, and gives the path. Throws ConfigError and CheckpointError where that cannot be. */
export async function writeShare(folder: string, { index, of }: Share, { tensors, ...told }: ShareFile): Promise<string> {
  makeFolder(folder);
  const path = join(folder, `share-${String(index).padStart(String(of).length, "0")}-of-${of}.safetensors`);
  const digests: Record<string, string> = {};
  for (const [name, tensor] of tensors) digests[name] = await tensorDigest(tensor);
  const encoded = encodeSafetensors(tensors, { fromnoise: JSON.stringify({ format: FORMAT, ...told, digests }) });
  await replaceFile(path, encoded, encoded.byteLength);
  return path;
}

/** Reads a share. Throws CheckpointError for a file that is none, or is damaged. */
export async function readShare(path: string): Promise<ShareFile & { readonly path: string }> {
  return withFile(fileSource(path), basename(path), async (file) => {
    const header = await readSafetensorsHeader(file, path);
    const told = parsed(header.metadata["fromnoise"]);
    if (!isObject(told) || told["format"] !== FORMAT) throw new CheckpointError(`${path} is no share`, [`expected __metadata__.fromnoise with format ${FORMAT}`]);
    const digests = told["digests"] as Readonly<Record<string, string>>;
    const tensors = new Map<string, LoadedTensor>();
    for (const name of header.tensors.keys()) tensors.set(name, await readSafetensorsTensor(file, header, name, path, digests[name] ?? "none"));
    return { ...(told as unknown as ShareFile), path, tensors };
  });
}

function parsed(text: string | undefined): unknown {
  try {
    return parseJson(text ?? "");
  } catch (error) {
    if (error instanceof FromnoiseError) throw error;
    return undefined;
  }
}

/** The files that operands name: themselves, and the shares in folders. Throws ConfigError for a folder without any. */
export function sharesIn(operands: readonly string[]): string[] {
  return operands.flatMap((path) => {
    if (path.endsWith(".safetensors")) return [path];
    const names = listFolder(path).filter((name) => NAME.test(name)).sort();
    if (names.length > 0) return names.map((name) => join(path, name));
    throw new ConfigError(`${path} holds no shares`, ["expected share-<K>-of-<N>.safetensors, as --share K/N writes them"]);
  });
}

/**
 * Shares that make a whole, in order. Throws ConfigError for shares of different wholes, images that are missing, and images that stand
 * in two shares.
 */
export function wholeOf<S extends ShareFile & { readonly path: string }>(shares: readonly S[]): S[] {
  const [first, ...others] = shares;
  for (const other of others) checkAlike(first, other);
  const sorted = [...shares].sort((a, b) => a.range.start - b.range.start || a.range.end - b.range.end);
  let [at, before] = [0, ""];
  for (const { path, range: { start, end } } of sorted) {
    if (start < at) throw new ConfigError(`join: ${images(start, Math.min(at, end))} in two shares`, [`one      ${before}`, `other    ${path}`]);
    if (start > at) throw missing(at, start);
    [at, before] = [end, path];
  }
  if (at < first.count) throw missing(at, first.count);
  return sorted;
}

function missing(start: number, end: number): ConfigError {
  return new ConfigError(`join: ${images(start, end)} missing`, ["hint     the shares from 1/N to N/N make a whole"]);
}

function images(start: number, end: number): string {
  return end - start === 1 ? `image ${start} is` : `images ${start} to ${end - 1} are`;
}

/** Throws ConfigError that names the first setting in which two shares differ. */
function checkAlike(a: ShareFile & { readonly path: string }, b: ShareFile & { readonly path: string }): void {
  const [one, other] = [a, b].map(({ kind, count, settings }): Record<string, unknown> => ({ kind, count, ...settings }));
  const name = [...new Set([...Object.keys(one), ...Object.keys(other)])].find((key) => JSON.stringify(one[key]) !== JSON.stringify(other[key]));
  if (name === undefined) return;
  throw new ConfigError(`join: the shares are of different wholes: ${name}`, [
    `one      ${JSON.stringify(one[name]) ?? "none"}, ${a.path}`, `other    ${JSON.stringify(other[name]) ?? "none"}, ${b.path}`,
  ]);
}

/** What decides samples but for their numbers: the model, how it is sampled, and how the device rounds. */
export async function settingsOf(
  model: DiffusionModel, device: Device, { sampler, options, guidance }: Sampling, clipX0: unknown,
): Promise<Record<string, unknown>> {
  return {
    model: await modelDigest(model), sampler: sampler.name, options, guidance: guidance ?? null, clipX0: clipX0 ?? null,
    device: device.name, multiplyAdds: device.multiplyAdds ?? null,
  };
}

/** What stands in a share for the model: the SHA-256 of its weights and of all that samples depend on beside them. */
async function modelDigest({ network, process, prediction, variance, clipX0 }: DiffusionModel): Promise<string> {
  const hash = createHash("sha256");
  const { kind, config } = network.spec;
  const { name, range, levels } = process;
  hash.update(JSON.stringify([kind, config, name, range, levels ?? null, predictionOf(prediction).name, variance ?? null, clipX0 ?? null]));
  for (const { tensor } of network.parameters) {
    const { buffer, byteOffset, byteLength } = await tensor.data();
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}

/** Numbers as a file holds them: F32 where no bit is lost. */
export function held(shape: readonly number[], data: NumberArray): HostTensor {
  const exact = data.every((value) => Math.fround(value) === value || Number.isNaN(value));
  return { shape, data: exact ? Float32Array.from(data) : Float64Array.from(data) };
}
