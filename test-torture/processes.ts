/** Training programs that are killed, signalled and started at once: what they leave goes on to the end of one that nothing happened to. */
import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "@fromnoise/tensor";
import { encodePng } from "../packages/diffusion/src/image/node/index.js";
import { tinyModel } from "../packages/diffusion/test/train/fixtures.js";
import type { Tried } from "./report.js";

const BIN = fileURLToPath(new URL("../packages/diffusion/bin/fromnoise.js", import.meta.url));

interface Ended { code: number | null; err: string }
interface Program { child: ChildProcess; ended: Promise<Ended>; began: Promise<void> }

/** A folder with data, a configuration, and the run that nothing happens to. */
export class Playground {
  readonly folder = mkdtempSync(join(tmpdir(), "fromnoise-torture-"));
  private made = 0;

  /** Steps of a run; checkpoints and previews come every few of them. */
  constructor(private readonly node: string, readonly steps: number, readonly seed: number) {
    const pixels = Uint8Array.from(new Random(seed).integers(32 * 32, 256));
    writeFileSync(join(this.folder, "sheet.png"), encodePng({ width: 32, height: 32, channels: 1, data: pixels }));
    writeFileSync(join(this.folder, "config.json"), JSON.stringify({
      data: `${join(this.folder, "sheet.png")}:8`, model: tinyModel, steps, batch: 1, checkpointEvery: 7, previewEvery: 50, previewImages: 1,
      schedule: { timesteps: 10 }, flip: true, device: "wasm:threads=1", seed,
    }));
  }

  newRun(): string {
    return join(this.folder, `run-${++this.made}`);
  }

  /** Starts a run or goes on with it. */
  train(out: string): Program {
    const start = existsSync(join(out, "config.json")) ? ["--out", out, "--resume"] : ["--config", join(this.folder, "config.json"), "--out", out];
    const child = spawn(this.node, [BIN, "train", ...start], { stdio: ["ignore", "ignore", "pipe"] });
    let err = "";
    let begun: () => void;
    const began = new Promise<void>((resolve) => (begun = resolve));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
      if (err.includes("device ")) begun();
    });
    const ended = new Promise<Ended>((resolve) => child.on("close", (code) => {
      begun();
      resolve({ code, err });
    }));
    return { child, ended, began };
  }

  async wholeRun(): Promise<string> {
    const out = this.newRun();
    const { code, err } = await this.train(out).ended;
    if (code !== 0) throw new Error(`a run that nothing happens to ends with ${code}: ${err}`);
    return out;
  }

  /** The state at the end, to the last bit. */
  end(out: string): Buffer {
    return readFileSync(join(out, `checkpoint-${this.steps}.safetensors`));
  }

  /** Steps in the metrics, in order and without one missing. */
  metricsWhole(out: string): boolean {
    const steps = readFileSync(join(out, "metrics.jsonl"), "utf8").trimEnd().split("\n").map((line) => (JSON.parse(line) as { step: number }).step);
    return steps.length === this.steps && steps.every((step, i) => step === i + 1);
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** kill -9 at random moments from the start of the program on; each run goes on until it has come to its end. */
export async function kills(ground: Playground, count: number): Promise<Tried> {
  return interrupted(ground, count, "kill -9", "SIGKILL", () => true);
}

/** A signal at random moments after the first step: the program saves and says so by its exit code. */
export async function signals(ground: Playground, count: number, signal: "SIGINT" | "SIGTERM" | "SIGHUP"): Promise<Tried> {
  const allowed = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal];
  // A signal that comes before the first step ends the program at once, as it ends any other: null.
  return interrupted(ground, count, signal, signal, ({ code }) => code === allowed || code === 0 || code === null);
}

async function interrupted(
  ground: Playground, count: number, what: string, signal: NodeJS.Signals, fine: (ended: Ended) => boolean,
): Promise<Tried> {
  const random = new Random(ground.seed);
  const whole = ground.end(await ground.wholeRun());
  const failed: string[] = [];
  let tried = 0, saved = 0;
  while (tried < count) {
    const out = ground.newRun();
    for (;;) {
      const program = ground.train(out);
      await program.began;
      await pause(400 * random.uniform(1)[0]!);
      const sent = tried < count && program.child.exitCode === null && program.child.kill(signal);
      const ended = await program.ended;
      if (sent) tried++;
      if (ended.code === 143 || ended.code === 130 || ended.code === 129) saved++;
      if (sent && !fine(ended)) failed.push(`${what} ${tried}: exit code ${ended.code}: ${ended.err.slice(-300)}`);
      if (!sent && ended.code !== 0) {
        failed.push(`after ${what} ${tried}: exit code ${ended.code}: ${ended.err.slice(-300)}`);
        break;
      }
      if (ended.code === 0) break;
    }
    if (!existsSync(join(out, `checkpoint-${ground.steps}.safetensors`)) || !ground.end(out).equals(whole)) failed.push(`${what}, run ${out}: another end`);
    else if (!ground.metricsWhole(out)) failed.push(`${what}, run ${out}: metrics with holes or doubles`);
  }
  const note = signal === "SIGKILL" ? "resumed to the same bits" : `resumed to the same bits; ${saved} had taken a step and saved`;
  return { what, tried, failed, note };
}

/** Several programs started at once on one folder, half of the times one that a killed program left: exactly one wins. */
export async function starts(ground: Playground, count: number): Promise<Tried> {
  const failed: string[] = [];
  const left = ground.newRun();
  const killed = ground.train(left);
  await killed.began;
  await pause(150);
  killed.child.kill("SIGKILL");
  await killed.ended;
  for (let i = 0; i < count; i++) {
    const out = ground.newRun();
    if (i % 2 === 1) cpSync(left, out, { recursive: true });
    const programs = [ground.train(out), ground.train(out), ground.train(out)];
    const ended = await Promise.all(programs.map((program) => program.ended));
    const codes = ended.map(({ code }) => code).sort();
    if (codes.join() !== "0,2,2") failed.push(`start ${i}: exit codes ${codes.join(", ")}: ${ended.map(({ err }) => err.slice(-200)).join(" | ")}`);
    else if (!ground.metricsWhole(out)) failed.push(`start ${i}: metrics with holes or doubles`);
    rmSync(out, { recursive: true, force: true });
  }
  return { what: "three starts at once", tried: count, failed, note: "exactly one wins" };
}
