/** Flags: one table per command gives the parser, the help text and the checks. */
import { parseArgs } from "node:util";
import { ConfigError, openDeviceSpec, type Device } from "@fromnoise/tensor";

export interface Flag {
  /** Name without dashes; "flip" also allows --no-flip when its kind is boolean. */
  name: string;
  kind: "boolean" | "integer" | "number" | "text" | "list";
  /** Placeholder in the help, such as N or FILE. */
  value?: string;
  help: string;
  /** Shown in the help; the value itself is filled in where the flag is read. */
  default?: string;
  /** Least value of an integer. */
  min?: number;
  /** The texts allowed, listed in the help. */
  choices?: readonly string[];
}

export type FlagValue = boolean | number | string | number[];
export interface Arguments { flags: Record<string, FlagValue>; positionals: string[] }

/** The flag by which a command takes a device. */
export const deviceFlag = (preset: string): Flag => ({
  name: "device", kind: "text", value: "NAME", default: preset,
  help: "where to compute: reference, wasm or gpu; with options: wasm:threads=4,revectorize",
});

/** A command of `fromnoise`. `run` returns the exit code. */
export interface Command {
  name: string;
  summary: string;
  usage: string;
  flags: readonly Flag[];
  notes?: string;
  run: (args: Arguments) => Promise<number>;
}

/** Reads a command's arguments. Throws ConfigError for an unknown flag, a missing value or one that is not allowed. */
export function parseFlags(command: Command, argv: readonly string[]): Arguments {
  const options = Object.fromEntries(
    command.flags.map(({ name, kind }) => [name, { type: kind === "boolean" ? "boolean" as const : "string" as const }]),
  );
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, allowNegative: true, strict: true });
  } catch (error) {
    const [reason] = (error as Error).message.split(/\.\s|\n/);
    const hint = reason.includes("ambiguous") ? ["hint     a value that starts with a dash is written --NAME=VALUE"] : [];
    throw new ConfigError(reason, [...hint, `usage    ${command.usage}`, `help     fromnoise ${command.name} --help`]);
  }
  const flags: Record<string, FlagValue> = {};
  for (const [name, value] of Object.entries(parsed.values)) {
    const flag = command.flags.find((f) => f.name === name)!;
    flags[name] = typeof value === "string" ? convert(flag, value) : value as boolean;
  }
  return { flags, positionals: parsed.positionals };
}

/** "--steps N   optimiser steps [2000]" for every flag, below the command's usage line. */
export function helpText({ summary, usage, flags, notes }: Command): string {
  const left = flags.map(({ name, kind, value }) => `--${name}${kind === "boolean" ? "" : ` ${value ?? kind.toUpperCase()}`}`);
  const width = Math.max(0, ...left.map((text) => text.length));
  const lines = flags.map((flag, i) => {
    const choices = flag.choices === undefined ? "" : `: ${flag.choices.join(", ")}`;
    return `  ${left[i].padEnd(width)}  ${flag.help}${choices}${flag.default === undefined ? "" : ` [${flag.default}]`}`;
  });
  return [
    summary, "", `usage: ${usage}`, ...(lines.length > 0 ? ["", ...lines] : []), ...(notes === undefined ? [] : ["", notes]),
  ].join("\n");
}

/** Throws ConfigError unless there are `min` to `max` positional arguments. */
export function expectPositionals(command: Command, { positionals }: Arguments, min: number, max: number): void {
  if (positionals.length >= min && positionals.length <= max) return;
  const wrong = positionals.length > max ? `unexpected argument "${positionals[max]}"` : "an argument is missing";
  throw new ConfigError(wrong, [`usage    ${command.usage}`, `help     fromnoise ${command.name} --help`]);
}

/** A text flag that a command cannot do without. Throws ConfigError when it is missing. */
export function requiredText(command: Command, { flags }: Arguments, name: string): string {
  const value = flags[name] as string | undefined;
  if (value === undefined) {
    throw new ConfigError(`--${name} is missing`, [`usage    ${command.usage}`, `help     fromnoise ${command.name} --help`]);
  }
  return value;
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

function convert({ name, kind, min, choices }: Flag, text: string): FlagValue {
  const bad = (allowed: string): never => {
    throw new ConfigError(`--${name}: "${text}" is not allowed`, [`allowed  ${allowed}`]);
  };
  const finite = (part: string): number => (part.trim() !== "" && Number.isFinite(Number(part)) ? Number(part) : NaN);
  switch (kind) {
    case "integer": {
      const value = finite(text);
      const fits = Number.isSafeInteger(value) && value >= (min ?? -Infinity);
      return fits ? value : bad(min === undefined ? "whole numbers" : `whole numbers from ${min}`);
    }
    case "number": {
      const value = finite(text);
      return Number.isNaN(value) ? bad("numbers") : value;
    }
    case "list": {
      const values = text.split(",").map(finite);
      return values.some(Number.isNaN) ? bad("numbers with commas between, such as 32,64,128") : values;
    }
    default:
      if (choices !== undefined && !choices.includes(text)) bad(choices.join(", "));
      return text === "" ? bad("a non-empty text") : text;
  }
}
