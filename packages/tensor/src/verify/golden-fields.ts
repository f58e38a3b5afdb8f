/** Reading golden files, which anyone writes: each function gives a field as what it has to be, or throws ConfigError that names it. */
import { ConfigError } from "../core/errors.js";
import { sizeOf, type Shape } from "../core/shape.js";

/** An object of a file, whatever is in it. */
export type GoldenFields = Readonly<Record<string, unknown>>;

/** Most values of an array in a file or by its formula. */
const MOST_VALUES = 2 ** 26;

/** "golden file: params[3].name: 5 is not allowed", and what is. */
export function goldenError(where: string, value: unknown, allowed: string): ConfigError {
  const text = Array.isArray(value) && value.length > 6 ? `a list of ${value.length}` : JSON.stringify(value) ?? "undefined";
  return new ConfigError(`golden file: ${where}: ${text.length > 60 ? `${text.slice(0, 60)}...` : text} is not allowed`, [`allowed  ${allowed}`]);
}

/** A field of its own, undefined where an object has none: names that every object has are none. */
export function ownField(fields: GoldenFields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** An object with fields. */
export function objectAt(value: unknown, where: string): GoldenFields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as GoldenFields;
  throw goldenError(where, value, "an object");
}

/** A list of whatever. */
export function listAt(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw goldenError(where, value, "a list");
}

/** A text that is not empty. */
export function textAt(value: unknown, where: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw goldenError(where, value, "a non-empty string");
}

/** A finite number. */
export function numberAt(value: unknown, where: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw goldenError(where, value, "a finite number");
}

/** A flat list of finite numbers; of `count` of them where that is given. */
export function numbersAt(value: unknown, where: string, count?: number): readonly number[] {
  const allowed = count === undefined ? "a flat list of finite numbers" : `a flat list of ${count} finite numbers`;
  if (!Array.isArray(value) || (count !== undefined && value.length !== count)) throw goldenError(where, value, allowed);
  const bad = value.findIndex((v) => typeof v !== "number" || !Number.isFinite(v));
  if (bad >= 0) throw goldenError(`${where}[${bad}]`, value[bad], "a finite number");
  return value as number[];
}

/** A list of `count` whole numbers from 0: labels. */
export function labelsAt(value: unknown, where: string, count: number): readonly number[] {
  const bad = numbersAt(value, where, count).findIndex((v) => !Number.isSafeInteger(v) || v < 0);
  if (bad >= 0) throw goldenError(`${where}[${bad}]`, (value as number[])[bad], "a whole number from 0");
  return value as number[];
}

/** A shape of up to 6 axes, or of `rank` of them, sides from 1, with at most 2^26 values. */
export function shapeAt(value: unknown, where: string, rank?: number): Shape {
  const axes = rank === undefined ? "up to 6" : `${rank}`;
  const allowed = `${axes} whole numbers from 1 with a product of at most ${MOST_VALUES}`;
  const fits = Array.isArray(value) && (rank === undefined ? value.length <= 6 : value.length === rank)
    && value.every((side) => Number.isSafeInteger(side) && side >= 1) && sizeOf(value as number[]) <= MOST_VALUES;
  if (fits) return value as number[];
  throw goldenError(where, value, allowed);
}
