/**
 * The debug ladder. Level 1 names devices as they open and checks indices, 2 prints each kernel with its time and GFLOP/s, 3 adds
 * shapes and live bytes, 4 adds generated source where a backend has it. Beside the ladder stand two checks of every kernel:
 * "finite" stops at the first NaN or infinity and names the tensor, "reference" computes the kernel again in plain TypeScript and
 * names the first that differs. They hold for devices opened from then on: set in code by `setDebug`, or from the environment by
 * FROMNOISE_DEBUG=1..4 and FROMNOISE_CHECK=finite|reference. For one computation, `observe(device, finiteCheck(), fn)`. At every
 * level a device warns once of tensors that a loop leaves behind.
 */
import type { Device } from "../core/device.js";
import { ConfigError } from "../core/errors.js";
import { eachTensor, type Observer } from "../core/observe.js";
import { formatShape } from "../core/shape.js";
import { flopsOf } from "../kernels/contract.js";
import { finiteCheck } from "./finite-check.js";
import { indexCheck } from "./index-check.js";

/** What devices opened from now on print and check: docs/debugging.md. */
export interface DebugSettings {
  level: 0 | 1 | 2 | 3 | 4;
  check: "none" | "finite" | "reference";
  /** Where the lines go; standard error unless set. */
  print: (line: string) => void;
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

/** Read when first asked for: what the environment holds wrongly is an error of who opens a device, not of who imports. */
let settings: DebugSettings | undefined;

function current(): DebugSettings {
  return settings ??= fromEnvironment();
}

/** Changes some settings, for devices opened from now on, and returns a function that restores them. */
export function setDebug(changes: Partial<DebugSettings>): () => void {
  const before = { ...current() };
  Object.assign(current(), changes);
  return () => void Object.assign(current(), before);
}

/** @internal Attaches to a device that opens what the settings ask for, and the watch for leaks. */
export async function attachDebug(device: Device): Promise<void> {
  const { level, check, print } = current();
  device.warnOfLeaks(print);
  if (level >= 1) {
    print(`device ${device.name}: ${device.description}`);
    device.attach(indexCheck());
  }
  if (level >= 2) device.attach(kernelPrinter(level, print));
  if (check === "finite") device.attach(finiteCheck());
  if (check === "reference") {
    const { referenceCheck } = await import("./reference-check.js"); // brings the whole reference backend along
    device.attach(referenceCheck());
  }
}

/** An observer that prints each kernel: "conv2d 1.234 ms 45.6 GFLOP/s", from level 3 on with shapes and live bytes, 4 with source. */
export function kernelPrinter(level: number, print: (line: string) => void): Observer {
  return {
    after({ device, kernel, attrs, layer, inputs, outputs, ms }) {
      const flops = flopsOf(kernel, attrs);
      const rate = flops > 0 && ms > 0 ? ` ${(flops / ms / 1e6).toFixed(1)} GFLOP/s` : "";
      const line = `${kernel} ${ms.toFixed(3)} ms${rate}${layer === "" ? "" : ` at ${layer}`}`;
      if (level < 3) return print(line);
      const shapes = (operands: typeof inputs): string => eachTensor(operands).map(([name, { shape }]) => `${name} ${formatShape(shape)}`).join(", ");
      print(`${line} | ${shapes(inputs)} -> ${shapes(outputs)} | live ${(device.memory().bytes / 1048576).toFixed(2)} MiB`);
      if (level >= 4) print(device.source(kernel) ?? `${kernel}: the ${device.name} device generates no source`);
    },
  };
}
