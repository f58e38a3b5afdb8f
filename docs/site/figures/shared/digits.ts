/** Digits as pages show them, without the library that makes them: what a page's own thread needs to know. */

/** Sides of a digit, and its pixels. */
export const SIDE = 16, PIXELS = SIDE * SIDE;

/** Samples that are drawn of a network in training, and steps of DDIM for them. */
export const SHOWN = 10, SAMPLER_STEPS = 20;

/** A number in [-1, 1] as a level of gray. */
export const toLevel = (value: number): number => Math.max(0, Math.min(255, Math.round((value + 1) * 127.5)));

export interface Way {
  /** The class of each sample. */
  readonly labels: readonly number[];
  /** t of each frame: from the noisiest to 0, the sample. */
  readonly times: readonly number[];
  /** x_t of every frame, [frame][sample * PIXELS + pixel] in levels 0 .. 255 of [-1, 1]. */
  readonly xt: readonly Uint8Array[];
  /** The guess of x_0 at every frame; empty where it was not recorded. */
  readonly x0: readonly Uint8Array[];
  /** Of all frames in f32. */
  readonly digest: string;
}

/** What to train. */
export interface Plan {
  /** A device string such as "wasm" or "gpu:webgpu". */
  readonly device: string;
  readonly prediction: "eps" | "x0" | "v";
  /** Optimiser steps, over which the learning rate falls. */
  readonly steps: number;
  readonly seed: number;
}
