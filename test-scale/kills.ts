/** A run there of which a process is killed goes on to the same end; and a run has one owner, whichever program trains it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkRun } from "../packages/diffusion/src/train/node/check-run.js";
import { copied, folder, lossError, ours, tensorError, THERE, type Kind } from "./runs.js";
import { ranksOf, startTorch, torch } from "./torch.js";

type Hold = (what: string, holds: boolean, measured: string) => void;

/** Waits for a condition, a minute at most. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited a minute in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function stepsIn(run: string): number {
  const path = join(run, "metrics.jsonl");
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
}

/** kill -9 of either of two processes: every file is whole, and the next start goes on to what a run has that nobody kills. */
export async function killed(hold: Hold, { name, input }: Kind): Promise<void> {
  const begun = join(folder, "kill begun");
  await ours(begun, 0, { ...input, checkpointEvery: 5, keep: 2 });
  const whole = copied(begun, "kill whole");
  await torch(whole, 2, THERE);
  for (const rank of [0, 1]) {
    const run = copied(begun, `kill ${rank}`);
    const { child, ended } = await startTorch(run, 2, ["--until", String(THERE)]);
    await until("12 steps", () => stepsIn(run) >= 12);
    process.kill(ranksOf(child)[rank], "SIGKILL");
    const { code } = await ended;
    const broken = (await checkRun(run)).filter(({ problem }) => problem !== undefined);
    hold(`${name}, process ${rank} killed, the folder`, code !== 0 && broken.length === 0, `torchrun ends with ${code}, ${broken.length} files broken`);
    await torch(run, 2, THERE);
    const loss = lossError(whole, run, 0, THERE), { error } = await tensorError(whole, run, THERE, /./);
    hold(`${name}, process ${rank} killed, the next start`, loss === 0 && error === 0, loss === 0 && error === 0 ? "the same bits" : `${loss}, ${error}`);
  }
}

/** While one program trains a run the other is refused, by the owner's number. */
export async function locked(hold: Hold, { name, input }: Kind): Promise<void> {
  const run = join(folder, "locked");
  await ours(run, 0, { ...input, steps: 100_000 });
  const { child, ended } = await startTorch(run, 1);
  await until("a step", () => stepsIn(run) >= 1);
  const refused = await ours(run, 1).then(() => "nothing", (error: unknown) => (error as Error).message.split("\n")[0]);
  const owner = `process ${ranksOf(child)[0]}`;
  hold(`${name}, while PyTorch trains`, refused.includes(owner), refused);
  child.kill("SIGTERM");
  const { code } = await ended;
  hold(`${name}, asked to stop`, existsSync(join(run, `checkpoint-${stepsIn(run)}.safetensors`)) && !existsSync(join(run, "run.lock")), `torchrun ends with ${code}, saved after step ${stepsIn(run)}`);
  const mine = ours(run, stepsIn(run) + 200);
  await until("run.lock", () => existsSync(join(run, "run.lock")));
  const { err } = await (await startTorch(run, 1)).ended;
  hold(`${name}, while it trains here`, err.includes("this run is in use") && err.includes(`"pid":${process.pid}`), err.split("\n").find((line) => line.includes("Refused")) ?? err);
  await mine;
}
