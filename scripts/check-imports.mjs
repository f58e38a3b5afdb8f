/**
 * Imports run one way: diffusion -> nn -> tensor; inside tensor, ops -> device -> kernels, and a backend never imports ops.
 * nn and diffusion never name a backend. TypeScript's project references do not stop any of this, so this script does.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** Folder of the importing file, what it must not import, and why. */
const rules = [
  { from: "packages/tensor/src", forbidden: /^@fromnoise\//, why: "tensor depends on no other package" },
  { from: "packages/nn/src", forbidden: /^@fromnoise\/(diffusion|nn)/, why: "nn depends on tensor alone" },
  { from: "packages/diffusion/src", forbidden: /^@fromnoise\/diffusion/, why: "a package does not import itself by name" },
  { from: "packages/tensor/src/backends", forbidden: /^packages\/tensor\/src\/(ops\/|core\/(tensor|device)\.|open-device\.)/, why: "a backend knows kernels, not ops or tensors" },
  { from: "packages/tensor/src/ops", forbidden: /^packages\/tensor\/src\/backends\//, why: "ops name no backend" },
  { from: "packages/nn/src", forbidden: /backends\//, why: "nn names no backend" },
  { from: "packages/diffusion/src", forbidden: /backends\//, why: "diffusion names no backend" },
];

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== "assembly" && entry.name !== "generated") yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

const problems = [];
let files = 0;
for (const pkg of ["tensor", "nn", "diffusion"]) {
  const manifest = JSON.parse(readFileSync(join(root, "packages", pkg, "package.json"), "utf8"));
  const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies }));
  for (const file of sources(join(root, "packages", pkg, "src"))) {
    files++;
    const here = relative(root, file);
    for (const { fileName: specifier } of ts.preProcessFile(readFileSync(file, "utf8")).importedFiles) {
      const target = specifier.startsWith(".") ? relative(root, resolve(dirname(file), specifier)) : specifier;
      for (const { from, forbidden, why } of rules) {
        if (here.startsWith(`${from}/`) && forbidden.test(target)) problems.push(`${here} imports ${specifier}: ${why}`);
      }
      const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
      if (!/^(\.|#|node:)/.test(specifier) && !declared.has(name)) problems.push(`${here} imports ${specifier}, which ${pkg}/package.json does not declare`);
    }
  }
}
for (const problem of problems) console.error(problem);
console.log(`imports: ${files} files, ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
