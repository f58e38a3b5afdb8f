/** Which builds of the wasm device this Node runs, for tests that go over all of them. */
import { hasRelaxedSimd, variantNames } from "../../../src/backends/wasm/machine/loader.js";

const { arch, versions: { node } } = process;

/** The build that a device has unless it is asked for another: base on Node 20, relaxed later. */
export const usualBuild = variantNames[hasRelaxedSimd() ? "relaxed" : "base"];

/** Why the revectorized build is left out here: undefined where it is not. */
export const noRevectorizer = Number(node.split(".")[0]) >= 24 && arch === "x64" ? undefined
  : `not on Node ${node}, ${arch}: V8's revectorizer needs Node 24 on x64`;

/** Device strings of every build and precision, each with the build's name for the titles of tests. */
export const wasmDevices: readonly (readonly [spec: string, build: string])[] = [
  ["wasm", usualBuild], ["wasm:exact", usualBuild], ["wasm:deterministic", variantNames.base],
  noRevectorizer === undefined ? ["wasm:revectorize", variantNames.revectorized] : ["wasm:revectorize=auto", variantNames.relaxed],
];
