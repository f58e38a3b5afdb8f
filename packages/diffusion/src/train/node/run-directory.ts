/**
 * The folder of a run: config.json, metrics.jsonl, checkpoint-<step>.safetensors, preview-<step>.png, loss.png and loss.svg.
 * Every file but the metrics is replaced as a whole; metrics only grow, and are cut at the checkpoint's step on resume. So the
 * folder serves `--resume` whenever the program was stopped.
 */
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import { replaceFile, type FileLayer } from "@fromnoise/nn";
import { checkpointStep } from "../../models/formats/checkpoint.js";
import { listFolder, makeFolder, reasonOf } from "../../models/node/files.js";
import { parseMetrics, type StepMetrics } from "../metrics.js";

/** What a killed program may leave: a file of ours that was being written. */
const LEFTOVER = /^(checkpoint-\d+\.safetensors|config\.json|metrics\.jsonl|preview-\d+\.png|loss\.(png|svg))\.\d+-\d+\.partial$/;

/** Steps of the checkpoints in a folder, ascending. */
export function checkpointSteps(folder: string): number[] {
  const steps = listFolder(folder).flatMap((name) => checkpointStep(name) ?? []);
  return steps.sort((a, b) => a - b);
}

/** How a folder holds a run: "saved at step 200", or "with a config.json" before its first checkpoint; undefined without one. */
export function runIn(folder: string): string | undefined {
  const newest = checkpointSteps(folder).at(-1);
  if (newest !== undefined) return `saved at step ${newest}`;
  const name = ["config.json", "metrics.jsonl"].find((file) => existsSync(join(folder, file)));
  return name === undefined ? undefined : `with a ${name}`;
}

/** The folder of one run, opened for writing: where its files are, and how they are replaced, added to, cut and removed. */
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
    makeFolder(path);
    const found = runIn(path);
    if (found !== undefined && !resume) {
      throw new ConfigError(
        `${path} already holds a run, ${found}`, ["--resume   continues it", "--out DIR  starts a new one elsewhere"],
      );
    }
    for (const name of listFolder(path)) if (LEFTOVER.test(name)) rmSync(join(path, name));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  checkpointPath(step: number): string {
    return this.file(`checkpoint-${step}.safetensors`);
  }

  /** Replaces a file as a whole. Throws CheckpointError when that fails; the earlier file is then untouched. */
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

  /** Adds a line to the metrics. Throws CheckpointError when that fails. */
  append(metrics: StepMetrics): void {
    const path = this.file("metrics.jsonl");
    try {
      appendFileSync(path, `${JSON.stringify(metrics)}\n`);
    } catch (error) {
      throw new CheckpointError(`cannot write ${path}`, [reasonOf(error)]);
    }
  }

  /** Removes all but the newest `keep` checkpoints. */
  prune(keep: number): void {
    for (const step of checkpointSteps(this.path).slice(0, -keep)) rmSync(this.checkpointPath(step), { force: true });
  }
}
