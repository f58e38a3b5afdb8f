/** Convolution weights in transformed form, kept while the weights stay as they are: a sampler uses them a thousand times. */
import type { Block } from "./allocator.js";
import type { Machine, Storage } from "./machine.js";

interface Entry { cin: number; uses: number; block: Block | undefined }

/**
 * Keeps a transformed form from the second use of the same weights on: training uses them once between two updates, and would only
 * fill memory. Update kernels, which alone change an array's contents, have it forget what they change.
 */
export class WeightCache {
  readonly #machine: Machine;
  readonly #entries = new Map<Storage, Entry>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /**
   * Calls `use` with the address of the transformed form, of so many bytes, of weights with so many input channels; `transform`
   * writes it unless it is there.
   */
  with(weights: Storage, cin: number, bytes: number, transform: (to: number) => void, use: (transformed: number) => void): void {
    const entry = this.#entryOf(weights, cin);
    if (entry.block !== undefined) return use(entry.block.address);
    if (entry.uses++ === 0) {
      return this.#machine.scratch(bytes, "transformed weights", (to) => {
        transform(to);
        use(to);
      });
    }
    entry.block = this.#machine.memory.allocate(bytes, () => "transformed weights");
    transform(entry.block.address);
    use(entry.block.address);
  }

  /** Frees what is kept of an array that is about to be freed or updated. */
  forget(weights: Storage): void {
    const entry = this.#entries.get(weights);
    if (entry === undefined) return;
    if (entry.block !== undefined) this.#machine.memory.free(entry.block);
    this.#entries.delete(weights);
  }

  forgetAll(weights: readonly Storage[]): void {
    for (const each of weights) this.forget(each);
  }

  #entryOf(weights: Storage, cin: number): Entry {
    const found = this.#entries.get(weights);
    if (found?.cin === cin) return found;
    this.forget(weights);
    const entry: Entry = { cin, uses: 0, block: undefined };
    this.#entries.set(weights, entry);
    return entry;
  }
}
