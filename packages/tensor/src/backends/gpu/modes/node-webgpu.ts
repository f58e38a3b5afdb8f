/**
 * Where gpu.js finds WebGPU. It looks at `navigator.gpu` and nowhere else, when a GPU object is made and when the device is asked
 * for. Browsers have it there. In Node the optional package `webgpu` makes one, which is lent to gpu.js for those two calls and is
 * never seen by the rest of the process.
 *
 * One thing cannot be private: gpu.js keeps one device for all its instances. Whoever else uses gpu.js in this process in mode
 * webgpu computes on this device, hence without bounds checks; the description of the device says so.
 */
import { DeviceError } from "../../../core/errors.js";

/** WebGPU for gpu.js. */
export interface WebGpuSource {
  /** Calls fn while gpu.js can see it. */
  lend<T>(fn: () => T): T;
  /** What people should know of it. */
  readonly remark: string;
}

/** Nothing to lend: gpu.js sees what all see. */
export const AS_IT_IS: WebGpuSource = { lend: (fn) => fn(), remark: "" };

/** Without its own bounds checks Dawn is up to three times as fast; the kernels here read nothing outside of their arrays. */
const DAWN_OPTIONS = ["enable-dawn-features=disable_robustness"];

let dawn: unknown; // made once

/** The `navigator.gpu` that is there, untouched, or else, in Node, one of our own. Throws DeviceError without the package. */
export async function findWebGpu(): Promise<WebGpuSource> {
  const world = globalThis as { navigator?: { gpu?: unknown }; process?: { versions?: { node?: string } } };
  if (world.navigator?.gpu !== undefined || world.process?.versions?.node === undefined) return AS_IT_IS;
  dawn ??= await createDawn();
  return {
    lend: (fn) => withNavigator({ gpu: dawn }, fn),
    remark: ", without bounds checks for all that use gpu.js in this process",
  };
}

async function createDawn(): Promise<unknown> {
  const name = "webgpu"; // a variable keeps bundlers from following the import
  try {
    const { create } = await import(/* @vite-ignore */ name) as { create(options: string[]): unknown };
    return create(DAWN_OPTIONS);
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    throw new DeviceError("gpu: mode webgpu is not there", [`the package webgpu cannot be loaded: ${reason}`, "install  npm install webgpu"]);
  }
}

/** Calls fn with another global navigator, and puts back what was there. */
export function withNavigator<T>(navigator: object, fn: () => T): T {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  try {
    return fn();
  } finally {
    if (before === undefined) delete (globalThis as { navigator?: unknown }).navigator;
    else Object.defineProperty(globalThis, "navigator", before);
  }
}
