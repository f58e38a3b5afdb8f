/**
 * Checkpoints: one safetensors file with the tensors model.*, ema.*, adam.m.*, adam.v.* under the names and layouts of PyTorch, and
 * one JSON string that says what they are (checkpoint-info.ts).
 */
import { CheckpointError, NumericError } from "@fromnoise/tensor";
import {
  checkStateDict, encodeSafetensors, HALF_LIMIT, readSafetensorsHeader, readSafetensorsTensor, replaceFile, sha256, tensorDigest,
  type EncodedSafetensors, type FileLayer, type LoadedTensor, type Module, type StateDict, type StateEntry,
} from "@fromnoise/nn";
import { pathOf, withFile, type Source } from "../source.js";
import { formatInfo, type CheckpointInfo, type Digests } from "./checkpoint-info.js";
import { parseInfo, type ReadInfo } from "./parse-info.js";

/** The key in a file's metadata of the SHA-256 of what `fromnoise` says there; files from before it have none. */
const INFO_DIGEST = "fromnoise.sha256";

/**
 * How the names of a checkpoint's tensors begin: parameters, their averages, Adam's moments, and the averages of some relative length from
 * which others are rebuilt (`profiles` of the configuration).
 */
export type GroupPrefix = "model." | "ema." | "adam.m." | "adam.v." | `average-${number}.`;
/** The tensors of each group; a model alone has the first or the second. */
export type CheckpointGroups = Readonly<Partial<Record<GroupPrefix, ReadonlyMap<string, StateEntry>>>>;

export interface EncodeCheckpointOptions {
  /** In half precision, rounded to the nearest, of two equally near ones the even one: of models alone, a run could not go on from it. */
  readonly half?: boolean;
}

/**
 * A checkpoint as parts to be written one after another: to a file, or into a Blob.
 * Throws NumericError for a value that is not finite, or becomes so in half precision; CheckpointError where there is no SHA-256.
 */
export async function encodeCheckpoint(
  info: CheckpointInfo, groups: CheckpointGroups, { half = false }: EncodeCheckpointOptions = {},
): Promise<EncodedSafetensors> {
  const all: StateDict = new Map(
    Object.entries(groups).flatMap(([prefix, group]) => [...group ?? []].map(([name, entry]) => [prefix + name, entry] as const)),
  );
  const step = info.position?.step ?? info.average?.step;
  const at = step === undefined ? "" : `step ${step}: `;
  const limit = half ? HALF_LIMIT : Infinity;
  for (const [name, { data }] of all) {
    const i = data.findIndex((value) => !(Math.abs(value) < limit));
    if (i < 0) continue;
    const what = Number.isFinite(data[i]) ? "is too large for half precision" : "is not finite";
    throw new NumericError(`${at}${name} ${what}, so it is not saved`, [`element ${i} of ${data.length} is ${data[i]}`]);
  }
  const options = half ? { dtype: "F16" } as const
    : info.training === undefined ? {} : { dtype: info.training.dtype === "f64" ? "F64" : "F32" } as const;
  const digests = new Map<string, string>();
  for (const [name, entry] of all) digests.set(name, await tensorDigest(entry, options));    // one at a time: each may need a copy
  const text = formatInfo(info, Object.fromEntries(digests));
  return encodeSafetensors(all, { fromnoise: text, [INFO_DIGEST]: await sha256(new TextEncoder().encode(text)) }, options);
}

/** Writes a checkpoint, replacing an earlier file all at once. Throws as encodeCheckpoint, and CheckpointError when that fails. */
export async function writeCheckpoint(
  path: string, info: CheckpointInfo, groups: CheckpointGroups, files?: FileLayer,
): Promise<void> {
  const encoded = await encodeCheckpoint(info, groups);
  await replaceFile(path, encoded, encoded.byteLength, files);
}

/** A checkpoint read: its info, and its tensors by full name. */
export interface Checkpoint { readonly path: string; readonly info: ReadInfo; readonly tensors: ReadonlyMap<string, LoadedTensor> }

/** A checkpoint whose tensors are read one by one. */
export interface OpenCheckpoint {
  readonly path: string;
  readonly info: ReadInfo;
  /** The full names of all tensors. */
  readonly names: readonly string[];
  /** A tensor, compared with its digest. */
  read(name: string): Promise<LoadedTensor>;
}

const CHECKPOINT = /^checkpoint-(\d+)\.safetensors$/;

/** The step of a run's checkpoint by the name of its file; undefined for other files. */
export function checkpointStep(name: string): number | undefined {
  const digits = CHECKPOINT.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The newest checkpoint in the folder of a run, or the one file that there is; undefined without one. */
export async function checkpointIn(source: Source): Promise<string | undefined> {
  const names = await source.list();
  const steps = names.flatMap((name) => checkpointStep(name) ?? []);
  if (steps.length > 0) return `checkpoint-${Math.max(...steps)}.safetensors`;
  return names.length === 1 ? names[0] : undefined;
}

/**
 * Opens the newest checkpoint of a source for `use`, and closes it afterwards.
 * Throws CheckpointError when there is none, it is damaged, of another format, or its digests are not those of its tensors.
 */
export async function withCheckpoint<T>(source: Source, use: (checkpoint: OpenCheckpoint) => Promise<T>): Promise<T> {
  const file = await checkpointIn(source);
  if (file === undefined) {
    throw new CheckpointError(`${source.name} holds no checkpoint`, ["expected checkpoint-<step>.safetensors"]);
  }
  try {
    return await withCheckpointFile(source, file, use);
  } catch (error) {
    if (!(error instanceof CheckpointError) || await isWhole(source, file)) throw error;      // what was broken was not the file
    throw new CheckpointError(error.summary, [...error.details, ...await wholeBeside(source, file)]);
  }
}

/** Opens a checkpoint of a source by name. Throws as withCheckpoint does. */
export async function withCheckpointFile<T>(
  source: Source, file: string, use: (checkpoint: OpenCheckpoint) => Promise<T>,
): Promise<T> {
  const path = pathOf(source, file);
  return withFile(source, file, async (reader) => {
    const header = await readSafetensorsHeader(reader, path);
    await checkInfo(path, header.metadata);
    const info = parseInfo(path, header.metadata["fromnoise"]);
    const names = [...header.tensors.keys()];
    if (info.digests !== undefined) checkNames(path, names, info.digests);
    return use({ path, info, names, read: (name) => readSafetensorsTensor(reader, header, name, path, info.digests?.[name]) });
  });
}

/** Reads a checkpoint of a source through, its digests compared. Throws CheckpointError for one that is damaged. */
export async function checkCheckpoint(source: Source, file: string): Promise<{ tensors: number; format: string }> {
  return withCheckpointFile(source, file, async ({ info: { format }, names, read }) => {
    for (const name of names) await read(name);
    return { tensors: names.length, format };
  });
}

async function isWhole(source: Source, file: string): Promise<boolean> {
  return checkCheckpoint(source, file).then(() => true, () => false);
}

/** The newest whole checkpoint beside a broken one, as lines of an error. */
async function wholeBeside(source: Source, broken: string): Promise<string[]> {
  const others = (await source.list()).filter((name) => name !== broken && checkpointStep(name) !== undefined);
  for (const name of others.sort((a, b) => checkpointStep(b)! - checkpointStep(a)!)) {
    if (!(await isWhole(source, name))) continue;
    return [`whole    ${pathOf(source, name)}, the newest that is`, `hint     remove ${pathOf(source, broken)} to go on from there`];
  }
  return [];
}

/** Throws CheckpointError where what a file says beside its tensors has another digest than it names. */
async function checkInfo(path: string, { fromnoise: text, [INFO_DIGEST]: named }: Readonly<Record<string, string>>): Promise<void> {
  if (named === undefined || text === undefined) return;
  const found = await sha256(new TextEncoder().encode(text));
  if (found !== named) {
    throw new CheckpointError(`${path}: what it says beside its tensors is damaged`, [`named    SHA-256 ${named}`, `found    SHA-256 ${found}`]);
  }
}

/** Every tensor has a digest, every digest a tensor. */
function checkNames(path: string, names: readonly string[], digests: Digests): void {
  const known = new Set(names);
  const missing = names.filter((name) => !Object.hasOwn(digests, name) || typeof digests[name] !== "string");
  const extra = Object.keys(digests).filter((name) => !known.has(name));
  if (missing.length + extra.length === 0) return;
  const counts = `${missing.length} missing, ${extra.length} extra`;
  throw new CheckpointError(`${path}: the digests are not those of its tensors: ${counts}`, [
    ...missing.slice(0, 12).map((name) => `missing    ${name}`), ...extra.slice(0, 12).map((name) => `extra      ${name}`),
  ]);
}

/** Reads the newest checkpoint of a source, or only the tensors whose full names pass `wanted`. Throws as withCheckpoint does. */
export function readCheckpoint(source: Source, wanted: (name: string) => boolean = () => true): Promise<Checkpoint> {
  return withCheckpoint(source, async ({ path, info, names, read }) => {
    const tensors = new Map<string, LoadedTensor>();
    for (const name of names) if (wanted(name)) tensors.set(name, await read(name));
    return { path, info, tensors };
  });
}

/** Throws CheckpointError, beginning with `what`, where tensors are not those of a network: the difference, key by key. */
export function checkTensors(what: string, tensors: ReadonlyMap<string, StateEntry>, network: Module): void {
  try {
    checkStateDict(network, tensors);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`${what}: ${error.summary}`, error.details);
  }
}
