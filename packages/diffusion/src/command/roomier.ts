/**
 * Engines guard the bounds of a WebAssembly memory by 8 GiB of addresses behind it, which a limit such as `ulimit -v` may not leave.
 * Node can do without, but only from its start: then the command runs again in a process that does.
 */
import { spawn } from "node:child_process";

const FLAG = "--disable-wasm-trap-handler";

interface WebAssemblyApi { Memory: new (limits: { initial: number; maximum: number }) => object }

/** Whether a WebAssembly memory can be reserved here; true where there is no WebAssembly at all, which is another matter. */
function hasRoom(): boolean {
  const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyApi };
  try {
    if (WebAssembly !== undefined) new WebAssembly.Memory({ initial: 1, maximum: 1 });
    return true;
  } catch {
    return false;
  }
}

/** Runs the command line in a process without such guards where this one has no room for them; its exit code, else undefined. */
export async function runWithoutGuards(program: string, argv: readonly string[]): Promise<number | undefined> {
  if (process.execArgv.includes(FLAG) || hasRoom() || !process.allowedNodeEnvironmentFlags.has(FLAG)) return undefined;
  const child = spawn(process.execPath, [FLAG, ...process.execArgv, program, ...argv], { stdio: "inherit" });
  const signals = ["SIGTERM", "SIGHUP", "SIGINT"] as const;
  const pass = (signal: NodeJS.Signals): void => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);              // a terminal tells both of Ctrl-C
  };
  for (const signal of signals) process.on(signal, pass);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      for (const signal of signals) process.off(signal, pass);
      resolve(code ?? 1);
    });
  });
}
