/**
 * Draws who imports whom, room by room, into docs/architecture.md between its markers: `npm run imports:graph`. With --check it writes
 * nothing and fails where the page shows another graph.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const page = join(root, "docs/architecture.md");

/** What becomes one box: the rooms of tensor and the backends, the other packages, the tools. */
const rooms = "^packages/tensor/src/(backends/[^/]+|[^/]+)|^packages/(nn|diffusion)|^(bench|docs/site/figures)";
const args = [
  join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"), "--config", "dependency-cruiser.config.mjs",
  "--output-type", "mermaid", "--collapse", rooms, "--include-only", "^(packages/[^/]+|bench)/src/|^docs/site/figures/",
  "packages/tensor/src", "packages/nn/src", "packages/diffusion/src", "bench/src", "docs/site/figures",
];
const graph = execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" }).trim();

const before = readFileSync(page, "utf8");
const markers = /(<!-- imports: drawn by npm run imports:graph -->\n)[\s\S]*?(<!-- end of imports -->)/;
if (!markers.test(before)) throw new Error(`${page} has no markers for the graph`);
const after = before.replace(markers, (_, start, end) => `${start}\`\`\`mermaid\n${graph}\n\`\`\`\n${end}`);
if (!process.argv.includes("--check")) writeFileSync(page, after);
else if (after !== before) {
  console.error("docs/architecture.md shows another graph of imports than there is: npm run imports:graph draws it again");
  process.exitCode = 1;
}
