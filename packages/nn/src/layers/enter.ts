/**
 * The door of every layer: its forward and its backward run under its name, so that errors, observers of kernels and taps can say
 * where they are.
 */
import { ConfigError, Tensor, assertTensor, at, type TensorsByName } from "@fromnoise/tensor";
import { assertGrads, type Grads } from "../parameters/grads.js";
import { isTapped, tapBackward, tapForward } from "./tap.js";

/** Whatever has a name: a layer, a block, a network ("", which stands nowhere in particular). */
interface Named { readonly name: string }

/** Runs fn as the forward of the layer; `inputs` are its tensors by name. */
export function forwardAt<R extends readonly [y: Tensor | readonly Tensor[], cache: unknown]>(
  { name }: Named, inputs: TensorsByName, fn: () => R,
): R {
  const run = isTapped() ? () => tapForward(name, inputs, fn) : fn;
  return name === "" ? run() : at(name, run);
}

/**
 * Runs fn as the backward of the layer; dy is the gradient of its output, `more` those of further outputs. Throws ConfigError, with
 * the layer's name and what to pass, unless dy is a tensor, there is a cache, and grads takes gradients: programs without types may
 * pass less. fn gives nothing, dx, or a gradient for each input by name.
 */
export function backwardAt<R>(
  { name }: Named, dy: Tensor, cache: unknown, grads: Grads, fn: () => R, more: TensorsByName = {},
): R {
  checkBackward(name, dy, cache, grads);
  const run = isTapped() ? () => tapBackward(name, { dy, ...more }, cache, fn, byName) : fn;
  return name === "" ? run() : at(name, run);
}

function byName(result: unknown): TensorsByName {
  if (result instanceof Tensor) return { dx: result };
  return Object.fromEntries(Object.entries(result ?? {}).filter(([, dx]) => dx !== undefined)) as TensorsByName;
}

function checkBackward(name: string, dy: unknown, cache: unknown, grads: unknown): asserts cache is object {
  const call = `${name === "" ? "the network" : name}: backward`;
  assertTensor(call, "dy", dy);
  if (typeof cache !== "object" || cache === null) {
    throw new ConfigError(`${call} has no cache`, ["pass     the second result of forward: const [y, cache] = layer.forward(x)"]);
  }
  assertGrads(`${call} has no gradients to add to`, grads);
}
