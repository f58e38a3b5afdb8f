/** What the page and its worker tell each other. */
import type { DigitsOptions } from "./digits.js";

/** To the worker, once: what to train, on which device (a device string such as "wasm" or "gpu:webgpu"), for how many steps. */
export interface Order {
  demo: "points" | "digits";
  device: string;
  steps: number;
  digits: DigitsOptions;
}

/** From the worker. */
export type News =
  /** The device and the network are there. */
  | { kind: "opened"; description: string; caption: string }
  /** One optimiser step is done: the loss of its batch. */
  | { kind: "step"; loss: number }
  /** Samples of the network after so many steps, drawn. */
  | { kind: "samples"; step: number; picture: ImageBitmap }
  | { kind: "done" }
  | { kind: "failed"; message: string };
