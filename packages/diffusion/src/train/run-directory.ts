/**
 * The folder of a run: config.json, metrics.jsonl, checkpoint-<step>.safetensors, preview-<step>.png, loss.png and loss.svg.
 * Every file but the metrics is replaced as a whole; metrics only grow, and are cut at the checkpoint's step on resume. So the
 * folder serves `--resume` whenever the program was stopped.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import { replaceFile, type FileLayer } from "@fromnoise/nn";
import { parseMetrics, type StepMetrics } from "./metrics.js";

const CHECKPOINT = /^checkpoint-(\d+)\.safetensors$/;

/** Steps of the checkpoints in a folder, ascending. */
export function checkpointSteps(folder: string): number[] {
  const steps = readdirSync(folder).flatMap((name) => CHECKPOINT.exec(name)?.[1] ?? []).map(Number);
  return steps.sort((a, b) => a - b);
}

/** The newest checkpoint of a run folder, or the path itself when it is a file. Throws CheckpointError when there is none. */
export function findCheckpoint(path: string): string {
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind === undefined) throw new CheckpointError(`${path} does not exist`, ["expected a run folder or a .safetensors file"]);
  if (kind.isFile()) return path;
  const newest = checkpointSteps(path).at(-1);
  if (newest === undefined) throw new CheckpointError(`${path} holds no checkpoint`, ["expected checkpoint-<step>.safetensors"]);
  return join(path, `checkpoint-${newest}.safetensors`);
}

export class RunDirectory {
  readonly path: string;
  /** How files are written; Node's own unless a test injects another. */
  readonly files: FileLayer | undefined;

  /**
   * Opens the folder of a run, new or to be resumed.
   * Throws ConfigError when the folder cannot be made, or when it holds a run and `resume` is false.
   */
  constructor(path: string, { resume, files }: { resume: boolean; files?: FileLayer }) {
    this.path = path;
    this.files = files;
    try {
      mkdirSync(path, { recursive: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const reason = code === "EEXIST" || code === "ENOTDIR" ? "a part of the path is a file" : code === "EACCES" ? "permission denied" : String(code);
      throw new ConfigError(`out: cannot make the folder ${path}`, [`reason   ${reason}`]);
    }
    const steps = checkpointSteps(path);
    if (steps.length > 0 && !resume) {
      throw new ConfigError(`out: ${path} already holds a run, saved at step ${steps.at(-1)}`, ["--resume continues it; another --out starts anew"]);
    }
    for (const name of readdirSync(path)) if (name.endsWith(".partial")) rmSync(join(path, name));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  checkpointPath(step: number): string {
    return this.file(`checkpoint-${step}.safetensors`);
  }

  /** Replaces a file as a whole. */
  async write(name: string, contents: Uint8Array | string): Promise<void> {
    const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
    await replaceFile(this.file(name), [bytes], bytes.length, this.files);
  }

  /** The metrics so far, up to a step. */
  metrics(last = Infinity): StepMetrics[] {
    const path = this.file("metrics.jsonl");
    return existsSync(path) ? parseMetrics(readFileSync(path, "utf8"), last) : [];
  }

  /** Drops the metrics after a step: those of steps that the resumed run does again. */
  async cutMetrics(last: number): Promise<void> {
    await this.write("metrics.jsonl", this.metrics(last).map((line) => `${JSON.stringify(line)}\n`).join(""));
  }

  append(metrics: StepMetrics): void {
    appendFileSync(this.file("metrics.jsonl"), `${JSON.stringify(metrics)}\n`);
  }

  /** Removes all but the newest `keep` checkpoints. */
  prune(keep: number): void {
    for (const step of checkpointSteps(this.path).slice(0, -keep)) rmSync(this.checkpointPath(step));
  }
}
