/** What a step costs here and there, on 1 and 2 processes: on an otherwise idle machine. Times are medians of a run's own steps. */
import { join } from "node:path";
import { cpus } from "node:os";
import { recipes } from "../packages/diffusion/src/train/recipes.js";
import type { TrainConfigInput } from "../packages/diffusion/src/train/config.js";
import { copied, folder, metricsOf, ours } from "./runs.js";
import { startTorch, torchVersion } from "./torch.js";

/** Networks and steps; the first steps of a run warm up. */
const RUNS: readonly { readonly recipe: string; readonly steps: number }[] = [
  { recipe: "digits-16", steps: 40 }, { recipe: "digits", steps: 30 }, { recipe: "faces", steps: 14 },
];
const WARM = 4;

/** Milliseconds of a step: the median of all but the first. */
function stepMs(run: string, images: number, steps: number): number {
  const times = metricsOf(run).slice(WARM, steps).map(({ imagesPerSecond }) => (1000 * images) / imagesPerSecond).sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)];
}

/** Of all the recipes, or of those whose names are given with commas between. */
export async function scaling(only?: string): Promise<void> {
  console.log(`${cpus()[0].model}, ${cpus().length} processors; Node ${process.versions.node}, torch ${torchVersion()}\n`);
  console.log("| network, images a step | here, 1 thread | here, 2 threads | there, 1 process | 2 processes | 1 process of 2 threads | 2 processes over 1 |");
  console.log("|---|---|---|---|---|---|---|");
  for (const { recipe, steps } of RUNS.filter(({ recipe }) => only === undefined || only.split(",").includes(recipe))) {
    const { config } = recipes.find(({ name }) => name === recipe)!;
    const { batch = 16 } = config;
    const input: TrainConfigInput = { ...config, profiles: { every: 0 }, steps: 1000, previewEvery: 0, checkpointEvery: 1000 };
    const begun = join(folder, `time ${recipe}`);
    await ours(begun, 0, input);
    const here: number[] = [];
    for (const threads of [1, 2]) {
      const run = join(folder, `time ${recipe} here ${threads}`);
      await ours(run, steps, { ...input, device: `wasm:threads=${threads}` });
      here.push(stepMs(run, batch, steps));
    }
    const there: number[] = [];
    for (const [processes, threads] of [[1, 1], [2, 1], [1, 2]] as const) {
      const run = copied(begun, `time ${recipe} ${processes} ${threads}`);
      const { code, err } = await (await startTorch(run, processes, ["--until", String(steps)], threads)).ended;
      if (code !== 0) throw new Error(err);
      there.push(stepMs(run, batch, steps));
    }
    const cells = [...here, ...there].map((ms) => `${ms.toPrecision(3)} ms`);
    console.log(`| ${recipe}, ${batch} | ${cells.join(" | ")} | ${(there[0] / there[1]).toFixed(2)} |`);
  }
}
