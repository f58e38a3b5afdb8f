/**
 * Notices a loop without a scope, whose tensors nobody frees: garbage collection does not, as a device holds what lives on it. It
 * looks every 1024 kernels, at the smallest number of tensors that were alive at once since it looked last: a training step may
 * hold thousands for a while, but comes back to few. Only where that number grows and grows does it note which kernels make them.
 */
import type { Device } from "./device.js";
import type { TensorsByName } from "./observe.js";
import type { Signature } from "./signatures.js";
import type { Tensor } from "./tensor.js";
import { operationName, type KernelName } from "../kernels/contract.js";

/** Kernels between two looks. */
const WINDOW = 1024;
/** So many tensors more than before are growth: one for each eighth kernel. */
const GROWTH = 128;
/** So many windows in a row must have grown; making a network with its optimiser and average takes fewer. */
const WINDOWS = 4;

export class LeakWatch {
  readonly #device: Device;
  readonly #warn: (line: string) => void;
  #left = WINDOW;
  /** Fewest tensors alive at once in this window, and in the one before. */
  #fewest = 0;
  #fewestBefore = Infinity;
  #grown = 0;
  /** What the kernels of this window made, while somebody asks. */
  #made: Map<Tensor, string> | undefined;

  constructor(device: Device, warn: (line: string) => void) {
    this.#device = device;
    this.#warn = warn;
  }

  /** Called when a tensor was freed. */
  freed(): void {
    this.#fewest = Math.min(this.#fewest, this.#device.tensorCount);
  }

  /** Called after each kernel. True once it has warned: there is nothing more to come. */
  ran(kernel: KernelName, attrs: unknown, outputs: TensorsByName, { fresh }: Signature): boolean {
    if (this.#made !== undefined) {
      for (const { name } of fresh) this.#made.set(outputs[name] as Tensor, operationName(kernel, attrs));
    }
    return --this.#left === 0 && this.#look();
  }

  #look(): boolean {
    this.#grown = this.#fewest - this.#fewestBefore >= GROWTH ? this.#grown + 1 : 0;
    const left = [...this.#made ?? []].filter(([t]) => !t.disposed).map(([, kernel]) => kernel);
    if (this.#grown >= WINDOWS && left.length >= GROWTH) { // what grows by uploads is data, not a loop
      this.#warn(warning(this.#device, left));
      return true;
    }
    this.#made = this.#grown >= WINDOWS - 1 ? new Map() : undefined;
    this.#left = WINDOW;
    this.#fewestBefore = this.#fewest;
    this.#fewest = this.#device.tensorCount;
    return false;
  }
}

/** `left` names the kernel of each result that nobody freed. */
function warning({ name, tensorCount }: Device, left: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const kernel of left) counts.set(kernel, (counts.get(kernel) ?? 0) + 1);
  const [most, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ["", 0]);
  return [
    `${name}: ${tensorCount} tensors are alive, and their number keeps growing`,
    `of the last ${WINDOW} kernels, ${left.length} left a result that nobody freed, most often ${most} (${count})`,
    "outside of a scope a tensor lives until dispose(): run what a loop repeats in device.scope(() => ...)",
  ].join("\n  ");
}
