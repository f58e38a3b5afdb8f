/** A tile sheet of small random images, a network that trains in milliseconds a step, and folders that go when the tests end. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@fromnoise/tensor";
import type { Dataset } from "../../src/data/dataset.js";
import { encodePng } from "../../src/image/node/index.js";
import { trainConfig, type TrainConfig, type TrainConfigInput } from "../../src/train/config.js";
import type { StepMetrics } from "../../src/train/metrics.js";
import type { UNetFields } from "../../src/train/model-fields.js";

/** A folder of its own for a test file; removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "fromnoise-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a sheet of 4 x 4 tiles, each `tile` pixels, and gives its name as data: "FILE.png:8". */
export function writeSheet(folder: string, { tile = 8, channels = 1 }: { tile?: number; channels?: 1 | 3 } = {}): string {
  const path = join(folder, `tiles-${tile}-${channels}.png`);
  const side = 4 * tile;
  const data = Uint8Array.from(new Random(7).integers(side * side * channels, 256));
  writeFileSync(path, encodePng({ width: side, height: side, channels, data }));
  return `${path}:${tile}`;
}

export const tinyModel: UNetFields = {
  sample_size: 8, in_channels: 1, out_channels: 1, layers_per_block: 1, block_out_channels: [4, 8], norm_num_groups: 4,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"], attention_head_dim: null,
};

export function tinyConfig(input: TrainConfigInput & { data: string }): TrainConfig {
  return trainConfig({
    model: tinyModel, steps: 6, batch: 2, checkpointEvery: 100, previewEvery: 0, lrSchedule: { name: "constant" },
    schedule: { timesteps: 20 }, device: "reference", ...input,
  });
}

/** Eight 8x8 gray images in two classes, made from a formula. */
export const tinyDataset: Dataset = {
  name: "tiny", count: 8, shape: [8, 8, 1], classes: 2,
  sample: (i) => Float32Array.from({ length: 64 }, (_, j) => Math.sin(i + 0.3 * j)),
  label: (i) => i % 2,
  describe: () => "tiny: 8 images, 8x8 gray",
};

/** The metrics of a run but for what depends on the clock. */
export function metricsOf(run: string): Omit<StepMetrics, "imagesPerSecond" | "seconds">[] {
  const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const { imagesPerSecond: _rate, seconds: _seconds, ...rest } = JSON.parse(line) as StepMetrics;
    return rest;
  });
}
