import { ConfigError, assertTensor } from "@fromnoise/tensor";
import { Grads } from "../parameters/grads.js";

/**
 * Throws ConfigError, with the layer's name and what to pass, unless dy is a tensor, there is a cache, and grads takes gradients.
 * Called first in a layer's `backward`, which programs without types may call with less.
 */
export function checkBackward({ name }: { readonly name: string }, dy: unknown, cache: unknown, grads: unknown): void {
  const call = `${name === "" ? "the network" : name}: backward`;
  assertTensor(call, "dy", dy);
  if (typeof cache !== "object" || cache === null) {
    throw new ConfigError(`${call} has no cache`, ["pass     the second result of forward: const [y, cache] = layer.forward(x)"]);
  }
  if (grads instanceof Grads) return;
  throw new ConfigError(`${call} has no gradients to add to`, ["pass     a Grads: new Grads(device)"]);
}
