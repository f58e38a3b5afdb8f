/** TensorFlow.js in Node, backends wasm and cpu. */
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { openOn } from "./tfjs-benches.mjs";

const require = createRequire(import.meta.url);

export function open(context) {
  const tf = require("@tensorflow/tfjs");
  if (context.backend === "wasm") {
    const wasm = require("@tensorflow/tfjs-backend-wasm");
    wasm.setWasmPaths(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")) + sep + join("dist", sep));
  }
  return openOn(tf, context);
}
