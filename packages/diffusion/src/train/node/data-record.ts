/** data.json of a run: what its folder of images held when the run began, so that no image is decoded twice to see whether it can be. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@fromnoise/tensor";
import { isObject } from "@fromnoise/nn/kinds";
import type { FolderRecord } from "../../data/node/folder.js";
import { readJson } from "../../models/node/files.js";
import type { RunDirectory } from "./run-directory.js";

const FILE = "data.json";

/** The record in a run's folder, undefined where there is none. Throws ConfigError for a file that is none. */
export function readDataRecord(folder: string): FolderRecord | undefined {
  const path = join(folder, FILE);
  if (!existsSync(path)) return undefined;
  const record = readJson(path);
  if (isRecord(record)) return record;
  throw new ConfigError(`${path} is no record of a folder of images`, [
    "expected {files, names, contents, skipped: [...]}", "hint     without it every image is looked at again",
  ]);
}

function isRecord(value: unknown): value is FolderRecord {
  if (!isObject(value) || !Number.isSafeInteger(value["files"])) return false;
  const { names, contents, skipped } = value;
  return typeof names === "string" && typeof contents === "string"
    && Array.isArray(skipped) && skipped.every((name) => typeof name === "string");
}

export async function writeDataRecord(directory: RunDirectory, record: FolderRecord): Promise<void> {
  await directory.write(FILE, `${JSON.stringify(record, null, 2)}\n`);
}

/** What has changed in a folder since its run began, in lines for people: other images are other steps from here on. */
export function changesOf(before: FolderRecord | undefined, now: FolderRecord | undefined): string[] {
  if (before === undefined || now === undefined || before.contents === now.contents) return [];
  const more = now.files - before.files;
  if (more > 0) return [`the folder has ${now.files} images, ${more} more than when the run began: the run is no longer what it would have been`];
  if (more < 0) return [`the folder has ${now.files} images, ${-more} fewer than when the run began: the run is no longer what it would have been`];
  if (before.names !== now.names) return [`the folder's ${now.files} images have other names than when the run began`];
  return ["files of the folder were written since the run began"];
}
