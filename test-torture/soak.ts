/** Many steps of a tiny network: whether anything grows. */
import { Device } from "@fromnoise/tensor";
import { openWasm } from "../packages/tensor/src/backends/wasm/index.js";
import { tinyConfig, tinyDataset } from "../packages/diffusion/test/train/fixtures.js";
import { Trainer } from "../packages/diffusion/src/train/trainer.js";
import type { Tried } from "./report.js";

/** Live tensors, the WebAssembly memory and the resident size after a tenth of the steps, and at their end. */
export async function soak(steps: number): Promise<Tried> {
  const backend = await openWasm({ threads: 1 });
  const device = Device.over("wasm", backend);
  const trainer = new Trainer(tinyConfig({ data: "digits", batch: 1, device: "wasm:threads=1" }), device, tinyDataset);
  const look = (): { tensors: number; wasm: number; used: number; heap: number; resident: number } => {
    globalThis.gc?.();
    return { tensors: device.memory().tensors, wasm: backend.memory().bytes, used: backend.memory().used, heap: process.memoryUsage().heapUsed, resident: process.memoryUsage().rss };
  };
  const failed: string[] = [];
  let early = look();
  for (let step = 1; step <= steps; step++) {
    await trainer.trainStep();
    if (step === Math.ceil(steps / 10)) early = look();
  }
  const late = look();
  for (const name of ["tensors", "wasm", "used"] as const) if (late[name] !== early[name]) failed.push(`${name}: ${early[name]}, then ${late[name]}`);
  const grown = (late.resident - early.resident) / 2 ** 20;
  const heap = (late.heap - early.heap) / 2 ** 20;
  if (heap > 4) failed.push(`JavaScript heap: ${heap.toFixed(1)} MiB more`);
  // Node 24 lets its young generation grow to 150 MiB while no more than 20 of it are in use
  if (grown > 128) failed.push(`resident size: ${grown.toFixed(1)} MiB more`);
  trainer.dispose();
  await device.dispose();
  return {
    what: "steps of a tiny network", tried: steps, failed,
    note: `${late.tensors} live tensors, ${late.wasm / 2 ** 20} MiB of WebAssembly memory, as after a tenth; heap ${heap >= 0 ? "+" : ""}${heap.toFixed(1)}, resident size ${grown >= 0 ? "+" : ""}${grown.toFixed(1)} MiB`,
  };
}
