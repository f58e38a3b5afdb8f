import type { Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import type { Module } from "../parameters/module.js";

/** A layer of one tensor: what `Sequential` puts in a row. A layer with more inputs, as ResBlock, is a Module of its own form. */
export interface Layer<C = unknown> extends Module {
  /** y, and what backward needs to know of this forward. */
  forward(x: Tensor): [y: Tensor, cache: C];
  /** dx; the gradients of the parameters go into grads. */
  backward(dy: Tensor, cache: C, grads: Grads): Tensor;
}
