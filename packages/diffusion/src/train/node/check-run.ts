/** Whether a run's folder is whole: every file that the run wrote, read through. Nothing is changed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError, ConfigError, FromnoiseError } from "@fromnoise/tensor";
import { readImage } from "../../image/node/decode.js";
import { checkCheckpoint, checkpointStep } from "../../models/formats/checkpoint.js";
import { fileSource } from "../../models/node/file-source.js";
import { listFolder, readJson } from "../../models/node/files.js";
import { averageName, averageOf } from "../averages.js";
import { savedConfig, type TrainConfig } from "../config.js";
import { parseMetrics } from "../metrics.js";
import { readDataRecord } from "./data-record.js";
import { checkpointSteps, runIn } from "./run-directory.js";

export interface CheckedFile {
  /** Its name in the folder. */
  readonly file: string;
  /** What is in it, for people. */
  readonly found: string;
  /** Why it is not whole. */
  readonly problem?: FromnoiseError;
}

/**
 * Reads config.json, data.json, metrics.jsonl, every checkpoint and every average (each tensor compared with its digest) and every
 * picture of a run.
 * Throws ConfigError for a folder that holds no run.
 */
export async function checkRun(folder: string): Promise<CheckedFile[]> {
  if (runIn(folder) === undefined) throw new ConfigError(`${folder} holds no run`, ["hint     check takes the folder that --out named"]);
  const checked: CheckedFile[] = [];
  const look = async (file: string, read: () => string | Promise<string>): Promise<void> => {
    try {
      checked.push({ file, found: await read() });
    } catch (problem) {
      if (!(problem instanceof FromnoiseError)) throw problem;
      checked.push({ file, found: "", problem });
    }
  };
  const path = (file: string): string => join(folder, file);
  const steps = checkpointSteps(folder);
  let config: TrainConfig | undefined;
  await look("config.json", () => `${(config = savedConfig(readJson(path("config.json")))).steps} steps`);
  if (existsSync(path("data.json"))) await look("data.json", () => `${readDataRecord(folder)!.files} files`);
  await look("metrics.jsonl", () => metricsFound(path("metrics.jsonl"), steps.at(-1) ?? 0));
  for (const step of steps) {
    const file = `checkpoint-${step}.safetensors`;
    await look(file, async () => {
      const { tensors, format } = await checkCheckpoint(fileSource(folder), file);
      return `${tensors} tensors, ${format}`;
    });
  }
  for (const file of averageFiles(folder, config, steps.at(-1) ?? 0)) {
    await look(file, async () => {
      if (!existsSync(path(file))) throw new CheckpointError(`${path(file)} is missing, and the newest checkpoint is of step ${steps.at(-1)}`);
      const { tensors } = await checkCheckpoint(fileSource(folder), file);
      return `${tensors} tensors, an average`;
    });
  }
  for (const file of listFolder(folder).sort()) {
    if (!file.endsWith(".png") || checkpointStep(file) !== undefined) continue;
    await look(file, () => {
      const { width, height } = readImage(path(file));
      return `${width}x${height}`;
    });
  }
  return checked;
}

/** The averages that a run has kept up to its newest checkpoint, whether they are there or not, and what else of averages is there. */
function averageFiles(folder: string, config: TrainConfig | undefined, newest: number): string[] {
  const { every, lengths } = config?.profiles ?? { every: 0, lengths: [] };
  const kept = every === 0 ? [] : Array.from({ length: Math.floor(newest / every) }, (_, k) => (k + 1) * every)
    .flatMap((step) => lengths.map((length) => averageName({ length, step })));
  const found = listFolder(folder).filter((name) => averageOf(name) !== undefined || /^ema-.*\.safetensors$/.test(name));
  return [...new Set([...kept, ...found])].sort((a, b) => (averageOf(a)?.step ?? Infinity) - (averageOf(b)?.step ?? Infinity) || (a < b ? -1 : 1));
}

/** Throws CheckpointError where steps up to the newest checkpoint are missing. */
function metricsFound(path: string, newest: number): string {
  const metrics = existsSync(path) ? parseMetrics(readFileSync(path, "utf8")) : [];
  const missing = metrics.findIndex(({ step }, i) => step !== i + 1);
  const last = missing === -1 ? metrics.length : missing;
  if (last >= newest) return `${metrics.length} steps`;
  throw new CheckpointError(`${path}: step ${last + 1} is missing, and the newest checkpoint is of step ${newest}`);
}
