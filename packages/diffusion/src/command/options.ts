/** Flags: one table per command gives the parser, the help text and the checks. */
import { parseArgs } from "node:util";
import { ConfigError } from "@fromnoise/tensor";

export interface Flag {
  /** Name without dashes; "flip" also allows --no-flip when its kind is boolean. */
  name: string;
  kind: "boolean" | "integer" | "number" | "text" | "list";
  /** Placeholder in the help, such as N or FILE. */
  value?: string;
  help: string;
  /** Shown in the help; the value itself is filled in where the flag is read. */
  default?: string;
}

export type FlagValue = boolean | number | string | number[];
export interface Arguments { flags: Record<string, FlagValue>; positionals: string[] }

/** A command of `fromnoise`. `run` returns the exit code. */
export interface Command {
  name: string;
  summary: string;
  usage: string;
  flags: readonly Flag[];
  notes?: string;
  run: (args: Arguments) => Promise<number>;
}

/** Reads a command's arguments. Throws ConfigError for an unknown flag, a missing value or one of the wrong kind. */
export function parseFlags(command: Command, argv: readonly string[]): Arguments {
  const options = Object.fromEntries(command.flags.map(({ name, kind }) => [name, { type: kind === "boolean" ? "boolean" as const : "string" as const }]));
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, allowNegative: true, strict: true });
  } catch (error) {
    const reason = (error as Error).message.split(". ")[0];
    throw new ConfigError(reason, [`usage    ${command.usage}`, `help     fromnoise ${command.name} --help`]);
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
  const lines = flags.map((flag, i) => `  ${left[i].padEnd(width)}  ${flag.help}${flag.default === undefined ? "" : ` [${flag.default}]`}`);
  return [summary, "", `usage: ${usage}`, ...(lines.length > 0 ? ["", ...lines] : []), ...(notes === undefined ? [] : ["", notes])].join("\n");
}

/** Throws ConfigError unless there are `min` to `max` positional arguments. */
export function expectPositionals(command: Command, { positionals }: Arguments, min: number, max: number): void {
  if (positionals.length >= min && positionals.length <= max) return;
  const wrong = positionals.length > max ? `unexpected argument "${positionals[max]}"` : "an argument is missing";
  throw new ConfigError(wrong, [`usage    ${command.usage}`]);
}

function convert({ name, kind }: Flag, text: string): FlagValue {
  const bad = (allowed: string): never => {
    throw new ConfigError(`--${name}: "${text}" is not allowed`, [`allowed  ${allowed}`]);
  };
  const finite = (part: string): number => (part.trim() !== "" && Number.isFinite(Number(part)) ? Number(part) : NaN);
  switch (kind) {
    case "integer": {
      const value = finite(text);
      return Number.isSafeInteger(value) ? value : bad("a whole number");
    }
    case "number": {
      const value = finite(text);
      return Number.isNaN(value) ? bad("a number") : value;
    }
    case "list": {
      const values = text.split(",").map(finite);
      return values.some(Number.isNaN) ? bad("numbers with commas between, such as 32,64,128") : values;
    }
    default:
      return text === "" ? bad("a non-empty string") : text;
  }
}
