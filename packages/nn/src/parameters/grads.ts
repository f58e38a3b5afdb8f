import {
  ConfigError, DeviceError, add, assertDevice, assertTensor, formatShape, inspectSymbol, moveTo, type Device, type Scope, type Tensor,
} from "@fromnoise/tensor";
import type { Parameter } from "./parameter.js";

/**
 * Gradients by parameter. The caller makes it and hands it to `backward`; a parameter used twice gets the sum of its gradients.
 * Entries belong to the scope that was open when it was made, whatever scopes fill it: to accumulate over k micro-batches make it
 * outside and open one scope inside for each, with dy scaled by 1 / k.
 */
export class Grads {
  private readonly scope: Scope | undefined;
  private readonly entries = new Map<Parameter, Tensor>();

  constructor(readonly device: Device) {
    assertDevice("Grads", device);
    this.scope = device.currentScope;
  }

  /** Stores g, or replaces the entry by (old + g) and frees old. Throws DeviceError when g lives on another device. */
  add(p: Parameter, g: Tensor): void {
    assertTensor("Grads.add", "g", g);
    if (g.device !== this.device) {
      throw new DeviceError(`the gradient of ${p.name} lives on ${g.device.name}, the others on ${this.device.name}`);
    }
    const old = this.entries.get(p);
    const total = old === undefined ? g : add(old, g);
    moveTo(total, this.scope);
    this.entries.set(p, total);
    old?.dispose();
  }

  /** The gradient of p, undefined when nothing was added for it. */
  get(p: Parameter): Tensor | undefined {
    return this.entries.get(p);
  }

  /** Parameters and their gradients, in the order in which they first came. */
  [Symbol.iterator](): IterableIterator<[Parameter, Tensor]> {
    return this.entries[Symbol.iterator]();
  }

  /** Number of parameters with a gradient. */
  get size(): number {
    return this.entries.size;
  }

  /** "Grads of 2 parameters on wasm", and a line for each: its name and shape. */
  toString(): string {
    const lines = [...this.entries.keys()].map((p) => `\n  ${p.name} ${formatShape(p.shape)}`);
    return `Grads of ${this.size} parameters on ${this.device.name}${lines.join("")}`;
  }

  /** What console.log shows. */
  [inspectSymbol](): string {
    return this.toString();
  }

  /** Frees every gradient and forgets it: the same object then serves the next step. */
  clear(): void {
    for (const g of this.entries.values()) g.dispose();
    this.entries.clear();
  }
}

/** Throws ConfigError with this summary unless `grads` takes gradients. */
export function assertGrads(summary: string, grads: unknown): asserts grads is Grads {
  if (!(grads instanceof Grads)) throw new ConfigError(summary, ["pass     a Grads: new Grads(device)"]);
}
