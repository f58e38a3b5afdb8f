import type { GpuMode } from "./backends/gpu/index.js";
import type { WasmOptions } from "./backends/wasm/index.js";
import { Device } from "./core/device.js";
import { ConfigError } from "./core/errors.js";
import { attachDebug } from "./observers/debug.js";

/** Options of each device. */
export interface DeviceOptions {
  reference: Record<never, never>;
  wasm: WasmOptions;
  gpu: { mode?: GpuMode };
}

/** "reference", "wasm" or "gpu". */
export type DeviceName = keyof DeviceOptions;

/** Names of the devices `openDevice` knows. */
export const deviceNames = ["reference", "wasm", "gpu"] as const satisfies readonly DeviceName[];

/** A device string of the command line and the benches, taken apart. */
export type DeviceSpec = { [N in DeviceName]: { name: N; options: DeviceOptions[N] } }[DeviceName];

/** Reads one option of a device string into `options`; false when there is no such option. */
type ReadOption<N extends DeviceName> = (option: string, options: DeviceOptions[N]) => boolean;

const readOption: { readonly [N in DeviceName]: { allowed: string; read: ReadOption<N> } } = {
  reference: { allowed: "none", read: () => false },
  wasm: {
    allowed: "fast, exact, deterministic, revectorize, revectorize=auto, threads=<count>",
    read(option, options) {
      if (option === "fast" || option === "exact") options.precision = option;
      else if (option === "deterministic" || option === "revectorize") options[option] = true;
      else if (option === "revectorize=auto") options.revectorize = "auto";
      else if (/^threads=[1-9]\d*$/.test(option)) options.threads = Number(option.slice("threads=".length));
      else return false;
      return true;
    },
  },
  gpu: {
    allowed: "auto, webgpu, webgl2, headlessgl, webasm, cpu",
    read(option, options) {
      if (!/^(auto|webgpu|webgl2|headlessgl|webasm|cpu)$/.test(option)) return false;
      options.mode = option as GpuMode;
      return true;
    },
  },
};

function isDeviceName(name: string): name is DeviceName {
  return (deviceNames as readonly string[]).includes(name);
}

/**
 * Reads `name[:option[,option]]`, the form in which commands and benches name a device: "reference", "wasm:threads=1,exact",
 * "gpu:webgpu".
 * Throws ConfigError for an unknown name or option.
 */
export function parseDevice(spec: string): DeviceSpec {
  const colon = spec.indexOf(":");
  const name = colon < 0 ? spec : spec.slice(0, colon);
  if (!isDeviceName(name)) throw new ConfigError(`device "${spec}" is unknown`, [`allowed  ${deviceNames.join(", ")}`]);
  const { allowed, read } = readOption[name] as { allowed: string; read: ReadOption<DeviceName> };
  const options: DeviceOptions["wasm"] & DeviceOptions["gpu"] = {};
  for (const option of colon < 0 ? [] : spec.slice(colon + 1).split(",")) {
    if (read(option, options)) continue;
    throw new ConfigError(`device "${spec}": the ${name} device has no option "${option}"`, [`allowed  ${allowed}`]);
  }
  return { name, options };
}

/** What `openDevice` may be told beside a string: the options of the device that it names, of wasm where only the run knows which it is. */
export type OptionsOfSpec<S extends string> = (S extends `${infer Name}:${string}` ? Name : S) extends infer Name
  ? Name extends DeviceName ? DeviceOptions[Name] : DeviceOptions["wasm"] : never;

/**
 * Opens the device that a string `name[:option[,option]]` names, as commands and benches write it:
 *  - `reference`: plain TypeScript loops in f32 and f64, the specification every other device is tested against;
 *  - `wasm`: SIMD WebAssembly in f32, on several threads: "wasm", "wasm:threads=4", "wasm:exact", "wasm:deterministic",
 *    "wasm:revectorize=auto";
 *  - `gpu`: kernels through gpu.js in f32: "gpu:webgpu", "gpu:webgl2", "gpu:headlessgl", gpu.js's CPU modes "gpu:webasm" and "gpu:cpu", and
 *    "gpu:auto" or "gpu", the first of webgpu, webgl2 and headlessgl that is there. It needs the package gpu.js, in Node for webgpu `webgpu` too.
 * `options` are the same as an object, `openDevice("wasm", { threads: 4, precision: "exact" })`; what the string says goes before them.
 * There is no fallback: a device that is not there is a DeviceError. Throws ConfigError as parseDevice.
 */
export async function openDevice<S extends string>(spec: S, options?: OptionsOfSpec<S>): Promise<Device> {
  const { name, options: said } = parseDevice(spec);
  const device = await openNamed({ name, options: { ...options, ...said } } as DeviceSpec);
  await attachDebug(device);
  return device;
}

async function openNamed({ name, options }: DeviceSpec): Promise<Device> {
  switch (name) {
    case "reference": {
      const { openReference } = await import("./backends/reference/index.js");
      return Device.over(name, openReference());
    }
    case "wasm": {
      const { openWasm } = await import("./backends/wasm/index.js");
      return Device.over(name, await openWasm(options));
    }
    case "gpu": {
      const { openGpu } = await import("./backends/gpu/index.js");
      return Device.over(name, await openGpu(options.mode));
    }
  }
}
