/** Files on a disk as the source of a model, and a folder as where one goes. */
import { readdirSync, statSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CheckpointError } from "@fromnoise/tensor";
import { errorCode, openFile, replaceFile } from "@fromnoise/nn";
import type { Source } from "../source.js";
import type { Target } from "../target.js";
import { makeFolder, reasonOf } from "./files.js";

/**
 * A folder with the folders right below it, or one single file.
 * Throws CheckpointError when there is no such path, or a folder cannot be read.
 */
export function fileSource(path: string): Source {
  const kind = kindOf(path);
  if (kind === undefined) {
    throw new CheckpointError(`${path} does not exist`, ["expected the folder of a run or of diffusers, or a .safetensors or .pt file"]);
  }
  if (kind.isFile()) {
    return { name: path, list: async () => [basename(path)], open: (name) => openFile(join(dirname(path), name)) };
  }
  if (!kind.isDirectory()) throw new CheckpointError(`${path} is neither a file nor a folder`);
  return {
    name: path,
    list: async () => filesIn(path).flatMap(({ name, folder }) => (folder
      ? filesIn(join(path, name)).flatMap((inside) => (inside.folder ? [] : `${name}/${inside.name}`))
      : name)),
    open: (name) => openFile(join(path, name)),
  };
}

/** What a path leads to; undefined where it leads nowhere. */
function kindOf(path: string): Stats | undefined {
  try {
    return statSync(path);                                                    // of throwIfNoEntry versions of Node differ on ENOTDIR
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw new CheckpointError(`cannot read ${path}`, [reasonOf(error)]);
  }
}

/** Files and folders in a folder, links followed; links that lead nowhere, and devices, are left out. */
function filesIn(path: string): { name: string; folder: boolean }[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
      const kind = entry.isSymbolicLink() ? kindOf(join(path, entry.name)) : entry;
      return kind?.isFile() === true || kind?.isDirectory() === true ? { name: entry.name, folder: kind.isDirectory() } : [];
    });
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(`cannot read the folder ${path}`, [reasonOf(error)]);
  }
}

/** A folder, made with those below it when the first file goes there. `write` throws ConfigError when that cannot be, else as replaceFile does. */
export function folderTarget(path: string): Target {
  return {
    name: path,
    async write(name, parts, byteLength) {
      const file = join(path, name);
      makeFolder(dirname(file));
      await replaceFile(file, parts, byteLength);
    },
  };
}
