/** Fields of a network's config: what each may hold, and how a config is checked against them. */
import { ConfigError } from "@fromnoise/tensor";
import { checkValue, shown, shownName, type Kind } from "./kinds.js";

export interface Field {
  readonly kind: Kind<unknown>;
  /** The default; undefined where the config must say it. */
  readonly value: unknown;
}

/** A field with a default. */
export const field = <T>(kind: Kind<T>, value: NoInfer<T>): Field => ({ kind, value });
/** A field that the config must say. */
export const required = (kind: Kind<unknown>): Field => ({ kind, value: undefined });

/** A value of this kind or null. */
export const orNull = <T>(kind: Kind<T>): Kind<T | null> => ({
  allowed: `${kind.allowed}, or null`, fits: (v): v is T | null => v === null || kind.fits(v),
});

/**
 * Checks a config and fills in the defaults; names that start with `_` are left alone. `what` names it in errors ("U-Net config").
 * Throws ConfigError naming the field, its value and what is allowed.
 */
export function readFields(
  what: string, fields: Readonly<Record<string, Field>>, given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(fields, name) || (name.startsWith("_") && name !== "__proto__")) continue;
    throw new ConfigError(`${what}: the field ${shownName(name)} is not known`, [
      `value    ${shown(given[name])}`, `allowed  ${Object.keys(fields).join(", ")}`,
    ]);
  }
  const config: Record<string, unknown> = {};
  for (const [name, { kind, value }] of Object.entries(fields)) {
    const v = given[name] === undefined ? value : given[name];
    checkValue(kind, `${what}: ${name}`, v);
    config[name] = v;
  }
  return config;
}
