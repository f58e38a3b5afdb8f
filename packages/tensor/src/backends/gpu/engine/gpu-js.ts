/** The part of gpu.js 2.24 that this backend uses, and what its typings leave out. */
import { DeviceError } from "../../../core/errors.js";

/** A result that stays with gpu.js: a buffer on webgpu, a texture on GL. */
export interface GpuHandle {
  output: number[];
  type: string;
  delete(): void;
  toArray(): unknown;
}

/** A kernel object: called like a function, with `kernel` behind it. */
export interface GpuKernel {
  (...args: unknown[]): unknown;
  setOutput(output: readonly number[]): unknown;
  readonly kernel: {
    readonly constructor: unknown; readonly fallbackReason?: string | null; readonly dynamicOutput: boolean;
    outputBuffer?: unknown; texture?: GpuHandle | null; context?: unknown;
  };
}

export interface GpuInstance {
  readonly context: unknown;
  createKernel(source: string, settings: Readonly<Record<string, unknown>>): GpuKernel;
  addFunction(source: string): unknown;
  destroy(): Promise<void>;
}

/** The module itself. */
export interface GpuJs {
  readonly GPU: new (settings: { mode: string }) => GpuInstance;
  readonly Input: new (values: Float32Array, size: readonly number[]) => { readonly value: Float32Array };
  readonly CPUKernel: unknown;
  readonly WebAssemblyKernel: unknown;
  readonly WebGL2Kernel: unknown;
  readonly HeadlessGLKernel: unknown;
  readonly WebGPUKernel: unknown;
  readonly WebGPUContext: { acquire(): Promise<{ adapter: unknown; device: unknown }> };
}

/**
 * Loads gpu.js, a CommonJS module; bundlers and Node put its exports in different places. It is an optional peer: who computes on CPUs
 * need not install it. The literal import is one that bundlers follow where it is installed and pass over where it is not, since a
 * failure is caught. Throws DeviceError without it, with the line that installs it.
 */
export async function loadGpuJs(): Promise<GpuJs> {
  const loaded = await import("gpu.js").catch((error: unknown) => {
    throw new DeviceError("gpu: the package gpu.js is not there", [
      `reason   ${(error as Error).message.split("\n")[0]}`, "install  npm install gpu.js",
      "hint     Node's webgpu needs the package webgpu beside it",
    ]);
  }) as unknown as Partial<GpuJs> & { default?: Partial<GpuJs> };
  const module = loaded.default ?? loaded;
  if (module.GPU === undefined) {                                           // what a bundler leaves in place of a package that it did not find
    throw new DeviceError("gpu: the package gpu.js is not in this bundle", ["install  npm install gpu.js, and bundle again"]);
  }
  return module as GpuJs;
}
