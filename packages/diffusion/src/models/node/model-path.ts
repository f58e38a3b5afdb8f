/** What a path holds of a model: the one place that tells a run, a checkpoint, a folder of diffusers and a configuration apart. */
import { existsSync, statSync } from "node:fs";
import { CheckpointError } from "@fromnoise/tensor";
import { isDiffusersFolder } from "./diffusers.js";
import { checkpointSteps, findCheckpoint } from "../../train/node/run-directory.js";

/** A checkpoint, in the folder of a run its newest; a folder as diffusers writes it; a config.json, of a run or of a network. */
export type ModelKind = "checkpoint" | "diffusers" | "config";
export interface ModelPath<K extends ModelKind = ModelKind> { readonly kind: K; readonly path: string }

const names: Readonly<Record<ModelKind, string>> = {
  checkpoint: "a checkpoint or the folder of a run", diffusers: "a folder as diffusers writes it", config: "a config.json",
};

/**
 * What a path holds, among the kinds that are wanted.
 * Throws CheckpointError where it holds another kind, or where a checkpoint is wanted and there is none. Of a path that holds
 * nothing, when only diffusers' folders are wanted, whoever reads the folder says what is missing.
 */
export function modelAt<K extends ModelKind>(path: string, wanted: readonly K[]): ModelPath<K> {
  const held = heldAt(path) ?? missing(path, wanted);
  const kind = wanted.find((name) => name === held.kind);
  if (kind !== undefined) return { kind, path: held.path };
  throw new CheckpointError(`${path} is ${names[held.kind]}`, [`expected ${wanted.map((name) => names[name]).join(", or ")}`]);
}

function heldAt(path: string): ModelPath | undefined {
  if (isDiffusersFolder(path)) return { kind: "diffusers", path };
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) {
    return checkpointSteps(path).length > 0 ? { kind: "checkpoint", path: findCheckpoint(path) } : undefined;
  }
  if (path.endsWith(".json")) return { kind: "config", path };
  return existsSync(path) ? { kind: "checkpoint", path } : undefined;
}

function missing(path: string, wanted: readonly ModelKind[]): ModelPath {
  return wanted.includes("checkpoint") ? { kind: "checkpoint", path: findCheckpoint(path) } : { kind: "diffusers", path };
}
