/** Fields of a network's config: what each may hold, and how a config is checked against them. */
import { ConfigError } from "@fromnoise/tensor";

export interface Field {
  /** The default; undefined where the config must say it. */
  readonly value: unknown;
  /** The valid values, for people. */
  readonly allowed: string;
  readonly valid: (v: unknown) => boolean;
  /** False for fields of which only the default is implemented: they are checked and left out of the config. */
  readonly kept?: boolean;
}

export const integer = (from: number) => (v: unknown): boolean => Number.isInteger(v) && (v as number) >= from;
export const nullOr = (valid: (v: unknown) => boolean) => (v: unknown): boolean => v === null || valid(v);
export const listOf = (valid: (v: unknown) => boolean) => (v: unknown): boolean =>
  Array.isArray(v) && v.length > 0 && v.every(valid);

export const count = (value: unknown): Field => ({ value, allowed: "integers from 1", valid: integer(1) });
export const countOrNull = (value: unknown): Field => ({ value, allowed: "integers from 1, or null", valid: nullOr(integer(1)) });
export const flag = (value: boolean): Field => ({ value, allowed: "true, false", valid: (v) => typeof v === "boolean" });
export const counts = (value: unknown): Field => ({ value, allowed: "lists of integers from 1", valid: listOf(integer(1)) });
export const oneOf = (value: unknown, ...values: readonly unknown[]): Field => ({
  value, allowed: values.map((v) => JSON.stringify(v)).join(", "), valid: (v) => values.includes(v),
});
/** Implemented for these values only, all of which mean the same. */
export const only = (...values: readonly unknown[]): Field => ({
  value: values[0], allowed: `${values.map((v) => JSON.stringify(v)).join(", ")}; nothing else is implemented`,
  valid: (v) => values.includes(v), kept: false,
});

/**
 * Checks a config and fills in the defaults; names that start with `_` are left alone. `what` names it in errors ("U-Net config").
 * Throws ConfigError naming the field, its value and what is allowed.
 */
export function readFields(
  what: string, fields: Readonly<Record<string, Field>>, given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(fields, name) || name.startsWith("_")) continue;
    throw new ConfigError(`${what}: the field ${name} is not known`, [
      `value    ${JSON.stringify(given[name])}`, `allowed  ${Object.keys(fields).join(", ")}`,
    ]);
  }
  const config: Record<string, unknown> = {};
  for (const [name, { value, allowed, valid, kept = true }] of Object.entries(fields)) {
    const v = given[name] === undefined ? value : given[name];
    if (!valid(v)) throw new ConfigError(`${what}: ${name} is ${JSON.stringify(v)}`, [`allowed  ${allowed}`]);
    if (kept) config[name] = v;
  }
  return config;
}
