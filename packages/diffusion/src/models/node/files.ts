/** Small files and folders as commands and runs meet them: errors name the path and the reason in words. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "@fromnoise/tensor";
import { isObject } from "@fromnoise/nn/kinds";
import { errorCode, failureReason, parseJson } from "@fromnoise/nn";

/** Golden files hold all their numbers; what is longer is something else, and is not read into memory. */
const MAX_JSON_BYTES = 2 ** 28;

/** Why an operation on a file failed, as a line of an error's details. */
export function reasonOf(error: unknown): string {
  return `reason   ${failureReason(error)}`;
}

/**
 * Makes a folder and those above it, one after the other: Node's own way of making all of them never ends where a file system, such
 * as /proc, makes none. Returns those that it made, the outermost first. Throws ConfigError when that cannot be.
 */
export function makeFolder(path: string): readonly string[] {
  const missing: string[] = [];
  for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  try {
    if (missing.length === 0 && !statSync(path).isDirectory()) throw new Error("a file of this name is there");
    for (const folder of missing) mkdirSync(folder);
    return missing;
  } catch (error) {
    const nowhere = errorCode(error) === "ENOENT" ? "reason   its file system makes no folders there" : reasonOf(error);
    throw new ConfigError(`cannot make the folder ${path}`, [nowhere]);
  }
}

/** A folder's names, [] where there is no such folder. Throws ConfigError when it cannot be read. */
export function listFolder(path: string): string[] {
  try {
    return existsSync(path) ? readdirSync(path) : [];
  } catch (error) {
    throw new ConfigError(`cannot read the folder ${path}`, [reasonOf(error)]);
  }
}

/** Reads a JSON object. Throws ConfigError when the file cannot be read, is longer than 256 MiB, or holds something else. */
export function readJson(path: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_JSON_BYTES) throw new ConfigError(`${path}: ${size} bytes are too many`, [`allowed  up to ${MAX_JSON_BYTES} bytes of JSON`]);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`cannot read ${path}`, [reasonOf(error)]);
  }
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new ConfigError(`${path} is not JSON`, [`reason   ${(error as Error).message}`]);
  }
  if (isObject(value)) return value;
  throw new ConfigError(`${path} holds no JSON object`, ["expected {...}"]);
}
