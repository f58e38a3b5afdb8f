/** The `fromnoise` command as tests run it: inside this process, with what it prints; or as a process of its own. */
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { main } from "../../src/command/main.js";

export interface Outcome {
  /** Exit code; null where a signal ended the program. */
  code: number | null;
  out: string;
  err: string;
}

/** Runs a command line in this process. */
export async function fromnoise(...argv: readonly string[]): Promise<Outcome> {
  const lines = { out: [] as string[], err: [] as string[] };
  const { log, error } = console;
  console.log = (line: string) => void lines.out.push(line);
  console.error = (line: string) => void lines.err.push(line);
  try {
    return { code: await main(argv), out: lines.out.join("\n"), err: lines.err.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

/** Starts a command line as a process; `ended` gives what became of it. */
export function startFromnoise(
  argv: readonly string[], stdio: StdioOptions = ["ignore", "pipe", "pipe"],
): { child: ChildProcess; ended: Promise<Outcome> } {
  const program = fileURLToPath(new URL("main-process.ts", import.meta.url));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const child = spawn(
    process.execPath, ["--import", tsx, "-C", "fromnoise-source", program, ...argv], { stdio },
  );
  let [out, err] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  const ended = new Promise<Outcome>((resolve) => child.on("close", (code) => resolve({ code, out, err })));
  return { child, ended };
}
