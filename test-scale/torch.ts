/** Debian's PyTorch as the tests start it: `python3-torch`, or $PYTHON with torch. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { main } from "../packages/diffusion/src/command/main.js";

export const python = process.env["PYTHON"] ?? (existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3");
const folder = fileURLToPath(new URL("../packages/diffusion/torch", import.meta.url));

const env = { ...process.env, OMP_NUM_THREADS: "1" };

/** What torch calls its version. */
export function torchVersion(): string {
  return execFileSync(python, ["-c", "import torch; print(torch.__version__)"], { env, encoding: "utf8" }).trim();
}

/** Why there is no PyTorch here; undefined where there is. */
export function missingTorch(): string | undefined {
  const { error, status, stderr } = spawnSync(python, ["-c", "import torch"], { env, encoding: "utf8" });
  return error?.message ?? (status === 0 ? undefined : stderr.trim().split("\n").at(-1));
}

/** Runs a script that sees the package, and gives what it prints as JSON. */
export function fromPython<T>(script: string): T {
  const text = execFileSync(python, ["-c", script], { env: { ...env, PYTHONPATH: folder }, encoding: "utf8", maxBuffer: 2 ** 28 });
  return JSON.parse(text) as T;
}

/** The line that `fromnoise scale` prints. */
async function lineOf(run: string, nproc: number, flags: readonly string[]): Promise<string> {
  const { log, error } = console;
  const printed: string[] = [];
  console.log = (line: string) => void printed.push(line);
  console.error = () => undefined;
  try {
    const code = await main(["scale", run, "--nproc", String(nproc), "--python", python, "--device", "cpu", ...flags]);
    if (code !== 0) throw new Error(`fromnoise scale ends with ${code}`);
  } finally {
    Object.assign(console, { log, error });
  }
  return printed[0];
}

export interface Started { readonly child: ChildProcess; readonly ended: Promise<{ code: number | null; err: string }> }

/** Starts the line that `fromnoise scale` prints. */
export async function startTorch(run: string, nproc: number, flags: readonly string[] = [], threads = 1): Promise<Started> {
  const child = spawn("/bin/sh", ["-c", `exec ${await lineOf(run, nproc, flags)}`], { env: { ...env, OMP_NUM_THREADS: String(threads) }, stdio: ["ignore", "ignore", "pipe"] });
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  return { child, ended: new Promise((resolve) => child.on("close", (code) => resolve({ code, err }))) };
}

/** Trains with so many processes up to a step. */
export async function torch(run: string, nproc: number, until: number): Promise<void> {
  const { code, err } = await (await startTorch(run, nproc, ["--until", String(until)])).ended;
  if (code !== 0) throw new Error(`${nproc} processes end with ${code}: ${err}`);
}

/** The processes that torchrun has started, by rank. */
export function ranksOf({ pid }: ChildProcess): number[] {
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && parentOf(name) === pid).map(Number);
  return children.filter((child) => readFileSync(`/proc/${child}/cmdline`, "utf8").includes("train.py")).sort((a, b) => a - b);
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
