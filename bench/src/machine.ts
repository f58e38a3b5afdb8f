/** The header of a report: what it was measured on. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { measurePeaks } from "./probe.js";
import type { Machine } from "./rows.js";

const CPUINFO = "/proc/cpuinfo";

/** The processor's name; with family and model where Linux tells them, since hypervisors call different ones by one name. */
export function processorName(): string {
  const name = cpus()[0]?.model.trim() ?? "unknown";
  if (!existsSync(CPUINFO)) return name;
  const field = (key: string): string | undefined => new RegExp(`^${key}\\s*: (\\d+)$`, "m").exec(readFileSync(CPUINFO, "utf8"))?.[1];
  const [family, model] = [field("cpu family"), field("model")];
  return family === undefined || model === undefined ? name : `${name} (family ${family}, model ${model})`;
}

/** The machine, its peaks measured now. */
export function describeMachine(): Machine {
  return {
    cpu: processorName(), cores: availableParallelism(), memory_gb: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`, v8: process.versions.v8, peaks: measurePeaks(), contenders: {},
  };
}

/** The commit of the working tree, with a plus sign where it has changes; "unknown" outside of a repository. */
export function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return git("rev-parse", "--short=12", "HEAD") + (git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
