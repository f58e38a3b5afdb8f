/** Fields as flags of the command: their names, and the options that given flags make. */
import type { Field, Fields, FieldTable, InputOf } from "./fields.js";
import { checkFields, namedFields } from "./fields.js";

/** A field as a flag. */
export interface Flag {
  /** Without dashes; a switch is also there as --no-NAME. */
  readonly name: string;
  /** The dotted name of the field that it sets. */
  readonly path: string;
  /** The flag that it was before. */
  readonly was?: string;
  readonly field: Field<unknown>;
  /** The heading under which the help shows it. */
  readonly heading?: string;
}

/** The values of flags, by flag. */
export type FlagValues = ReadonlyMap<string, unknown>;

/** The flags of a table, all fields whose kind can be read from a text. The help shows them under a heading where one is given. */
export function flagsOf(fields: FieldTable, heading?: string): Flag[] {
  return namedFields(fields).filter(({ field }) => field.kind.parse !== undefined).map(({ name, field }) => ({
    name: field.flag ?? kebab(name), path: name, field,
    ...(field.was === undefined ? {} : { was: kebab(name.replace(/[^.]*$/, field.was)) }),
    ...(heading === undefined ? {} : { heading }),
  }));
}

/** The fields of a table that flags give, and no others. */
export function givenFields<F extends FieldTable>(fields: F, values: FlagValues): InputOf<F> {
  const given: Record<string, unknown> = {};
  for (const { name, path } of flagsOf(fields)) {
    if (!values.has(name)) continue;
    const [outer, inner] = path.split(".");
    given[outer] = inner === undefined ? values.get(name) : { ...(given[outer] as object | undefined), [inner]: values.get(name) };
  }
  return given as InputOf<F>;
}

/** The options of a table as flags give them, the others at their defaults. */
export function optionsOf<O>(fields: Fields<O>, values: FlagValues): O {
  return checkFields(fields, givenFields(fields as FieldTable, values), "flags");
}

/** "ema.warmup" is ema-warmup, "clipX0" clip-x0. */
function kebab(name: string): string {
  return name.replaceAll(".", "-").replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase();
}
