import { assertTensor, sizeOf, type Tensor } from "@fromnoise/tensor";
import type { Parameter } from "./parameter.js";

/** A layer or network: its name, "" for a whole network, and its parameters in the order of PyTorch's state dict. */
export interface Module {
  readonly name: string;
  readonly parameters: readonly Parameter[];
}

/** "down_blocks.0" and "resnets.1" give "down_blocks.0.resnets.1". */
export function join(name: string, child: string): string {
  return name === "" ? child : `${name}.${child}`;
}

/** Number of trained values: google/ddpm-cifar10-32 has 35,746,307. */
export function parameterCount(module: Module): number {
  return module.parameters.reduce((sum, p) => sum + sizeOf(p.shape), 0);
}

/** Frees the values of every parameter of the module. */
export function disposeParameters(module: Module): void {
  for (const p of module.parameters) p.dispose();
}

/**
 * A layer without its memory of the forward pass: y = layer.forward(x, ...)[0] in a scope of its own, so that the cache and
 * everything else but y is freed at once.
 */
export function apply<A extends readonly [Tensor, ...unknown[]]>(
  layer: { forward(...args: A): readonly [Tensor, unknown] }, ...args: A
): Tensor {
  assertTensor("apply", "x", args[0]);
  return args[0].device.scope(() => layer.forward(...args)[0]);
}
