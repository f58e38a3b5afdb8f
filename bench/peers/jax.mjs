/** jax-js in Node, backend wasm. */
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { openOn } from "./jax-benches.mjs";

const require = createRequire(import.meta.url);

export async function open(context) {
  const entry = require.resolve("@jax-js/jax");
  const { version } = JSON.parse(readFileSync(entry.slice(0, entry.lastIndexOf("dist")) + "package.json", "utf8"));
  return openOn(await import("@jax-js/jax"), version, context);
}
