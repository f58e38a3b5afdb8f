/**
 * The folder of a run: config.json, data.json, metrics.jsonl, checkpoint-<step>.safetensors, average-<length>-<step>.safetensors,
 * preview-<step>.png, loss.svg, and run.lock while a program trains there; ema-<length>.safetensors that were rebuilt, and
 * decoded.safetensors, its images for programs that decode none. Every file but the metrics is replaced as a whole; metrics only grow, are on
 * the disk before each checkpoint is, and are cut at the checkpoint's step on resume. So the folder serves `--resume` whenever the
 * program or the machine was stopped.
 */
import { existsSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import { errorCode, failureReason, platformFiles, replaceFile, writeAll, type FileLayer, type FileWriter } from "@fromnoise/nn";
import { checkpointStep } from "../../models/formats/checkpoint.js";
import { listFolder, makeFolder } from "../../models/node/files.js";
import { averageOf } from "../averages.js";
import { parseMetrics, type StepMetrics } from "../metrics.js";
import { LOCK, lockRun, type RunLock } from "./run-lock.js";

/** What a killed program may leave: a file of ours that was being written. */
const LEFTOVER = /^((checkpoint|average|ema)-[\d.-]+\.safetensors|decoded\.safetensors|(config|data)\.json|metrics\.jsonl|preview-\d+\.png|loss\.(png|svg))\.\d+-\d+\.partial$/;

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

/** The folder of one run, owned while it is open: where its files are, and how they are replaced, added to, cut and removed. */
export class RunDirectory {
  readonly path: string;
  /** How files are written; Node's own unless a test injects another. */
  readonly files: FileLayer;
  /** Folders made for it, the outermost first. */
  readonly #made: readonly string[];
  readonly #lock: RunLock;
  #metrics: FileWriter | undefined;

  private constructor(path: string, files: FileLayer, made: readonly string[], lock: RunLock) {
    this.path = path;
    this.files = files;
    this.#made = made;
    this.#lock = lock;
  }

  /**
   * Opens the folder of a run, new or to be resumed, and owns it until `close`.
   * Throws ConfigError when the folder cannot be made, when another program trains there, when it holds a run and `resume` is false,
   * or none and `resume` is true.
   */
  static async open(path: string, { resume, files = platformFiles }: { resume: boolean; files?: FileLayer }): Promise<RunDirectory> {
    checkHeld(path, resume);
    const made = makeFolder(path);
    const directory = new RunDirectory(path, files, made, lockRun(join(path, LOCK)));
    try {
      checkHeld(path, resume);                                                        // what was done until it was ours
      for (const name of listFolder(path)) if (LEFTOVER.test(name)) await directory.#remove(join(path, name));
      return directory;
    } catch (error) {
      await directory.close();
      throw error;
    }
  }

  /** Gives the folder up; it is removed where it was made for the run and nothing was written. */
  async close(): Promise<void> {
    await this.#closeMetrics();
    this.#lock.release();
    try {
      for (const folder of [...this.#made].reverse()) rmdirSync(folder);
    } catch {
      // something is in it
    }
  }

  /** Says that the owner lives: called at every step. */
  touch(): void {
    this.#lock.touch();
  }

  /** The path of a file of the run. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** The path of the checkpoint after a step. */
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
    await this.#closeMetrics();
    await this.write("metrics.jsonl", this.metrics(last).map((line) => `${JSON.stringify(line)}\n`).join(""));
  }

  /** Adds a line to the metrics. Throws CheckpointError when that fails. */
  async append(metrics: StepMetrics): Promise<void> {
    await this.#addingMetrics(async () => {
      this.#metrics ??= await this.files.append(this.file("metrics.jsonl"));
      await writeAll(this.#metrics, new TextEncoder().encode(`${JSON.stringify(metrics)}\n`));
    });
  }

  /** Returns once the metrics so far are on the disk: before each checkpoint. Throws CheckpointError when that fails. */
  async syncMetrics(): Promise<void> {
    await this.#addingMetrics(async () => this.#metrics?.sync());
  }

  async #addingMetrics(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw new CheckpointError(`cannot write ${this.file("metrics.jsonl")}: ${failureReason(error)}`);
    }
  }

  async #closeMetrics(): Promise<void> {
    await this.#metrics?.close().catch(() => undefined);
    this.#metrics = undefined;
  }

  /** Removes all but the newest `keep` checkpoints. Throws CheckpointError when that fails. */
  async prune(keep: number): Promise<void> {
    for (const step of checkpointSteps(this.path).slice(0, -keep)) await this.#remove(this.checkpointPath(step));
  }

  /** Removes the averages of steps that the resumed run does again. Throws CheckpointError when that fails. */
  async cutAverages(last: number): Promise<void> {
    for (const name of listFolder(this.path)) if ((averageOf(name)?.step ?? 0) > last) await this.#remove(this.file(name));
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.files.remove(path);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw new CheckpointError(`cannot remove ${path}: ${failureReason(error)}`);
    }
  }
}

/** Throws ConfigError for a run that is to begin where one is, and for one to be resumed where none is. */
function checkHeld(path: string, resume: boolean): void {
  const found = runIn(path);
  if (found === undefined && resume) {
    throw new ConfigError(
      `${path} holds no run to resume`, ["hint     --out names the folder of a run; without --resume a new one starts there"],
    );
  }
  if (found === undefined || resume) return;
  throw new ConfigError(
    `${path} already holds a run, ${found}`, ["--resume   continues it", "--out DIR  starts a new one elsewhere"],
  );
}
