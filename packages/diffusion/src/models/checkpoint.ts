/**
 * Checkpoints: one safetensors file with the tensors model.*, ema.*, adam.m.*, adam.v.* under diffusers' names and layouts, and
 * one JSON string, `fromnoise` in the metadata, that says how they were made and where the run stood.
 */
import { CheckpointError, ConfigError, NumericError } from "@fromnoise/tensor";
import {
  loadSafetensors, loadStateDict, saveSafetensors, stateDict, type FileLayer, type StateDict, type StateEntry,
  type Network, type TensorsByParameter,
  type UNetConfig,
} from "@fromnoise/nn";
import { savedConfig, type TrainConfig } from "../train/config.js";
import type { Trainer, TrainerPosition } from "../train/trainer.js";

const FORMAT = "fromnoise-checkpoint-1";

/** What the metadata of a checkpoint says. */
export interface CheckpointInfo {
  format: typeof FORMAT;
  /** The network, in diffusers' fields. */
  config: UNetConfig;
  trainer: TrainConfig;
  position: TrainerPosition;
}

/** A checkpoint read: its info, and its tensors by full name. */
export interface Checkpoint { path: string; info: CheckpointInfo; tensors: ReadonlyMap<string, StateEntry> }

/** Tensors by name, from a file. */
type NamedTensors = Pick<Checkpoint, "path" | "tensors">;

/** The groups of a checkpoint's tensors: parameters, their averages, Adam's moments. */
const prefixes = ["model.", "ema.", "adam.m.", "adam.v."] as const;
export type CheckpointGroups = Readonly<Record<(typeof prefixes)[number], StateDict>>;

/** Where a run keeps each group: the parameters of a network, or tensors in place of them. */
function groupsOf(
  { network, ema, optimizer }: Trainer,
): Readonly<Record<(typeof prefixes)[number], readonly [Network, TensorsByParameter?]>> {
  return { "model.": [network], "ema.": [ema.network], "adam.m.": [network, optimizer.m], "adam.v.": [network, optimizer.v] };
}

/**
 * Writes a run's state, replacing an earlier file all at once.
 * Throws CheckpointError, also for a trainer that broke off in an update, and NumericError for a value that is not finite; then the
 * earlier file is untouched.
 */
export async function saveCheckpoint(path: string, trainer: Trainer, files?: FileLayer): Promise<void> {
  trainer.assertWhole();
  const held = groupsOf(trainer);
  const groups = {} as Record<(typeof prefixes)[number], StateDict>;
  for (const prefix of prefixes) groups[prefix] = await stateDict(...held[prefix]);
  trainer.assertWhole();                                    // a step may have broken off while the tensors were read
  await writeCheckpoint(
    path, { config: trainer.network.spec.config as unknown as UNetConfig, trainer: trainer.config, position: trainer.position() }, groups, files,
  );
  trainer.savedIn(path);
}

/** Writes a checkpoint from its parts. Throws as saveCheckpoint does. */
export async function writeCheckpoint(
  path: string, info: Omit<CheckpointInfo, "format">, groups: CheckpointGroups, files?: FileLayer,
): Promise<void> {
  const all: StateDict = new Map(
    prefixes.flatMap((prefix) => [...groups[prefix]].map(([name, entry]) => [prefix + name, entry] as const)),
  );
  for (const [name, { data }] of all) {
    const i = data.findIndex((value) => !Number.isFinite(value));
    if (i >= 0) {
      throw new NumericError(
        `step ${info.position.step}: ${name} is not finite, so it is not saved`, [`element ${i} of ${data.length} is ${data[i]}`],
      );
    }
  }
  const metadata = { fromnoise: JSON.stringify({ format: FORMAT, ...info } satisfies CheckpointInfo) };
  const dtype = info.trainer.dtype === "f64" ? "F64" : "F32";
  await saveSafetensors(path, all, metadata, files === undefined ? { dtype } : { dtype, files });
}

/**
 * Reads a checkpoint, or only the tensors whose full names pass `filter`.
 * Throws CheckpointError when the file is missing, damaged, not a checkpoint of this format, or holds a configuration that is none.
 */
export async function loadCheckpoint(path: string, filter?: (name: string) => boolean): Promise<Checkpoint> {
  const { metadata, tensors } = await loadSafetensors(path, filter === undefined ? {} : { filter });
  return { path, info: parseInfo(path, metadata["fromnoise"]), tensors };
}

function parseInfo(path: string, text: string | undefined): CheckpointInfo {
  const other = [
    `expected  __metadata__.fromnoise with format ${FORMAT}`, "hint      `fromnoise import` reads folders that diffusers wrote",
  ];
  if (text === undefined) throw new CheckpointError(`${path} is no checkpoint of fromnoise`, other);
  let info: CheckpointInfo;
  try {
    info = JSON.parse(text) as CheckpointInfo;
  } catch {
    throw new CheckpointError(`${path}: __metadata__.fromnoise is not JSON`, other);
  }
  if (info?.format !== FORMAT) throw new CheckpointError(`${path} has the format ${JSON.stringify(info?.format)}`, other);
  for (const key of ["config", "trainer", "position"] as const) {
    if (typeof info[key] !== "object" || info[key] === null) {
      throw new CheckpointError(`${path}: __metadata__.fromnoise has no ${key}`, other);
    }
  }
  try {
    return { ...info, trainer: savedConfig({ ...info.trainer }) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CheckpointError(`${path} holds a configuration that is none: ${error.summary}`, error.details);
  }
}

/** Puts a checkpoint's tensors and position into a run of its network. Throws CheckpointError with the difference, key by key. */
export function restoreTrainer(trainer: Trainer, checkpoint: Checkpoint): void {
  const stray = [...checkpoint.tensors.keys()].filter((name) => !prefixes.some((prefix) => name.startsWith(prefix)));
  if (stray.length > 0) {
    throw new CheckpointError(`${checkpoint.path} holds tensors of no group`, stray.map((name) => `extra      ${name}`));
  }
  const held = groupsOf(trainer);
  for (const prefix of prefixes) loadGroup(checkpoint, prefix, ...held[prefix]);
  trainer.seek(checkpoint.info.position);
  trainer.restoredFrom(checkpoint.path);
}

/** Loads the tensors under one prefix ("ema.") into a network. Throws CheckpointError with the difference, key by key. */
export function loadGroup({ path, tensors }: NamedTensors, prefix: string, network: Network, into?: TensorsByParameter): void {
  const group = new Map(
    [...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, entry]) => [name.slice(prefix.length), entry]),
  );
  try {
    loadStateDict(network, group, into);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`${path}${prefix === "" ? "" : `, ${prefix}*`}: ${error.summary}`, error.details);
  }
}
