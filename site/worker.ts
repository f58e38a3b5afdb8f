/**
 * The worker in which everything is computed, so that the page stays responsive: it opens the device (wasm starts its threads below
 * this worker, a GPU draws on canvases that are never seen), trains the demo and tells the page of every step.
 */
import { openDevice, type Device } from "@fromnoise/tensor";
import type { Demo } from "./demo.js";
import { digitsDemo } from "./digits.js";
import type { News, Order } from "./messages.js";
import { pointsDemo } from "./points.js";

const tell = (news: News, transfer: Transferable[] = []): void => postMessage(news, { transfer });

async function train({ demo: name, device: spec, steps, digits }: Order): Promise<void> {
  const device = await openDevice(spec);
  const demo = await openDemo(name, device, steps, digits);
  tell({ kind: "opened", description: device.description, caption: demo.caption });
  for (let step = 1; step <= steps; step++) {
    tell({ kind: "step", loss: await demo.step() });
    if (step % demo.showEvery === 0 || step === steps) {
      const picture = (await demo.show()).transferToImageBitmap();
      tell({ kind: "samples", step, picture }, [picture]);
    }
  }
  demo.dispose();
  await device.dispose();
}

function openDemo(name: Order["demo"], device: Device, steps: number, options: Order["digits"]): Demo | Promise<Demo> {
  return name === "points" ? pointsDemo(device, steps) : digitsDemo(device, steps, options);
}

onmessage = ({ data }: MessageEvent<Order>) => {
  train(data).then(() => tell({ kind: "done" }), (error: unknown) => tell({ kind: "failed", message: (error as Error).message }));
};
