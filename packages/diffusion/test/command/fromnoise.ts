/** The `fromnoise` command as tests run it: inside this process, with what it prints; or as a process of its own. */
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
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

const packages = new URL("../../../", import.meta.url);

/** The time of the newest source of a package. */
function newestSource(name: string): number {
  const folder = new URL(`${name}/src/`, packages);
  return Math.max(...(readdirSync(folder, { recursive: true }) as string[]).filter((path) => path.endsWith(".ts")).map((path) => statSync(new URL(path, folder)).mtimeMs));
}

/** Throws unless what was built is newer than the sources: a program that a test starts is the built one, as users start it. */
function assertBuilt(): void {
  for (const name of ["tensor", "nn", "diffusion"]) {
    const built = statSync(new URL(`${name}/tsconfig.tsbuildinfo`, packages), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (built < newestSource(name)) throw new Error(`packages/${name} has changed since it was built: npx tsc -b`);
  }
}

/** Starts a command line as a process, as users do; `ended` gives what became of it. Throws where the packages are not built. */
export function startFromnoise(
  argv: readonly string[], stdio: StdioOptions = ["ignore", "pipe", "pipe"],
): { child: ChildProcess; ended: Promise<Outcome> } {
  assertBuilt();
  const child = spawn(process.execPath, [fileURLToPath(new URL("diffusion/bin/fromnoise.js", packages)), ...argv], { stdio });
  let [out, err] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  const ended = new Promise<Outcome>((resolve) => child.on("close", (code) => resolve({ code, out, err })));
  return { child, ended };
}
