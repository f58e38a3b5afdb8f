/**
 * Checks an exercise of the book:
 *
 *     npm run exercise [-- CHAPTER/NAME [--answer]]
 *
 * Without a name all exercises are listed. Ends with 1 where the check fails.
 */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Check } from "./check.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const { values: { answer = false }, positionals: [name] } = parseArgs({ options: { answer: { type: "boolean" } }, allowPositionals: true });
const folders = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
const all = folders(here).sort((a, b) => parseInt(a) - parseInt(b)).flatMap((chapter) => folders(here + chapter).map((task) => `${chapter}/${task}`));

if (name === undefined) {
  console.log(all.join("\n"));
} else if (!all.includes(name) || !existsSync(`${here}${name}/starter.ts`)) {
  console.error(`no exercise ${name}\nallowed  ${all.join(", ")}`);
  process.exitCode = 2;
} else {
  const [{ check }, solution] = await Promise.all([
    import(`./${name}/check.js`) as Promise<{ check: Check<unknown> }>, import(`./${name}/${answer ? "answer" : "starter"}.js`) as Promise<unknown>,
  ]);
  try {
    await check(solution);
    console.log(`${name}: passed`);
  } catch (error) {
    console.log(`${name}: not yet. ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
