/**
 * Runs the programs of the book's chapters and holds what they print against the pages:
 *
 *     npm run book [-- CHAPTER...]
 *
 * CHAPTER is a number, "10"; without one all chapters are run. Pictures are written into book-pictures/. Ends with 1 where a chapter printed
 * something else than its page says.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { openPage, runPage } from "./run-page.js";

const book = fileURLToPath(new URL("book", import.meta.url));
const all = readdirSync(book).filter((name) => /^\d+-.*\.md$/.test(name)).sort((a, b) => parseInt(a) - parseInt(b));
const wanted = process.argv.slice(2);
const unknown = wanted.find((number) => !all.some((name) => name.startsWith(`${number}-`)));
if (unknown !== undefined) {
  console.error(`no chapter ${unknown}\nallowed  ${all.map((name) => parseInt(name)).join(", ")}`);
  process.exit(2);
}
const chapters = all.filter((name) => wanted.length === 0 || wanted.some((number) => name.startsWith(`${number}-`)));
const pictures = resolve("book-pictures");
mkdirSync(pictures, { recursive: true });

let differing = 0;
for (const name of chapters) {
  const path = join("docs", "book", name), page = openPage(path);
  console.log(`\n${path}`);
  const outputs = await runPage(page, name, pictures);
  for (const [i, output] of outputs.entries()) {
    const { line, expected } = page.blocks[i];
    if (output !== "") console.log(`\n${output.replaceAll(/^/gm, "  ")}`);
    if (output === expected) continue;
    differing++;
    console.log(`\n  line ${line}: the page says\n${expected.replaceAll(/^/gm, "  ")}`);
  }
}
console.log(differing === 0 ? `\nAll as the pages say. Pictures are in ${pictures}` : `\n${differing} blocks printed something else than their pages say`);
process.exitCode = differing === 0 ? 0 : 1;
