/** What a command of `fromnoise` is: its operands and flags, which parse.ts reads and help.ts shows, and what it does with them. */
import { ConfigError, openDevice, parseDevice, type Device, type DeviceOptions } from "@fromnoise/tensor";
import { flag } from "@fromnoise/nn/kinds";
import { field } from "../config/fields.js";
import type { Flag, FlagValues } from "../config/flags.js";

/** What a user gave: operands in order, and the values of the flags, checked one by one. */
export interface Arguments { readonly operands: readonly string[]; readonly flags: FlagValues }

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  /** Whole command lines, the most usual one first. */
  readonly examples: readonly string[];
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

/** Of all commands that may compute on the wasm device. */
export const revectorizeField = field(flag, true, "let wasm compute by what V8 has behind flags, where it was checked; --no-revectorize does not");

/**
 * How a command, being a process of its own, opens a device: with what V8 has behind flags, unless --no-revectorize, the environment
 * (FROMNOISE_REVECTORIZE) or the device string says otherwise. Throws ConfigError where flag and string contradict each other.
 */
export function deviceOpener(revectorize: boolean): (spec: string, wasm?: DeviceOptions["wasm"]) => Promise<Device> {
  return async (spec, wasm = {}) => {
    const asked = (parseDevice(spec).options as DeviceOptions["wasm"]).revectorize;
    if (!revectorize && asked !== undefined) {
      throw new ConfigError(`--no-revectorize and the device "${spec}" contradict each other`, ["hint     --device wasm"]);
    }
    const told = process.env["FROMNOISE_REVECTORIZE"] !== undefined;
    return openDevice(spec, { ...wasm, ...(!revectorize ? { revectorize } : told ? {} : { revectorize: "auto" }) });
  };
}

/** Opens a device, runs fn, and frees the device whatever happens: one with threads would keep the program alive. */
export async function withDevice<R>(spec: string, revectorize: boolean, fn: (device: Device) => Promise<R>): Promise<R> {
  const device = await deviceOpener(revectorize)(spec);
  try {
    return await fn(device);
  } finally {
    await device.dispose();
  }
}
