/** Opening a mode of gpu.js, or the first that is there. */
import { DeviceError } from "../../../core/errors.js";
import { Engine } from "../engine/engine.js";
import { component, functions } from "../notation/functions.js";
import { loadGpuJs, type GpuInstance, type GpuJs } from "../engine/gpu-js.js";
import { openArrayMode } from "./mode-arrays.js";
import { openTextureMode } from "./mode-textures.js";
import { openWebGpuMode } from "./mode-webgpu.js";
import type { Mode, ModeName } from "./mode.js";
import { AS_IT_IS, findWebGpu, type WebGpuSource } from "./node-webgpu.js";

export type GpuMode = ModeName | "auto";
export const gpuModes: readonly GpuMode[] = ["auto", "webgpu", "webgl2", "headlessgl", "webasm", "cpu"];

/** What `auto` tries, in this order; it never chooses a CPU mode. */
const GPU_MODES = ["webgpu", "webgl2", "headlessgl"] as const;

export interface OpenedEngine { readonly engine: Engine; readonly description: string }

/** Opens a mode. Throws DeviceError when it is not there; for `auto` the error says of each mode why not. */
export async function openEngine(mode: GpuMode): Promise<OpenedEngine> {
  const gpuJs = await loadGpuJs();
  if (mode !== "auto") return openNamed(gpuJs, mode);
  const refusals: string[] = [];
  for (const name of GPU_MODES) {
    try {
      const { engine, description } = await openNamed(gpuJs, name);
      return { engine, description: [`${description}, chosen by auto`, ...refusals].join("; ") };
    } catch (error) {
      refusals.push(`${name} refused: ${(error as DeviceError).details[0] ?? (error as Error).message}`);
    }
  }
  throw new DeviceError("gpu: no mode that uses a GPU is there", refusals);
}

async function openNamed(gpuJs: GpuJs, name: ModeName): Promise<OpenedEngine> {
  const webGpu = name === "webgpu" ? await findWebGpu() : AS_IT_IS;
  let later: ((error: Error) => void) | undefined;
  try {
    const gpu = webGpu.lend(() => new gpuJs.GPU({ mode: name }));
    for (const source of functions) gpu.addFunction(source);
    if (name === "webgl2" || name === "headlessgl") gpu.addFunction(component);
    const mode = await openMode(gpuJs, gpu, name, webGpu, (error) => later?.(error));
    const engine = new Engine(mode, classOf(gpuJs, name));
    later = (error) => engine.queue.fail(error);
    return { engine, description: mode.description };
  } catch (error) {
    throw new DeviceError(`gpu: mode ${name} is not there`, [(error as Error).message.split("\n")[0], NEEDS[name]]);
  }
}

async function openMode(
  gpuJs: GpuJs, gpu: GpuInstance, name: ModeName, webGpu: WebGpuSource, onError: (error: Error) => void,
): Promise<Mode<unknown>> {
  switch (name) {
    case "webgpu": return await openWebGpuMode(gpuJs, gpu, webGpu, onError) as Mode<unknown>;
    case "webgl2": case "headlessgl": return openTextureMode(gpuJs, gpu, name) as Mode<unknown>;
    case "webasm": case "cpu": return openArrayMode(gpuJs, gpu, name) as Mode<unknown>;
  }
}

const NEEDS: Readonly<Record<ModeName, string>> = {
  webgpu: "needs    navigator.gpu with an adapter; in Node the package webgpu and a Vulkan driver",
  webgl2: "needs    a browser with WebGL 2",
  headlessgl: "needs    Node, the package gl, and a display (xvfb-run)",
  webasm: "needs    WebAssembly",
  cpu: "needs    nothing",
};

function classOf(gpuJs: GpuJs, name: ModeName): unknown {
  switch (name) {
    case "webgpu": return gpuJs.WebGPUKernel;
    case "webgl2": return gpuJs.WebGL2Kernel;
    case "headlessgl": return gpuJs.HeadlessGLKernel;
    case "webasm": return gpuJs.WebAssemblyKernel;
    case "cpu": return gpuJs.CPUKernel;
  }
}
