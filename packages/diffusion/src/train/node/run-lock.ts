/**
 * A run's folder has one owner: the program that trains there. It says so in run.lock, a file that only one can create, with what
 * tells it from every other process: host, boot, process id and the moment it started. A lock whose owner has ended, by kill -9 or
 * with the machine, is taken over, by exactly one.
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { ConfigError } from "@fromnoise/tensor";
import { errorCode, parseJson } from "@fromnoise/nn";
import { isObject } from "@fromnoise/nn/kinds";
import { reasonOf } from "../../models/node/files.js";

/** The file's name. Those of who takes over a lock begin so too. */
export const LOCK = "run.lock";

/** Where it cannot be asked whether an owner lives (another machine or container), it counts as ended after so long without a step. */
const FOREIGN_SECONDS = 900;
/** A lock that does not say whose it is counts as being written for so long. */
const WRITING_SECONDS = 10;

/** Who holds a lock. Times and ids that a platform does not tell are "". */
interface Owner {
  readonly pid: number;
  /** When the process started, in the kernel's clock ticks since the boot. */
  readonly started: string;
  readonly boot: string;
  readonly host: string;
  /** The namespace of process ids: containers have their own. */
  readonly space: string;
}

export interface RunLock {
  /** Says that the owner lives, for those who cannot ask: called at every step. */
  touch(): void;
  release(): void;
}

/** Takes a run's lock. Throws ConfigError that names the owner where it is held, or the reason why it cannot be made. */
export function lockRun(path: string): RunLock {
  const held = ownText();
  for (;;) {
    if (created(path, held)) break;
    const found = textOf(path);
    if (found === undefined) continue;                        // released meanwhile
    if (!hasEnded(path, found)) throw heldBy(path, found);
    // Whoever removes this dead lock must be one: a second would remove its successor.
    const guard = lockRun(`${path}.${createHash("sha256").update(found).digest("hex").slice(0, 12)}`);
    try {
      if (textOf(path) === found) rmSync(path, { force: true });
    } finally {
      guard.release();
    }
  }
  return {
    touch() {
      const now = new Date();
      utimesSync(path, now, now);
    },
    release: () => rmSync(path, { force: true }),
  };
}

/** Creates the file with this text, unless it is there. Throws ConfigError when that cannot be. */
function created(path: string, text: string): boolean {
  try {
    const file = openSync(path, "wx");
    try {
      writeSync(file, text);
    } finally {
      closeSync(file);
    }
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw new ConfigError(`cannot write ${path}`, [reasonOf(error)]);
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw new ConfigError(`cannot read ${path}`, [reasonOf(error)]);
  }
}

/** Whether the owner that a lock names lives no more. */
function hasEnded(path: string, text: string): boolean {
  const owner = parseOwner(text);
  if (owner === undefined) return ageOf(path) > WRITING_SECONDS;
  if (owner.host !== hostname() || owner.space !== ownSpace()) return ageOf(path) > FOREIGN_SECONDS;
  if (owner.boot !== ownBoot()) return true;
  return !lives(owner.pid) || statOf(owner.pid).started !== owner.started;
}

/** Seconds since a file was written or touched; none when it has gone. */
function ageOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? Infinity : (Date.now() - stat.mtimeMs) / 1000;
}

/** Whether a process runs: one that has ended and was not asked for its exit code (Z) does not. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !["Z", "X"].includes(statOf(pid).state);
  } catch (error) {
    return errorCode(error) === "EPERM";                      // another user's
  }
}

function heldBy(path: string, text: string): ConfigError {
  const owner = parseOwner(text);
  const who = owner === undefined ? "another program, which has just begun" : `process ${owner.pid} on ${owner.host}`;
  return new ConfigError(`this run is in use by ${who}`, [
    `lock     ${path}`, "hint     stop that program first; the lock goes with it",
  ]);
}

function ownText(): string {
  const { pid } = process;
  const owner: Owner = { pid, started: statOf(pid).started, boot: ownBoot(), host: hostname(), space: ownSpace() };
  return `${JSON.stringify(owner)}\n`;
}

function parseOwner(text: string): Owner | undefined {
  try {
    const value = parseJson(text);
    if (!isObject(value) || !Number.isInteger(value["pid"]) || Number(value["pid"]) < 1) return undefined;
    const texts = ["started", "boot", "host", "space"].every((name) => typeof value[name] === "string");
    return texts ? value as unknown as Owner : undefined;
  } catch {
    return undefined;
  }
}

/** Fields 3 and 22 of /proc/<pid>/stat; the program's name before them may hold spaces and brackets. */
function statOf(pid: number): { state: string; started: string } {
  const stat = kernelText(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0], started: fields[19] ?? "" };
}

function ownBoot(): string {
  return kernelText("/proc/sys/kernel/random/boot_id").trim();
}

function ownSpace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** What the kernel tells in a file; "" where there is none: not Linux, or a process that has ended. */
function kernelText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
