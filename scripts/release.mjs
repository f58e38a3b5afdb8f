/**
 * Publishes the packages of this repository, and the package `fromnoise` beside them, which is their command by its own name:
 *
 *     npm run release -- --dry [--out DIR]    packs all of it into DIR (release/), says what would go out, and publishes nothing
 *     npx lerna version                       chooses the next version, writes it everywhere and tags it
 *     npm run release                         publishes what the registry does not have yet
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { dry = false, out } = flags();

/** The flags; another one ends it here, before anything is packed. */
function flags() {
  try {
    return parseArgs({ options: { dry: { type: "boolean" }, out: { type: "string" } } }).values;
  } catch (error) {
    console.error(`${error.message}\n  usage    npm run release -- [--dry] [--out DIR]`);
    process.exit(2);
  }
}

const target = resolve(out ?? join(root, "release"));
const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const run = (command, args, cwd = root) => execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 });

const packages = ["tensor", "nn", "diffusion"].map((name) => join(root, "packages", name));
const { version } = JSON.parse(readFileSync(join(root, "lerna.json"), "utf8"));
for (const folder of packages) {
  const { name, version: own } = manifestOf(folder);
  if (own !== version) throw new Error(`${name} has version ${own}, lerna.json ${version}`);
}

/** The package whose name is the command's: `npx fromnoise` finds it outside of a checkout too. */
function makeAlias(folder) {
  const { keywords, license, author, homepage, repository: { directory: _, ...repository }, bugs, engines } = manifestOf(packages[2]);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({
    name: "fromnoise", version, description: "The command of @fromnoise/diffusion: denoising diffusion from scratch in TypeScript.", keywords,
    license, author, homepage, repository, bugs, type: "module", engines, bin: { fromnoise: "bin/fromnoise.js" }, files: ["bin"],
    dependencies: { "@fromnoise/diffusion": version }, publishConfig: { access: "public" },
  }, null, 2)}\n`);
  writeFileSync(join(folder, "bin/fromnoise.js"), '#!/usr/bin/env node\nimport "@fromnoise/diffusion/command";\n');
  writeFileSync(join(folder, "README.md"), [
    "# fromnoise", "", "The command of [@fromnoise/diffusion](https://www.npmjs.com/package/@fromnoise/diffusion), under its own name:", "", "```sh",
    "npx fromnoise sample --recipe faces", "npx fromnoise --help", "```", "", "To import the library, install `@fromnoise/diffusion`.", "",
  ].join("\n"));
  cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
}

run("npm", ["run", "build", "--silent"]);
mkdirSync(target, { recursive: true });
const alias = join(target, "fromnoise");
makeAlias(alias);
if (dry) {
  for (const folder of [...packages, alias]) {
    const [{ filename, files, unpackedSize }] = Object.values(JSON.parse(run("npm", ["pack", "--json", "--pack-destination", target, "--loglevel", "error"], folder)));
    const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
    console.log(`${filename.padEnd(34)} ${String(files.length).padStart(5)} files  ${megabytes(statSync(join(target, filename)).size).padStart(9)} packed  ${megabytes(unpackedSize).padStart(9)} unpacked`);
  }
  console.log(`nothing was published; the files are in ${target}`);
} else {
  execFileSync("npx", ["lerna", "publish", "from-package", "--yes"], { cwd: root, stdio: "inherit" });
  execFileSync("npm", ["publish"], { cwd: alias, stdio: "inherit" });
}
