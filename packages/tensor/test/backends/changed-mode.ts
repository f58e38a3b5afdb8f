/** A mode that runs everywhere, changed into what the modes of GPUs are. */
import { Engine } from "../../src/backends/gpu/engine/engine.js";
import { functions } from "../../src/backends/gpu/notation/functions.js";
import { loadGpuJs, type GpuKernel } from "../../src/backends/gpu/engine/gpu-js.js";
import { openArrayMode } from "../../src/backends/gpu/modes/mode-arrays.js";
import type { Mode } from "../../src/backends/gpu/modes/mode.js";

export type Arrays = Mode<Float32Array>;

/** An engine in mode webasm, its mode changed; the class expected to run is that of gpu.js unless given. */
export async function openChanged(change: (mode: Arrays) => Arrays, kernelClass?: unknown): Promise<Engine> {
  const gpuJs = await loadGpuJs();
  const gpu = new gpuJs.GPU({ mode: "webasm" });
  for (const text of functions) gpu.addFunction(text);
  return new Engine(change(openArrayMode(gpuJs, gpu, "webasm")) as Mode<unknown>, kernelClass ?? gpuJs.WebAssemblyKernel);
}

/** The mode as if the GPU answered later: every launch and every read is a promise. */
export const later = (mode: Arrays): Arrays => ({
  ...mode,
  run: async (...args) => {
    await Promise.resolve();
    return mode.run(...args);
  },
  read: async (...args) => mode.read(...args),
});

/** The mode as if a kernel served arrays of every size: behind a dynamic kernel stands one for each combination of them. */
export function dynamic(mode: Arrays): Arrays {
  const sources = new Map<GpuKernel, string>();
  const kernels = new Map<string, GpuKernel>();
  return {
    ...mode, dynamic: true,
    createKernel(source, output, isDynamic) {
      const kernel = mode.createKernel(source, output, false);
      if (isDynamic) sources.set(kernel, source);
      return kernel;
    },
    run(kernel, args, output, lanes) {
      const source = sources.get(kernel);
      if (source === undefined) return mode.run(kernel, args, output, lanes);
      const key = JSON.stringify([source, output, args.map((arg) => (arg as { size?: unknown }).size)]);
      const fitting = kernels.get(key) ?? mode.createKernel(source, output, false);
      kernels.set(key, fitting);
      return mode.run(fitting, args, output, lanes);
    },
  };
}
