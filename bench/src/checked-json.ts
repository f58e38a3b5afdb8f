/** JSON files that are read back: what a schema of valibot allows, or an error that says what stands where. */
import { readFileSync } from "node:fs";
import { getDotPath, safeParse, type BaseIssue, type BaseSchema, type InferOutput } from "valibot";
import { ConfigError } from "@fromnoise/tensor";

type Schema = BaseSchema<unknown, unknown, BaseIssue<unknown>>;

/** A file's JSON. Throws ConfigError where it cannot be read, is no JSON, or is not what the schema allows; `what` is "a report". */
export function readChecked<S extends Schema>(file: string, what: string, schema: S): InferOutput<S> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ConfigError(`${file} cannot be read as ${what}`, [`reason   ${(error as Error).message}`]);
  }
  return checked(value, file, what, schema);
}

/** A value as the schema has it. Throws ConfigError naming the first place in it that is not as it is to be, what is there, and what is allowed. */
export function checked<S extends Schema>(value: unknown, from: string, what: string, schema: S): InferOutput<S> {
  const { success, output, issues } = safeParse(schema, value, { abortEarly: true });
  if (success) return output;
  const [issue] = issues, place = getDotPath(issue);
  // Of a key that is missing valibot expects the key's name.
  const allowed = issue.input === undefined ? "a value there" : issue.expected ?? issue.message;
  throw new ConfigError(`${from} is not ${what}`, [
    ...(place === null ? [] : [`where    ${place}`]), `got      ${shown(issue.input)}`, `allowed  ${allowed}`,
  ]);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
