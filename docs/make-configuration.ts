/**
 * Writes the tables of configuration.md from the tables of fields, between the page's markers:
 *
 *     npm run config:table
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { namedFields, type FieldTable } from "../packages/diffusion/src/config/fields.js";
import { flagsOf } from "../packages/diffusion/src/config/flags.js";
import { samplers } from "../packages/diffusion/src/samplers/index.js";
import { trainFields } from "../packages/diffusion/src/train/config.js";

/** The page with its tables as they should be. Throws where it has no markers for one. */
export function withTables(page: string): string {
  const tables = samplers.map(({ name, summary, fields }) => `\`--sampler ${name}\`, ${summary}\n\n${table(fields, [])}`);
  return between(between(page, "fields", table(trainFields, ["resume"])), "samplers", tables.join("\n\n"));
}

function between(page: string, name: string, contents: string): string {
  const markers = new RegExp(`(<!-- ${name}: written by npm run config:table -->\n)[\\s\\S]*?(<!-- end of ${name} -->)`);
  if (!markers.test(page)) throw new Error(`the page has no markers for ${name}`);
  return page.replace(markers, (_, start, end) => `${start}${contents}\n${end}`);
}

/** One row a field; with "resume" a column that says whether a resumed run may change it. */
function table(fields: FieldTable, extra: readonly "resume"[]): string {
  const flags = new Map(flagsOf(fields).map(({ name, path }) => [path, `\`--${name}\``]));
  const rows = namedFields(fields).map(({ name, field: { kind, default: preset, shown, help, resume } }) => [
    `\`${name}\``, flags.get(name) ?? "", name === "model" ? "a small U-Net" : value(preset, shown), kind.allowed,
    ...extra.map(() => (resume === true ? "yes" : "")), help,
  ]);
  const head = ["field", "flag", "default", "allowed", ...extra.map(() => "resumed runs may change it"), "what it is"];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function value(preset: unknown, shown: string | undefined): string {
  return shown ?? `\`${typeof preset === "string" ? preset : JSON.stringify(preset)}\``;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = fileURLToPath(new URL("configuration.md", import.meta.url));
  writeFileSync(path, withTables(readFileSync(path, "utf8")));
}
