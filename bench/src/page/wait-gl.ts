/**
 * Waiting for WebGL in a page. Chromium's gl.finish() only flushes; a fence tells when the GPU is done. Ours and the peers are waited
 * for in this same way.
 */
import type { Device } from "@fromnoise/tensor";

const contexts = new Set<WebGL2RenderingContext>();

/** Remembers from now on every WebGL 2 context that a canvas gives out. */
export function watchGl(): void {
  for (const { prototype } of [HTMLCanvasElement, OffscreenCanvas]) {
    const canvas = prototype as { getContext(...args: unknown[]): unknown };
    const { getContext } = canvas;
    canvas.getContext = function (...args) {
      const context = getContext.apply(this, args);
      if (context instanceof WebGL2RenderingContext) contexts.add(context);
      return context;
    };
  }
}

/** Resolves when all that was sent to WebGL is done. */
export async function waitForGl(): Promise<void> {
  for (const gl of contexts) {
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0)!;
    gl.flush();
    while (gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) await nextTask();
    gl.deleteSync(fence);
  }
}

/** The device, its `sync` waiting for fences too. */
export function waitedByFences(device: Device): Device {
  const sync = device.sync.bind(device);
  device.sync = async () => {
    await sync();
    await waitForGl();
  };
  return device;
}

/** The state of a fence changes between tasks; a message makes one at once, where a timer waits 4 ms. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
