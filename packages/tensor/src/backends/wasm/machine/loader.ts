/**
 * The three builds of the kernels, and which of them a device gets:
 *  - base: SIMD of the WebAssembly 1.0 era; the same bits on every machine;
 *  - relaxed: multiply-adds that are fused where the machine can; last bits differ between machines;
 *  - revectorized: relaxed, with wider tiles for V8's revectorizer, which joins pairs of 128-bit operations. It is V8's own code
 *    in its test phase: it is used on request only, after its results and its speed were checked here.
 */
import { platform } from "#platform";
import { DeviceError } from "../../../core/errors.js";
import * as base from "../generated/base.js";
import * as relaxed from "../generated/relaxed.js";
import * as revectorized from "../generated/revectorized.js";
import { webAssembly, type WasmModule } from "./host.js";

export type Variant = "base" | "relaxed" | "revectorized";

export const variantNames: Readonly<Record<Variant, string>> = {
  base: "base SIMD", relaxed: "relaxed SIMD", revectorized: "revectorized SIMD",
};

const builds = { base, relaxed, revectorized };

/** The bytes of a build; they import a shared memory unless the flag of that import is cleared. */
function bytesOf(variant: Variant, shared: boolean): Uint8Array {
  const { base64, sharedFlagOffset } = builds[variant];
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  if (!shared) bytes[sharedFlagOffset] = 1;
  return bytes;
}

/**
 * The build for a device: base where `deterministic`, else relaxed where the engine has it. Throws DeviceError where the engine
 * has no SIMD, or no relaxed SIMD for the revectorized build.
 */
export function chooseVariant(options: { deterministic: boolean; revectorize: boolean }): Variant {
  if ((webAssembly as unknown) === undefined) {
    throw new DeviceError("wasm: this JavaScript engine has no WebAssembly", ["hint     the device reference needs none", "perhaps  node runs with --jitless"]);
  }
  const has = (variant: Variant): boolean => webAssembly.validate(bytesOf(variant, false));
  if (!has("base")) {
    throw new DeviceError("wasm: this JavaScript engine has no WebAssembly SIMD", ["needed   Node 20 or a browser of 2023"]);
  }
  if (options.revectorize) {
    if (!has("revectorized")) throw new DeviceError("wasm: revectorize needs relaxed SIMD", ["needed   Node 24 or later"]);
    return "revectorized";
  }
  return !options.deterministic && has("relaxed") ? "relaxed" : "base";
}

/** Compiles a build. The revectorizer is a flag of V8 that must be set before: DeviceError where code cannot set it. */
export async function loadModule(variant: Variant, shared: boolean): Promise<WasmModule> {
  if (variant === "revectorized" && !platform.setEngineFlag("--experimental-wasm-revectorize")) {
    throw new DeviceError("wasm: revectorize is a flag of Node's engine, which a page cannot set");
  }
  return webAssembly.compile(bytesOf(variant, shared));
}
