/**
 * Small texts that programs of one user keep for each other, in $XDG_CACHE_HOME/fromnoise (~/.cache/fromnoise; ~/Library/Caches on
 * macOS, %LOCALAPPDATA% on Windows). Each is a file named by the digest of its key. What cannot be read or written is as if it were
 * not there: whoever keeps something here can make it again.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** Longer ones are none of ours. */
const MAX_CHARACTERS = 65536;

/** Relative paths in the variable are void by the XDG base directory specification. */
function folder(): string {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = process.env;
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg
    : process.platform === "win32" && local !== undefined ? local
    : process.platform === "darwin" ? join(homedir(), "Library/Caches") : join(homedir(), ".cache");
  return join(base, "fromnoise");
}

const pathOf = (key: string): string => join(folder(), `${createHash("sha256").update(key).digest("hex")}.json`);

/** The text kept under a key. */
export function recallFile(key: string): string | undefined {
  try {
    const text = readFileSync(pathOf(key), "utf8");
    return text.length <= MAX_CHARACTERS ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a text under a key: written beside its place, then moved there, so that no program reads half of it. */
export function keepFile(key: string, text: string): void {
  let beside: string | undefined;
  try {
    const path = pathOf(key);
    mkdirSync(folder(), { recursive: true });
    beside = `${path}.${process.pid}.partial`;
    writeFileSync(beside, text);
    renameSync(beside, path);
  } catch {
    if (beside !== undefined) rmQuietly(beside);
  }
}

function rmQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // it stays, and is written over the next time
  }
}
