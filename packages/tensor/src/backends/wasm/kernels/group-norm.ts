/**
 * Group normalisation, alone and fused with SiLU. Each image's pixels are cut into blocks, fixed by the shape; sums go from
 * blocks to images. The gradients of input and parameters need the same sums per image: the later of two calls with the same
 * inputs finds them.
 */
import type { GroupNormAttrs, Inputs, KernelTable } from "../../../kernels/contract.js";
import type { Block } from "../machine/allocator.js";
import type { Machine, Storage } from "../machine/machine.js";

/** Elements in a block of pixels, and in a row of workspace (both are the next multiple of the channels). */
const BLOCK = 16384;
const ROW = 256;

/** Images for each thread from which gradients are computed image by image. */
const IMAGES_A_THREAD = 4;

type Names = "groupNormStats" | "groupNorm" | "groupNormGradInput" | "groupNormGradParams"
  | "groupNormSilu" | "groupNormSiluGradInput" | "groupNormSiluGradParams";
type Table = Required<Pick<KernelTable<Storage>, Names>>;

/** Sizes derived from the attributes. */
interface Geometry {
  /** Pixels in a block and in a row of workspace. */
  block: number; repeat: number;
  /** Blocks of all images. */
  units: number;
  /** Bytes of two rows of sums, each one float for a channel, in whole vectors; and of a row of workspace. */
  sumBytes: number; rowBytes: number;
}

function geometry({ n, hw, c }: GroupNormAttrs): Geometry {
  const block = Math.min(hw, Math.ceil(BLOCK / c));
  const repeat = Math.min(block, Math.ceil(ROW / c));
  const vectors = (floats: number): number => Math.ceil(floats / 4) * 16;
  return { block, repeat, units: n * Math.ceil(hw / block), sumBytes: 2 * vectors(c), rowBytes: vectors(c * repeat) };
}

export function groupNorms(machine: Machine): Table {
  const stats: Table["groupNormStats"] = (y, { x }, attrs, { eps }) => {
    const { n, hw, c, groups } = attrs;
    const { block, repeat, units, sumBytes } = geometry(attrs);
    machine.scratch(units * sumBytes, "sums of groupNormStats", (sums) => {
      machine.args([x.address, y.address, 0, 0, 0, sums, hw, c, groups, block, repeat, 0], [eps]);
      machine.launch("groupNormSums", units);
      machine.launch("groupNormStats", n * groups, groups);
    });
  };

  const forward = (silu: number): Table["groupNorm"] => (y, { x, stats, gamma, beta }, attrs) => {
    const { hw, c, groups } = attrs;
    const { block, repeat, units, rowBytes } = geometry(attrs);
    machine.args([x.address, y.address, stats.address, gamma.address, beta.address, 0, hw, c, groups, block, repeat, silu], [0]);
    machine.launch("groupNorm", units, 1, 2 * rowBytes);
  };

  const gradients = new Gradients(machine);
  return {
    groupNormStats: stats,
    groupNorm: forward(0),
    groupNormSilu: forward(1),
    groupNormGradInput: (y, inputs, attrs) => gradients.input(y, inputs, attrs),
    groupNormGradParams: (y, inputs, attrs) => gradients.params(y, inputs, attrs),
    groupNormSiluGradInput: (y, inputs, attrs) => gradients.input(y, inputs, attrs),
    groupNormSiluGradParams: (y, inputs, attrs) => gradients.params(y, inputs, attrs),
  };
}

/** Inputs of the gradients; gamma and beta where they are needed, beta where SiLU follows. */
type GradInputs = Partial<Inputs<"groupNormSiluGradInput", Storage>> & Inputs<"groupNormGradParams", Storage>;

/** The gradients, and what the last call left for the next: sums of dz and of dz xhat for each image and channel. */
class Gradients {
  readonly #machine: Machine;
  #sums: Block | undefined;
  #key: readonly unknown[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** dx: image by image where there are enough for all threads, else in three rounds over blocks; the same bits either way. */
  input(dx: Storage, inputs: GradInputs, attrs: GroupNormAttrs): void {
    const { units, rowBytes } = geometry(attrs);
    if (attrs.n >= IMAGES_A_THREAD * this.#machine.threads) {
      this.#withSums(inputs, attrs, dx.address, () => this.#machine.launch("groupNormGradImage", attrs.n, 1, 4 * rowBytes));
    } else {
      this.#sumImages(inputs, attrs, dx.address);
      this.#args(inputs, attrs, dx.address, 0);
      this.#machine.launch("groupNormGradInput", units, 1, 4 * rowBytes);
    }
  }

  /** (dgamma, dbeta). */
  params(y: Storage, inputs: GradInputs, attrs: GroupNormAttrs): void {
    if (!this.#hasSums(inputs, attrs)) this.#sumOnly(inputs, attrs);
    this.#args(inputs, attrs, y.address, 0);
    this.#machine.launch("groupNormGradParams", attrs.c, attrs.c);
  }

  /** Fills the sums per image where nobody asked for dx. */
  #sumOnly(inputs: GradInputs, attrs: GroupNormAttrs): void {
    if (inputs.beta === undefined) return this.#sumImages(inputs, attrs, 0);
    this.#machine.scratch(inputs.x.size * 4, "the gradient before SiLU", (dz) => this.#sumImages(inputs, attrs, dz));
  }

  /** Fills the sums per image; with SiLU, dz on the way. */
  #sumImages(inputs: GradInputs, attrs: GroupNormAttrs, dz: number): void {
    const { units, rowBytes } = geometry(attrs);
    this.#withSums(inputs, attrs, dz, () => {
      this.#machine.launch("groupNormGradSums", units, 1, 3 * rowBytes);
      this.#machine.launch("groupNormGradImages", attrs.n, attrs.n);
    });
  }

  /** Calls `launch`, which fills the sums per image, with the arguments set and room for the sums per block. */
  #withSums(inputs: GradInputs, attrs: GroupNormAttrs, y: number, launch: () => void): void {
    const machine = this.#machine;
    const { units, sumBytes } = geometry(attrs);
    const bytes = attrs.n * sumBytes;
    if (this.#sums === undefined || this.#sums.bytes < bytes) {
      if (this.#sums !== undefined) machine.memory.free(this.#sums);
      this.#sums = undefined;
      this.#sums = machine.memory.allocate(bytes, () => "sums of group normalisation's gradients");
    }
    this.#key = [];
    machine.scratch(units * sumBytes, "sums of group normalisation's gradients", (sums) => {
      this.#args(inputs, attrs, y, sums);
      launch();
    });
    this.#key = keyOf(inputs, attrs);
  }

  /** Whether the sums at hand are those of these inputs. */
  #hasSums(inputs: GradInputs, attrs: GroupNormAttrs): boolean {
    const key = keyOf(inputs, attrs);
    return this.#key.length === key.length && key.every((part, i) => part === this.#key[i]);
  }

  #args({ dy, x, stats, gamma, beta }: GradInputs, attrs: GroupNormAttrs, y: number, sums: number): void {
    const { n, hw, c, groups } = attrs;
    const { block, repeat } = geometry(attrs);
    this.#machine.args([
      dy.address, x.address, stats.address, gamma?.address ?? 0, beta?.address ?? 0, y, sums, this.#sums!.address,
      n, hw, c, groups, block, repeat, beta === undefined ? 0 : 1,
    ]);
  }
}

/** What the sums depend on. An array is known by its storage, which is never used for another, and by its updates. */
function keyOf({ dy, x, stats, gamma, beta }: GradInputs, { n, hw, c, groups }: GroupNormAttrs): readonly unknown[] {
  const arrays = beta === undefined ? [dy, x, stats] : [dy, x, stats, gamma, beta];
  return [...arrays, ...arrays.map((storage) => storage?.version), n, hw, c, groups];
}
