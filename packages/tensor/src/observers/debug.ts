/**
 * The debug ladder. Level 1 names devices as they open, 2 each kernel with its time and GFLOP/s, 3 adds shapes and live bytes,
 * 4 adds generated source where a backend has it. Beside the ladder stand two checks, each run after every kernel:
 * "finite" stops at the first NaN or infinity and names the tensor, "reference" reruns the kernel in plain TypeScript and names
 * the first that differs. Set in code by `setDebug`, or from the environment: FROMNOISE_DEBUG=1..4 and
 * FROMNOISE_CHECK=finite|reference.
 */
import { ConfigError } from "../core/errors.js";

export interface DebugSettings {
  level: 0 | 1 | 2 | 3 | 4;
  check: "none" | "finite" | "reference";
  /** Where the lines go; standard error unless set. */
  print: (line: string) => void;
}

/** What the debug ladder and the benches know of one kernel call. */
export interface KernelEvent {
  kernel: string;
  layer: string;
  inputs: readonly (readonly [name: string, shape: readonly number[]])[];
  output: readonly number[];
  flops: number;
  /** Milliseconds for the call; on a device with a queue, the time to issue it. */
  ms: number;
}

const environment = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {};

function fromEnvironment(): DebugSettings {
  const level = Number(environment["FROMNOISE_DEBUG"] ?? 0);
  const check = environment["FROMNOISE_CHECK"] ?? "none";
  if (![0, 1, 2, 3, 4].includes(level)) {
    throw new ConfigError(`FROMNOISE_DEBUG is ${environment["FROMNOISE_DEBUG"]}`, ["allowed  0 .. 4"]);
  }
  if (!["none", "finite", "reference"].includes(check)) {
    throw new ConfigError(`FROMNOISE_CHECK is ${check}`, ["allowed  none, finite, reference"]);
  }
  return { level: level as DebugSettings["level"], check: check as DebugSettings["check"], print: (line) => console.error(line) };
}

export const debug: DebugSettings = fromEnvironment();

/** Changes some settings and returns a function that restores them. */
export function setDebug(settings: Partial<DebugSettings>): () => void {
  const before = { ...debug };
  Object.assign(debug, settings);
  return () => void Object.assign(debug, before);
}

/** One line for a kernel call: "conv2d 1.234 ms 45.6 GFLOP/s", from level 3 on with shapes and live bytes. */
export function formatEvent(event: KernelEvent, liveBytes: number, level: number): string {
  const rate = event.flops > 0 && event.ms > 0 ? ` ${(event.flops / event.ms / 1e6).toFixed(1)} GFLOP/s` : "";
  const where = event.layer === "" ? "" : ` at ${event.layer}`;
  const line = `${event.kernel} ${event.ms.toFixed(3)} ms${rate}${where}`;
  if (level < 3) return line;
  const inputs = event.inputs.map(([name, shape]) => `${name} [${shape.join(", ")}]`).join(", ");
  return `${line} | ${inputs} -> [${event.output.join(", ")}] | live ${(liveBytes / 1048576).toFixed(2)} MiB`;
}
