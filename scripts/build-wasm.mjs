/**
 * Builds the WebAssembly kernels (packages/tensor/src/backends/wasm/assembly):
 *  1. generates what follows from lists elsewhere, into assembly/generated: the operations' codes and dispatch, the tiles, exports;
 *  2. generates their typed bindings, generated/bindings.ts;
 *  3. compiles three modules and writes each as a TypeScript module with the bytes in base64, so that Node, browsers and bundlers
 *     load them alike.
 * Nothing is done when the outputs are newer than every source.
 *
 * The modules import `env.memory` as shared. A host without SharedArrayBuffer clears the "shared" bit of that import, the byte at
 * `sharedFlagOffset` (3 = shared with a maximum, 1 = unshared with a maximum): the code is the same.
 */
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { bindingSources } from "./wasm/bindings.mjs";
import { compile, variantNames } from "./wasm/compile.mjs";
import { codesSource, lanesSource, rowsSource } from "./wasm/operations.mjs";
import { parseAssembly, stringList } from "./wasm/parse.mjs";
import { tileNames, tilesSource } from "./wasm/tiles.mjs";

const scripts = dirname(fileURLToPath(import.meta.url));
const root = dirname(scripts);
const tensor = join(root, "packages/tensor/src");
const wasm = join(tensor, "backends/wasm");
const assembly = join(wasm, "assembly");

const modified = async (path) => (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;

/** Files with this ending below a folder, as paths from it with `/`. */
async function filesBelow(folder, ending) {
  const files = await readdir(folder, { recursive: true });
  return files.filter((file) => file.endsWith(ending)).map((file) => file.replaceAll(sep, "/")).sort();
}

/** Writes a file whole or not at all: another process may be reading it. */
async function write(path, text) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}

/** What a list of operations is called where, and the kernels' definitions that hold it. */
const lists = {
  unary: ["elementwise.ts", "unaryOps"], binary: ["elementwise.ts", "binaryOps"], reduce: ["reduce.ts", "reduceOps"],
};

/** Reads the lists of operations from the kernels' definitions. */
async function readOperations() {
  const entries = Object.entries(lists).map(async ([kind, [file, name]]) => {
    const path = join(tensor, "kernels", file);
    return [kind, stringList(path, await readFile(path, "utf8"), name)];
  });
  return Object.fromEntries(await Promise.all(entries));
}

const handWritten = (await filesBelow(assembly, ".ts")).filter((file) => !file.startsWith("generated/") && !file.endsWith(".d.ts"));

/** Steps 1 and 2. */
async function generate() {
  const parsed = new Map(await Promise.all(handWritten.map(async (file) =>
    [file, parseAssembly(file, await readFile(join(assembly, file), "utf8"))])));
  const namesIn = (file) => new Set(parsed.get(file).functions.map(({ name }) => name));
  const rowFunctions = namesIn("elementwise/operations.ts");
  const operations = await readOperations();
  const files = [...parsed.values()];
  const { bindings, exportsText } = bindingSources(
    files.flatMap(({ classes }) => classes), files.flatMap(({ functions }) => functions), tileNames);
  const generated = join(assembly, "generated");
  await write(join(generated, "codes.ts"), codesSource(operations));
  await write(join(generated, "lanes.ts"), lanesSource(operations, rowFunctions));
  await write(join(generated, "rows.ts"), rowsSource(operations, rowFunctions));
  await write(join(generated, "tiles.ts"), tilesSource());
  await write(join(generated, "exports.ts"), exportsText);
  await write(join(wasm, "generated/bindings.ts"), bindings);
}

/** Step 3. */
async function compileAll() {
  const { default: asc } = await import("assemblyscript/asc");
  for (const name of variantNames) {
    const path = join(wasm, "generated", `${name}.ts`);
    const { text, bytes } = await compile(asc, assembly, name);
    await write(path, text);
    console.log(`${relative(root, path)}: ${bytes} bytes of WebAssembly`);
  }
}

const inputs = [
  fileURLToPath(import.meta.url), ...(await filesBelow(join(scripts, "wasm"), ".mjs")).map((file) => join(scripts, "wasm", file)),
  ...handWritten.map((file) => join(assembly, file)), join(assembly, "constants.d.ts"),
  ...Object.values(lists).map(([file]) => join(tensor, "kernels", file)),
];
const outputs = ["bindings", ...variantNames].map((name) => join(wasm, "generated", `${name}.ts`));
const [sourceTimes, outputTimes] = await Promise.all([inputs, outputs].map((paths) => Promise.all(paths.map(modified))));
if (Math.max(...sourceTimes) >= Math.min(...outputTimes)) {
  await generate();
  await compileAll();
}
