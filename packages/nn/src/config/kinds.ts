/**
 * Kinds of values that options hold: whole numbers, one of a few names, a switch. Each says what is allowed and reads a flag's
 * text.
 */
import { ConfigError } from "@fromnoise/tensor";

/** A kind of value. */
export interface Kind<T> {
  /** What is allowed, for people: "whole numbers from 1". */
  readonly allowed: string;
  fits(value: unknown): value is T;
  /**
   * What the text of a flag stands for; text that stands for no value of this kind gives one that does not fit. A kind without it
   * cannot be a flag.
   */
  parse?(text: string): unknown;
  /** What the help shows for the value, N or NAME; a switch takes no value. */
  readonly placeholder?: string;
  /** The values, where there are only a few. */
  readonly choices?: readonly string[];
  /** A last check with an error of its own: throws ConfigError for a value that fits and still means nothing. */
  refuse?(value: T): void;
}

/** Bounds of a number: from and to are allowed themselves, above and below are not; the note says what a value means. */
export interface Bounds { from?: number; above?: number; to?: number; below?: number; note?: string }

/** Whole numbers, by default from 0. */
export function integer({ from = 0, to = Infinity }: { from?: number; to?: number } = {}): Kind<number> {
  return {
    allowed: `whole numbers from ${from}${to === Infinity ? "" : ` to ${to}`}`, placeholder: "N", parse: toNumber,
    fits: (v): v is number => Number.isSafeInteger(v) && (v as number) >= from && (v as number) <= to,
  };
}

/** Finite numbers within bounds. */
export function number(bounds: Bounds = {}): Kind<number> {
  const { from = -Infinity, above = -Infinity, to = Infinity, below = Infinity } = bounds;
  return {
    allowed: inWords(bounds), placeholder: "X", parse: toNumber,
    fits: (v): v is number => typeof v === "number" && Number.isFinite(v) && v >= from && v > above && v <= to && v < below,
  };
}

/** true or false: as a flag a switch without a value, --flip and --no-flip. */
export const flag: Kind<boolean> = {
  allowed: "true, false", parse: (text) => text === "true", fits: (v): v is boolean => typeof v === "boolean",
};

/** One of a few names or numbers. */
export function oneOf<const T extends string | number>(values: readonly T[]): Kind<T> {
  const choices = values.map(String);
  return {
    allowed: choices.join(", "), choices, placeholder: values.every((v) => typeof v === "number") ? "N" : "NAME",
    parse: (text) => values.find((value) => String(value) === text) ?? text,
    fits: (v): v is T => values.includes(v as T),
  };
}

/** Any text but the empty one. */
export const text: Kind<string> = {
  allowed: "a non-empty string", placeholder: "NAME", parse: (given) => given,
  fits: (v): v is string => typeof v === "string" && v !== "",
};

/** One or more values of a kind, `most` of them at most; with an example a flag too, with commas between. */
export function list<T>(of: Kind<T>, example?: string, most = Infinity): Kind<readonly T[]> {
  const bound = most === Infinity ? "" : `, at most ${most} of them`;
  return {
    ...(example === undefined ? { allowed: `lists of ${of.allowed}${bound}` }
      : { ...separated(of), allowed: `${of.allowed} with commas between, such as ${example}${bound}` }),
    fits: (v): v is readonly T[] => Array.isArray(v) && v.length > 0 && v.length <= most && v.every((element) => of.fits(element)),
  };
}

/** Numbers, such as the channels of a network's levels. */
export const numbers = (example: string): Kind<readonly number[]> => list(number(), example);

/** Two values of a kind. */
export function pair<T>(of: Kind<T>): Kind<[T, T]> {
  return {
    ...separated(of), allowed: `two ${of.allowed}`,
    fits: (v): v is [T, T] => Array.isArray(v) && v.length === 2 && v.every((element) => of.fits(element)),
  };
}

/** An object whose own rules `refuse` knows. Not a flag. */
export function object<T extends object>(refuse: (value: T) => void): Kind<T> {
  return { allowed: "an object", fits: (v): v is T => isObject(v), refuse };
}

/** Whether a value is an object with fields: neither null nor a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws ConfigError naming the field, the value and what is allowed, unless the value is of this kind. */
export function checkValue<T>(kind: Kind<T>, name: string, value: unknown): asserts value is T {
  if (!kind.fits(value)) throw new ConfigError(`${name}: ${shown(value)} is not allowed`, [`allowed  ${kind.allowed}`]);
  kind.refuse?.(value);
}

/** A value in an error's line: as JSON, its first hundred characters. */
export function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}

/** A field's name in an error's line: as it is where it could be one, else as `shown`. */
export function shownName(name: string): string {
  return /^[\w.-]{1,60}$/.test(name) ? name : shown(name);
}

function separated<T>({ parse = toNumber }: Kind<T>): Pick<Kind<T>, "parse" | "placeholder"> {
  return { placeholder: "A,B,...", parse: (given) => given.split(",").map((part) => parse(part)) };
}

function toNumber(given: string): number {
  return given.trim() === "" ? NaN : Number(given);
}

function inWords({ from, above, to, below, note }: Bounds): string {
  const low = from ?? above;
  const high = to ?? below;
  const start = from === undefined ? "between" : "from";
  const end = above === undefined ? (to === undefined ? "to below" : "to") : "and";
  const range = low !== undefined && high !== undefined ? ` ${start} ${low} ${end} ${high}`
    : low !== undefined ? ` ${from === undefined ? ">" : ">="} ${low}`
    : high !== undefined ? ` ${to === undefined ? "<" : "<="} ${high}` : "";
  return `numbers${range}${note === undefined ? "" : `; ${note}`}`;
}
