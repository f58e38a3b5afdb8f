/**
 * Makes what the pages show: runs their programs and keeps the pictures they write.
 *
 *     node --import tsx --conditions fromnoise-source docs/make-images.ts [--outputs] [PAGE.md...]
 *
 * Pages default to the chapters of the book. With --outputs the ```text blocks of the pages are rewritten too. The picture in README.md is
 * that of a demo: --demo FOLDER copies its denoising.png.
 */
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readPage, runPage, withOutputs } from "./run-page.js";

const docs = fileURLToPath(new URL(".", import.meta.url));
const { values, positionals } = parseArgs({ options: { outputs: { type: "boolean" }, demo: { type: "string" } }, allowPositionals: true });
const chapters = (): string[] => readdirSync(join(docs, "book")).filter((name) => name.endsWith(".md")).sort().map((name) => join(docs, "book", name));
const pages = positionals.length > 0 ? positionals : values.demo === undefined ? chapters() : [];

for (const path of pages) {
  const markdown = readFileSync(path, "utf8");
  const started = performance.now();
  const outputs = await runPage(readPage(markdown), basename(path), join(docs, "images"));
  if (values.outputs === true) writeFileSync(path, withOutputs(markdown, outputs));
  console.log(`${path}: ${outputs.length} blocks, ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
if (values.demo !== undefined) {
  copyFileSync(join(values.demo, "denoising.png"), join(docs, "images", "demo-denoising.png"));
}
