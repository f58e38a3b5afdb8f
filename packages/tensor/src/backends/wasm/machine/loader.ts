/**
 * The three builds of the kernels, and how they are compiled:
 *  - base: SIMD of the WebAssembly 1.0 era; the same bits on every machine;
 *  - relaxed: multiply-adds that are fused where the machine can; last bits differ between machines;
 *  - revectorized: relaxed, with wider tiles for V8's revectorizer, which joins pairs of 128-bit operations; the bits of relaxed.
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

export const builds = { base, relaxed, revectorized };

/** Flags of V8 that a build may need: they are code in its test phase, used only where it was checked (check/verdict.ts). */
export type Experiment = "experimental-wasm-relaxed-simd" | "experimental-wasm-revectorize";

/** The bytes of a build; they import a shared memory unless the flag of that import is cleared. */
function bytesOf(variant: Variant, shared: boolean): Uint8Array {
  const { base64, sharedFlagOffset } = builds[variant];
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  if (!shared) bytes[sharedFlagOffset] = 1;
  return bytes;
}

/** Whether the engine knows relaxed SIMD without being told. Throws DeviceError where it has no SIMD at all. */
export function hasRelaxedSimd(): boolean {
  if ((webAssembly as unknown) === undefined) {
    throw new DeviceError("wasm: this JavaScript engine has no WebAssembly", ["hint     the device reference needs none", "perhaps  node runs with --jitless"]);
  }
  if (!webAssembly.validate(bytesOf("base", false))) {
    throw new DeviceError("wasm: this JavaScript engine has no WebAssembly SIMD", ["needed   Node 20 or a browser of 2023"]);
  }
  return webAssembly.validate(bytesOf("relaxed", false));
}

/** Compiles a build as any module is: functions when they are first called, and again by the optimising compiler when they are busy. */
export function loadModule(variant: Variant, shared: boolean): Promise<WasmModule> {
  return webAssembly.compile(bytesOf(variant, shared));
}

/**
 * Compiles all functions of a build by the optimising compiler at once (a tenth of a second), with a flag of the engine that is
 * cleared again afterwards: no other module of the process is compiled so, and what was checked is what runs. It does not wait for
 * threads of the engine by a promise, which keeps no program alive. Throws DeviceError where code cannot set flags, or the engine has
 * not what the flag is for.
 */
export function loadOptimised(variant: Variant, shared: boolean, experiment?: Experiment): WasmModule {
  const flags = ["no-liftoff", "no-wasm-lazy-compilation", ...(experiment === undefined ? [] : [experiment])];
  const set = (flag: string): boolean => platform.setEngineFlag(`--${flag}`);
  try {
    if (!flags.map(set).every(Boolean)) throw new DeviceError("wasm: revectorize is a flag of Node's engine, which a page cannot set");
    const bytes = bytesOf(variant, shared);
    if (!webAssembly.validate(bytes)) throw new DeviceError(`wasm: this engine has no ${variantNames[variant]}`, ["needed   Node 24 or later"]);
    return new webAssembly.Module(bytes);
  } finally {
    for (const flag of flags) set(flag.startsWith("no-") ? flag.slice("no-".length) : `no-${flag}`);
  }
}
