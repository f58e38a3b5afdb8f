/**
 * `npm test`: every file in one of as many processes as there are cores, the longest first; but for bench/test, which measures times.
 * Files load as ES modules, as users load the packages: mocha's require (the flag in .mocharc.json turns it off) would have tsx make CommonJS of
 * them, where every use of an imported name is a call.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

export default {
  ...JSON.parse(readFileSync(new URL(".mocharc.json", import.meta.url), "utf8")),
  parallel: true,
  jobs: Math.min(8, Math.max(2, availableParallelism())),
  spec: [
    "test/docs.test.ts", "packages/diffusion/test/process/trained.test.ts", "packages/diffusion/test/command/*.test.ts",
    "test/*.test.ts", "packages/*/test/**/*.test.ts", "docs/site/test/*.test.ts",
  ],
};
