/**
 * `npm test`: every file once, in one of as many processes as there are cores, the longest first; but for bench/test/timed, which measures
 * times and runs alone afterwards. Each process has one core: a device has one thread there unless a test says how many.
 * Files load as ES modules, as users load the packages: mocha's require (the flag in .mocharc.json turns it off) would have tsx make CommonJS of
 * them, where every use of an imported name is a call.
 */
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

process.env["FROMNOISE_THREADS"] ??= "1";

const FOLDERS = ["test", "packages/diffusion/test", "packages/nn/test", "packages/tensor/test", "docs/site/test", "bench/test"];
const ALONE = "bench/test/timed/";
const LONGEST = [
  "test/docs.test.ts", "packages/diffusion/test/process/trained.test.ts", "packages/diffusion/test/command/owner.test.ts",
  "packages/tensor/test/backends/gpu-conformance.test.ts", "packages/diffusion/test/doctor/diagnose.test.ts",
];
const all = FOLDERS.flatMap((folder) => readdirSync(folder, { recursive: true }).sort().map((name) => `${folder}/${name}`))
  .filter((path) => path.endsWith(".test.ts") && !path.startsWith(ALONE));

export default {
  ...JSON.parse(readFileSync(new URL(".mocharc.json", import.meta.url), "utf8")),
  ...(process.env["NODE_V8_COVERAGE"] === undefined ? {} : { require: ["./scripts/until-covered.mjs"] }),
  parallel: true,
  jobs: Math.min(8, Math.max(2, availableParallelism())),
  spec: [...new Set([...LONGEST, ...all])],
};
