/**
 * Tables of fields. A field stands once, with its kind, its default and a line of help; from the table come the type of the
 * options, their checks and error texts, the command's flags and help (flags.ts), and the tables of the documentation.
 * Configurations of runs have one (train/config.ts), and every sampler brings its own.
 */
import { ConfigError } from "@fromnoise/tensor";
import { checkValue, isObject, shown, shownName, type Kind } from "@fromnoise/nn/kinds";

/** What a field may say beside its kind, default and help. */
export interface Extras {
  /** Its flag without dashes; unless given, its dotted name as kebab-case: `ema.warmup` is --ema-warmup. */
  readonly flag?: string;
  /** What the help shows for the flag's value, DIR; unless given, what its kind says. */
  readonly value?: string;
  /** What the help shows as the default where the field has none, or another by the circumstances: "the model's". */
  readonly shown?: string;
  /** A resumed run may change it. */
  readonly resume?: true;
  /** The name that it had before, within its group: files may still say it. */
  readonly was?: string;
}

/** One option: what it may be, its default, and what people read of it. */
export interface Field<T> extends Extras {
  readonly kind: Kind<Exclude<T, undefined>>;
  readonly default: T;
  readonly help: string;
}

/** Fields that stand together under one name, `optimizer.lr` and `optimizer.eps`. */
export interface Group<O> { readonly fields: { readonly [K in keyof O]-?: Field<O[K]> } }

/** The table of fields of options O. */
export type Fields<O> = { readonly [K in keyof O]-?: Field<O[K]> | GroupOf<O[K]> };
type GroupOf<V> = V extends readonly unknown[] ? never : V extends object ? Group<V> : never;

/** Any table of fields. */
export type FieldTable = Readonly<Record<string, Field<unknown> | { readonly fields: Readonly<Record<string, Field<unknown>>> }>>;

/** The options that a table describes. */
export type OptionsOf<F> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : F[K] extends Group<infer O> ? O : never };

/** A part of the options, as a file, flags or a call give it: groups may be partial too. */
export type InputOf<F> = {
  -readonly [K in keyof F]?: F[K] extends Field<infer T> ? T : F[K] extends Group<infer O> ? Partial<O> : never;
};

/** The part of the options that a resumed run may change. */
export type ResumableOf<F> = {
  -readonly [K in keyof F as F[K] extends { resume: true } ? K : never]?: F[K] extends Field<infer T> ? T : never;
};

/** A field with a default. */
export function field<T, const E extends Extras = Extras>(
  kind: Kind<T>, preset: NoInfer<T>, help: string, extras?: E,
): Field<T> & E {
  return { kind, default: preset, help, ...extras } as unknown as Field<T> & E;
}

/** A field that is undefined where nobody gives it. */
export function optional<T, const E extends Extras = Extras>(
  kind: Kind<T>, help: string, extras?: E,
): Field<T | undefined> & E {
  return { kind, default: undefined, help, ...extras } as unknown as Field<T | undefined> & E;
}

/** A group of fields within a table: `optimizer: {lr, betas}`. */
export function group<O>(fields: Group<O>["fields"]): Group<O> {
  return { fields };
}

/** A field of a table under its dotted name. */
export interface NamedField { readonly name: string; readonly field: Field<unknown> }

/** All fields of a table, those of groups under their dotted names. */
export function namedFields(fields: FieldTable): NamedField[] {
  return Object.entries(fields).flatMap(([name, entry]) => ("fields" in entry
    ? Object.entries(entry.fields).map(([inner, field]) => ({ name: `${name}.${inner}`, field }))
    : [{ name, field: entry }]));
}

/**
 * The defaults of a table with the given values on top, checked. What is given as undefined counts as not given.
 * Throws ConfigError for an unknown field or a value that is not allowed: names the field, the value and what is allowed.
 * `what` says whose fields they are: "config", "ddim".
 */
export function checkFields<O>(fields: Fields<O>, given: object, what: string): O {
  return checkTable(fields as FieldTable, given, what, "") as O;
}

function checkTable(fields: FieldTable, given: unknown, what: string, prefix: string): Record<string, unknown> {
  if (!isObject(given)) {
    throw new ConfigError(`${prefix.slice(0, -1) || what}: ${shown(given)} is not allowed`, ["allowed  an object"]);
  }
  const unknown = Object.keys(given).find((name) => given[name] !== undefined && !Object.hasOwn(fields, name));
  if (unknown !== undefined) throw noField(fields, unknown, what, prefix);
  return Object.fromEntries(Object.entries(fields).map(([name, entry]) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if ("fields" in entry) return [name, checkTable(entry.fields, value === undefined ? {} : value, what, `${prefix}${name}.`)];
    if (value === undefined) return [name, structuredClone(entry.default)];
    checkValue(entry.kind, `${prefix}${name}`, value);
    return [name, value];
  }));
}

function noField(fields: FieldTable, name: string, what: string, prefix: string): ConfigError {
  const now = Object.entries(fields).find(([, entry]) => "was" in entry && entry.was === name)?.[0];
  return new ConfigError(`${what}: there is no field ${prefix}${shownName(name)}`, [
    ...(now === undefined ? [] : [`now      ${prefix}${now}`]),
    `allowed  ${Object.keys(fields).map((known) => prefix + known).join(", ")}`,
  ]);
}

/**
 * What a file holds, under today's names. A field that stands there under both names keeps both, so that whoever checks it refuses
 * the old one.
 */
export function migrateFields(fields: FieldTable, held: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const migrated: Record<string, unknown> = { ...held };
  for (const [name, entry] of Object.entries(fields)) {
    if ("fields" in entry) {
      const inner = migrated[name];
      if (isObject(inner)) migrated[name] = migrateFields(entry.fields, inner);
    } else if (entry.was !== undefined && Object.hasOwn(migrated, entry.was) && !Object.hasOwn(migrated, name)) {
      migrated[name] = migrated[entry.was];
      delete migrated[entry.was];
    }
  }
  return migrated;
}
