/** Draws digits beside the page: the model is fetched, and `wasm` opened, when the first are asked for. */
import { openDevice } from "@fromnoise/tensor";
import type { Way } from "./digits.js";
import { openDigits, sampleWay } from "./way.js";

export interface WayOrder { readonly id: number; readonly labels: readonly number[]; readonly seed: number }
export type WayNews =
  | { readonly id: number; readonly kind: "step"; readonly done: number; readonly total: number }
  | { readonly id: number; readonly kind: "way"; readonly way: Way; readonly device: string; readonly milliseconds: number }
  | { readonly id: number; readonly kind: "failed"; readonly message: string };

/** The bits of this device are the same in every page and in Node. */
const DEVICE = "wasm:deterministic";

const opened = (async () => {
  const url = new URL("../../../../data/models/digits-16.safetensors", import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`);
  const device = await openDevice(DEVICE);
  return { device, model: await openDigits(new Uint8Array(await response.arrayBuffer()), device) };
})();
opened.catch(() => undefined);                                                  // whoever asks first is told

const tell = (news: WayNews): void => postMessage(news);
let turn: Promise<void> = Promise.resolve();

async function draw({ id, labels, seed }: WayOrder): Promise<void> {
  try {
    const { device, model } = await opened;
    const started = performance.now();
    const way = await sampleWay(model, device, labels, seed, (done, total) => tell({ id, kind: "step", done, total }));
    tell({ id, kind: "way", way, device: device.description, milliseconds: performance.now() - started });
  } catch (error) {
    tell({ id, kind: "failed", message: (error as Error).message });
  }
}

onmessage = ({ data }: MessageEvent<WayOrder>) => {
  turn = turn.then(() => draw(data));
};
