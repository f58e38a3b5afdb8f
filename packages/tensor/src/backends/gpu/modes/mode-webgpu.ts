/** Mode `webgpu`, in browsers and, through the npm package `webgpu`, in Node: an array is a storage buffer. */
import { DeviceError } from "../../../core/errors.js";
import { poolBuffers, type BufferSource, type PooledBuffer } from "../engine/buffer-pool.js";
import type { GpuHandle, GpuInstance, GpuJs, GpuKernel } from "../engine/gpu-js.js";
import { gpuSize, SETTINGS, threads } from "./mode-arrays.js";
import type { Mode } from "./mode.js";
import type { WebGpuSource } from "./node-webgpu.js";
import { describeRenderer } from "../engine/renderer.js";

interface Adapter {
  readonly info?: { readonly vendor?: string; readonly architecture?: string; readonly device?: string; readonly description?: string };
  readonly isFallbackAdapter?: boolean;
}
interface GpuDevice extends BufferSource {
  readonly limits: { readonly maxStorageBufferBindingSize: number; readonly maxBufferSize: number; readonly maxComputeWorkgroupsPerDimension: number };
  readonly queue: { onSubmittedWorkDone(): Promise<void> };
  onuncapturederror: ((event: { readonly error: { readonly message: string } }) => void) | null;
}
/** gpu.js counts the handles of a buffer in `_refs`. */
interface BufferHandle extends GpuHandle { readonly componentCount: number; readonly buffer: PooledBuffer & { _refs: number } }

/** Opens the mode; `onError` hears of failures that WebGPU reports outside of any call. Throws DeviceError without an adapter. */
export async function openWebGpuMode(
  gpuJs: GpuJs, gpu: GpuInstance, { lend, remark }: WebGpuSource, onError: (error: Error) => void,
): Promise<Mode<BufferHandle>> {
  const { adapter, device } = await lend(() => gpuJs.WebGPUContext.acquire()) as { adapter: Adapter; device: GpuDevice };
  const { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension } = device.limits;
  const live = poolBuffers(device);
  device.onuncapturederror = ({ error }) => onError(new DeviceError("webgpu: the GPU refused a command", error.message.split("\n").slice(0, 4)));
  return {
    name: "webgpu",
    description: `gpu.js webgpu on ${rendererName(adapter)}${remark}`,
    indexing: "linear",
    limits: {
      elements: Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / 4),
      side: maxComputeWorkgroupsPerDimension * 8, // workgroups are 8 x 8
      inputs: 7, // 8 storage buffers with the output
    },
    dynamic: true,
    lanes: 4,
    createKernel: (javascript, output) =>
      gpu.createKernel(javascript, { ...SETTINGS, output: threads(output), dynamicOutput: true, dynamicArguments: true }),
    hostArgument: (values) => new gpuJs.Input(values, [values.length]),
    argument: (handle, space) => Object.assign(Object.create(handle) as object, { type: handle.type, output: gpuSize(space) }),
    async run(kernel: GpuKernel, args, output, lanes) {
      const [cols, ...rows] = threads(output);
      kernel.setOutput([cols / lanes, ...rows]);
      const handle = await (kernel(...args) as Promise<BufferHandle>);
      if (handle.componentCount > 1) Object.assign(handle, { componentCount: 1, output: gpuSize(output) });
      letGo(kernel, handle);
      return handle;
    },
    read(handle, n) {
      const seen = Object.assign(Object.create(handle) as BufferHandle, { output: [n] });
      return seen.toArray() as unknown as Promise<Float32Array>;
    },
    free: (handle) => handle.delete(),
    sync: () => device.queue.onSubmittedWorkDone(),
    live,
    dispose: () => gpu.destroy(),
  };
}

/** gpu.js keeps the last result of every kernel until its next call; here a result belongs to its array alone. */
function letGo({ kernel }: GpuKernel, { buffer }: BufferHandle): void {
  if (kernel.outputBuffer !== buffer) return;
  kernel.outputBuffer = null;
  buffer._refs--;
}

function rendererName({ info = {}, isFallbackAdapter = false }: Adapter): string {
  const { vendor, architecture, device, description } = info;
  return describeRenderer([vendor, architecture, device, description].filter(Boolean).join(" ") || "an adapter without a name", isFallbackAdapter);
}
