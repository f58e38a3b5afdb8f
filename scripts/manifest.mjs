/**
 * What `npm pack` and `npm publish` of a package do before and after (its scripts prepack and postpack):
 *
 *     node ../../scripts/manifest.mjs publish|restore
 *
 * `publish` puts LICENSE beside the package, for diffusion the bundled sheets and models too, and takes out of package.json what only this
 * repository needs: the export condition `fromnoise-source`, scripts and development dependencies. `restore` puts all of it back; it
 * comes first in `publish` too, so that a pack that was interrupted leaves nothing.
 */
import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE_CONDITION = "fromnoise-source";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = process.cwd();
const manifest = join(folder, "package.json"), kept = join(folder, "package.json.kept");
const copied = ["LICENSE", ...(basename(folder) === "diffusion" ? ["data"] : [])];

/** A value of "exports" or "imports" without the condition. */
function withoutSource(value) {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== SOURCE_CONDITION).map(([name, inner]) => [name, withoutSource(inner)]));
}

function restore() {
  if (existsSync(kept)) renameSync(kept, manifest);
  for (const name of copied) rmSync(join(folder, name), { recursive: true, force: true });
}

function publish() {
  restore();
  for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true });
  const text = readFileSync(manifest, "utf8");
  const { scripts: _scripts, devDependencies: _dev, exports, imports, ...rest } = JSON.parse(text);
  writeFileSync(kept, text);
  const published = { ...rest, exports: withoutSource(exports), ...(imports === undefined ? {} : { imports: withoutSource(imports) }) };
  writeFileSync(`${manifest}.new`, `${JSON.stringify(published, null, 2)}\n`);
  renameSync(`${manifest}.new`, manifest);
}

const steps = { publish, restore };
const step = steps[process.argv[2]];
if (step === undefined) throw new Error(`usage: node scripts/manifest.mjs ${Object.keys(steps).join("|")}, in the folder of a package`);
step();
