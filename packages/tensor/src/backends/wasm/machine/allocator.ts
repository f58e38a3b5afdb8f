/**
 * Memory between two addresses, given out in blocks and taken back in any order: segregated free lists (as in Masmano et al.
 * 2004, "TLSF"), with neighbouring free blocks merged at once. The same calls give the same addresses.
 */

/** Blocks begin and end at multiples of this many bytes. */
export const ALIGNMENT = 128;

/** A piece of memory: storage of one array, or free. */
export interface Block {
  address: number;
  bytes: number;
  free: boolean;
  /** Neighbours by address. */
  before: Block | undefined;
  after: Block | undefined;
  /** Neighbours in the list of free blocks of the same class. */
  previousFree: Block | undefined;
  nextFree: Block | undefined;
}

/** Class of a size: 8 to each power of two, so that sizes of one class differ by an eighth at most. */
function classOf(bytes: number): number {
  const units = bytes / ALIGNMENT;
  const power = 31 - Math.clz32(units);
  return power < 3 ? units : (power - 2) * 8 + ((units >>> (power - 3)) & 7);
}

const CLASSES = classOf(2 ** 32 - ALIGNMENT) + 1;

export class Allocator {
  readonly #lists: (Block | undefined)[] = Array.from({ length: CLASSES }, () => undefined);
  #last: Block | undefined;
  #end: number;
  #used = 0;

  /** All memory from `start` to `end` is free. */
  constructor(start: number, end: number) {
    this.#end = Math.ceil(start / ALIGNMENT) * ALIGNMENT;
    this.extend(end);
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used;
  }

  /** A block of at least so many bytes, or undefined where none is free. */
  allocate(bytes: number): Block | undefined {
    const size = Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
    if (size > this.#end) return undefined;
    const block = this.#find(size);
    if (block === undefined) return undefined;
    this.#unlist(block);
    block.free = false;
    if (block.bytes > size) this.#split(block, size);
    this.#used += block.bytes;
    return block;
  }

  /** Takes a block back. Throws where it was free already. */
  free(block: Block): void {
    if (block.free) throw new Error(`block at ${block.address} was freed twice`);
    this.#used -= block.bytes;
    this.#release(block);
  }

  /** Makes a block free, as one with its free neighbours. */
  #release(block: Block): void {
    const { before, after } = block;
    if (after?.free === true) {
      this.#unlist(after);
      this.#join(block, after);
    }
    if (before?.free === true) {
      this.#unlist(before);
      this.#join(before, block);
      this.#enlist(before);
    } else {
      this.#enlist(block);
    }
  }

  /** Bytes by which the end must move before `allocate(bytes)` is sure to succeed: what the last block, if free, lacks. */
  missing(bytes: number): number {
    const size = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    return size - (this.#last?.free === true ? this.#last.bytes : 0);
  }

  /** Adds free memory up to a new end. */
  extend(end: number): void {
    const to = Math.floor(end / ALIGNMENT) * ALIGNMENT;
    if (to <= this.#end) return;
    const block: Block = {
      address: this.#end, bytes: to - this.#end, free: false, before: this.#last, after: undefined,
      previousFree: undefined, nextFree: undefined,
    };
    if (this.#last !== undefined) this.#last.after = block;
    this.#last = block;
    this.#end = to;
    this.#release(block);
  }

  /** The smallest fitting block of the size's own class, else the first of the next class that has one: all of those fit. */
  #find(size: number): Block | undefined {
    const own = classOf(size);
    let best: Block | undefined;
    for (let block = this.#lists[own]; block !== undefined; block = block.nextFree) {
      if (block.bytes === size) return block;
      if (block.bytes > size && (best === undefined || block.bytes < best.bytes)) best = block;
    }
    for (let i = own + 1; best === undefined && i < CLASSES; i++) best = this.#lists[i];
    return best;
  }

  /** Cuts a block that is in use after `size` bytes; the rest is free. */
  #split(block: Block, size: number): void {
    const rest: Block = {
      address: block.address + size, bytes: block.bytes - size, free: false, before: block, after: block.after,
      previousFree: undefined, nextFree: undefined,
    };
    if (block.after === undefined) this.#last = rest;
    else block.after.before = rest;
    block.after = rest;
    block.bytes = size;
    this.#release(rest);
  }

  /** Adds `next`, the neighbour behind it, to `block`. */
  #join(block: Block, next: Block): void {
    block.bytes += next.bytes;
    block.after = next.after;
    if (next.after === undefined) this.#last = block;
    else next.after.before = block;
  }

  #enlist(block: Block): void {
    const i = classOf(block.bytes);
    const first = this.#lists[i];
    block.free = true;
    block.previousFree = undefined;
    block.nextFree = first;
    if (first !== undefined) first.previousFree = block;
    this.#lists[i] = block;
  }

  #unlist(block: Block): void {
    if (block.previousFree === undefined) this.#lists[classOf(block.bytes)] = block.nextFree;
    else block.previousFree.nextFree = block.nextFree;
    if (block.nextFree !== undefined) block.nextFree.previousFree = block.previousFree;
  }
}
