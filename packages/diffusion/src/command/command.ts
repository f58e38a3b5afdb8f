/** What a command of `fromnoise` is: its operands and flags, which parse.ts reads and help.ts shows, and what it does with them. */
import { openDeviceSpec, type Device } from "@fromnoise/tensor";
import type { Flag, FlagValues } from "../config/flags.js";

/** What a user gave: operands in order, and the values of the flags, checked one by one. */
export interface Arguments { readonly operands: readonly string[]; readonly flags: FlagValues }

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  /** Operands as commander declares them: "<model>" is needed, "[model]" not, "<files...>" are one or more. */
  readonly operands: readonly string[];
  readonly flags: readonly Flag[];
  readonly notes?: string;
  /** Returns the exit code: 0 done, 1 failed, 130 interrupted. */
  readonly run: (args: Arguments) => Promise<number>;
}

/** The lines below an error of usage. */
export function usageLines({ name, usage }: Pick<Command, "name" | "usage">): string[] {
  return [`usage    ${usage}`, `help     fromnoise ${name} --help`];
}

/** Opens a device, runs fn, and frees the device whatever happens: one with threads would keep the program alive. */
export async function withDevice<R>(spec: string, fn: (device: Device) => Promise<R>): Promise<R> {
  const device = await openDeviceSpec(spec);
  try {
    return await fn(device);
  } finally {
    await device.dispose();
  }
}
