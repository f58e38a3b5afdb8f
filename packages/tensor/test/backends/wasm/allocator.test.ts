import { expect } from "chai";
import { ALIGNMENT, Allocator, type Block } from "../../../src/backends/wasm/machine/allocator.js";
import { Random } from "../../../src/random/random.js";

const START = 1000;
const END = 1 << 22;

/** Allocates and frees in random order; gives the blocks still in use and the addresses given out on the way. */
function churn(allocator: Allocator, seed: number, steps: number): { live: Set<Block>; addresses: number[] } {
  const random = new Random(seed);
  const live = new Set<Block>();
  const addresses: number[] = [];
  const [choices, sizes, victims] = [random.uniform(steps), random.uniform(steps), random.uniform(steps)];
  for (let i = 0; i < steps; i++) {
    if (choices[i] < 0.55) {
      const block = allocator.allocate(Math.ceil(2 ** (18 * sizes[i])));
      if (block === undefined) continue;
      live.add(block);
      addresses.push(block.address);
    } else if (live.size > 0) {
      const victim = [...live][Math.floor(victims[i] * live.size)];
      live.delete(victim);
      allocator.free(victim);
    }
  }
  return { live, addresses };
}

describe("the allocator of the wasm device", () => {
  it("gives aligned blocks inside its range that never overlap, and counts their bytes", () => {
    for (let seed = 0; seed < 20; seed++) {
      const allocator = new Allocator(START, END);
      const { live } = churn(allocator, seed, 400);
      const blocks = [...live].sort((a, b) => a.address - b.address);
      let end = START;
      let bytes = 0;
      for (const block of blocks) {
        expect(block.address % ALIGNMENT).to.equal(0);
        expect(block.address).to.be.at.least(end);
        end = block.address + block.bytes;
        bytes += block.bytes;
      }
      expect(end).to.be.at.most(END);
      expect(allocator.used).to.equal(bytes);
    }
  });

  it("has all its memory in one piece again when everything is freed", () => {
    for (let seed = 0; seed < 20; seed++) {
      const allocator = new Allocator(0, END);
      for (const block of churn(allocator, seed, 400).live) allocator.free(block);
      expect(allocator.used).to.equal(0);
      expect(allocator.allocate(END)?.address).to.equal(0);
      expect(allocator.allocate(1)).to.equal(undefined);
    }
  });

  it("gives the same addresses for the same calls", () => {
    const [first, second] = [1, 2].map(() => churn(new Allocator(START, END), 7, 1000).addresses);
    expect(first).to.deep.equal(second);
    expect(first.length).to.be.above(300);
  });

  it("fits where a free block of the same size class is large enough", () => {
    const allocator = new Allocator(0, 128 * 100);
    const blocks = [97, 1, 2].map((units) => allocator.allocate(units * 128)!);
    allocator.free(blocks[0]);
    expect(allocator.allocate(97 * 128 - 5)).to.equal(blocks[0]);
  });

  it("takes new memory at its end, joined to a free block there", () => {
    const allocator = new Allocator(0, 1024);
    const first = allocator.allocate(512)!;
    expect(allocator.allocate(1024)).to.equal(undefined);
    expect(allocator.missing(1024)).to.equal(512);
    allocator.extend(1536);
    expect(allocator.allocate(1024)?.address).to.equal(first.bytes);
  });

  it("has no block for more bytes than there are, however many", () => {
    const allocator = new Allocator(0, END);
    for (const bytes of [END + 1, 2 ** 32, 2 ** 39, 2 ** 39 + 2 ** 17, 2 ** 52]) {
      expect(allocator.allocate(bytes)).to.equal(undefined);
    }
    expect(allocator.used).to.equal(0);
  });

  it("does not free a block twice", () => {
    const allocator = new Allocator(0, 1024);
    const block = allocator.allocate(1)!;
    allocator.free(block);
    expect(() => allocator.free(block)).to.throw("freed twice");
  });
});
