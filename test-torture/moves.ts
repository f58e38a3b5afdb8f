/**
 * Runs that move between two versions of Node: with `deterministic` a run begun in one and ended in the other has the bits of a run that
 * stayed. Weights, noise, schedules, time embeddings, averages and Adam's corrections all come from + - * / and square roots.
 *
 *   node --import tsx -C fromnoise-source test-torture/moves.ts /path/to/another/node
 */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { trainConfig, type TrainConfigInput } from "../packages/diffusion/src/train/config.js";
import { tinyModel } from "../packages/diffusion/test/train/fixtures.js";
import { BIN, Playground } from "./processes.js";

const [other] = process.argv.slice(2);
if (other === undefined) throw new Error("the path of another Node is missing");
const nodes = [process.execPath, other];
const versions = nodes.map((node) => execFileSync(node, ["-p", "process.versions.node"], { encoding: "utf8" }).trim());

const ground = new Playground(process.execPath, 12, 1);
const shared: TrainConfigInput = {
  data: `${join(ground.folder, "sheet.png")}:8`, model: tinyModel, steps: 12, batch: 2, checkpointEvery: 6, previewEvery: 0, flip: true,
  device: "wasm:deterministic,threads=1", lrSchedule: { name: "linear-warmup", warmup: 8 },
};
const settings: Readonly<Record<string, TrainConfigInput>> = {
  "linear, eps": { schedule: { name: "linear" } },
  "cosine, v, min-snr, averages by powers": { schedule: { name: "cosine" }, prediction: "v", weighting: "min-snr", ema: { warmup: "power" } },
  "sigmoid, zero terminal SNR, v, offset noise": { schedule: { name: "sigmoid", zeroTerminalSnr: true }, prediction: "v", offsetNoise: 0.1 },
  "continuous cosine, v, shifted": { schedule: { name: "continuous-cosine", logSnrShift: 1 }, prediction: "v" },
  "flow, logit-normal": { schedule: { name: "flow" }, prediction: "flow", timeSampling: "logit-normal" },
  "EDM": { schedule: { name: "edm" }, prediction: "edm" },
};

/** Trains to `steps` in one of the two, from the beginning or from where the other left it. */
function train(node: string, out: string, steps: number, config?: string): void {
  const start = config === undefined ? ["--resume"] : ["--config", config];
  execFileSync(node, [BIN, "train", ...start, "--out", out, "--steps", String(steps)], { stdio: "pipe" });
}

let failed = 0;
for (const [name, setting] of Object.entries(settings)) {
  const config = join(ground.folder, `${name}.json`);
  writeFileSync(config, JSON.stringify(trainConfig({ ...shared, ...setting })));
  const ends = ([[0, 0], [1, 1], [0, 1], [1, 0]] as const).map(([first, second]) => {
    const out = ground.newRun();
    train(nodes[first], out, 6, config);
    train(nodes[second], out, 12);
    const end = readFileSync(join(out, "checkpoint-12.safetensors"));
    rmSync(out, { recursive: true });
    return end;
  });
  const same = ends.every((end) => end.equals(ends[0]));
  if (!same) failed++;
  console.log(`${same ? "the same bits" : "OTHER BITS   "}  ${name}: ${versions.join(" and ")}, stayed and moved, both ways`);
}
ground.dispose();
process.exitCode = failed === 0 ? 0 : 1;
