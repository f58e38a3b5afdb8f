/** Every case of every bench: sizes that show where a device begins to pay, and how cost grows. */
import { benchNames, type Bench, type BenchCase, type BenchName, type BenchShape } from "./bench.js";
import { kernelBenches } from "./kernel-benches.js";
import { benchUNet, demoUNet, modelBenches } from "./model-benches.js";

const benches = { ...kernelBenches, ...modelBenches } satisfies Record<BenchName, unknown>;

/** The bench of a name, whose cases have shapes that fit it. */
export function benchOf(name: BenchName): Bench {
  return benches[name] as unknown as Bench;
}

export function titleOf({ bench, shape }: { bench: BenchName; shape: BenchShape }): string {
  return benchOf(bench).title(shape);
}

const convSizes = [
  [16, 32, 32, 32, 3, 1], [16, 16, 64, 64, 3, 1], [16, 8, 128, 128, 3, 1], [16, 16, 128, 64, 3, 1], [1, 32, 128, 128, 3, 1],
  [16, 32, 1, 32, 3, 1], [16, 16, 64, 128, 1, 1], [16, 32, 32, 32, 3, 2], [1, 16, 64, 64, 3, 1], [64, 16, 64, 64, 3, 1],
].map(([n, side, cin, cout, k, stride]) => ({ n, h: side, w: side, cin, cout, kh: k, kw: k, stride, pad: (k - 1) / 2 }));

const normSizes = [16, 32, 64].map((side) => ({ n: 16, h: side, w: side, c: 64, groups: 8 }));
const atSide = (side: number) => ({ batch: 16, config: { ...benchUNet, sample_size: side } });
/** What a software renderer can do in a second; what a contender takes for it says whether more is worth trying. */
const small = { batch: 2, config: { ...benchUNet, sample_size: 16, block_out_channels: [16, 32, 64] } };
const bench16 = { batch: 16, config: benchUNet };
/** The bench U-Net along batch, pixels and width. */
const sweeps: readonly BenchShape[] = [
  ...[1, 4, 64].map((batch) => ({ batch, config: benchUNet })), atSide(16), atSide(64),
  ...[[16, 32, 64], [64, 128, 256]].map((widths) => ({ batch: 16, config: { ...benchUNet, block_out_channels: widths } })),
];
const demoSampler = (steps: number): BenchShape => ({ batch: 16, config: demoUNet, steps });

/** The shapes of each bench, and which of them belong to `--quick`. */
const shapes: Record<BenchName, { quick: readonly BenchShape[]; more: readonly BenchShape[] }> = {
  "matmul": { quick: [512].map(cube), more: [64, 128, 256, 1024].map(cube) },
  "conv2d-forward": { quick: [convSizes[1]], more: convSizes.filter((_, i) => i !== 1) },
  "conv2d-grad-input": { quick: [convSizes[1]], more: convSizes.filter((_, i) => i !== 1) },
  "conv2d-grad-weight": { quick: [convSizes[1]], more: convSizes.filter((_, i) => i !== 1) },
  "groupnorm-silu-forward": { quick: [normSizes[1]], more: [normSizes[0], normSizes[2]] },
  "groupnorm-silu-backward": { quick: [normSizes[1]], more: [normSizes[0], normSizes[2]] },
  "softmax": { quick: [{ rows: 4096, n: 256 }], more: [{ rows: 256, n: 64 }, { rows: 32768, n: 256 }] },
  "attention": { quick: [{ batch: 16, length: 64, d: 128 }], more: [{ batch: 16, length: 256, d: 64 }] },
  "elementwise": { quick: [{ n: 2 ** 20 }], more: [{ n: 2 ** 12 }, { n: 2 ** 16 }, { n: 2 ** 22 }] },
  "reduce": { quick: [{ rows: 1024, n: 1024 }], more: [{ rows: 64, n: 1024 }, { rows: 4096, n: 4096 }] },
  "adam": { quick: [{ n: 1_000_000 }], more: [{ n: 10_000 }, { n: 100_000 }] },
  "unet-forward": { quick: [small, bench16], more: sweeps },
  "unet-train-step": { quick: [small, bench16], more: sweeps },
  "demo-train-step": { quick: [4, 32].map((batch) => ({ batch, config: demoUNet })), more: [] },
  "sampler": { quick: [demoSampler(1)], more: [...[5, 10, 20].map(demoSampler), { ...bench16, steps: 1 }] },
};

const unique = (all: readonly BenchShape[]): BenchShape[] =>
  [...new Map(all.map((shape) => [JSON.stringify(shape), shape])).values()];

function cube(size: number): BenchShape {
  return { m: size, k: size, n: size };
}

/** How much a case computes or moves, in operations or bytes: comparable within a bench. */
export function workOf({ bench, shape }: BenchCase): number {
  const { flops, bytes } = benchOf(bench).cost(shape);
  return Math.max(flops, bytes);
}

/**
 * The cases of the benches named, in the order of `benchNames`, small before large; only the quick ones on request. `batch` takes the
 * place of all batch sizes of networks, of which those are left that differ otherwise.
 */
export function casesOf(names: readonly BenchName[], quick: boolean, batch?: number): BenchCase[] {
  return benchNames.filter((name) => names.includes(name)).flatMap((bench) => {
    const { quick: few, more } = shapes[bench];
    const sizes = quick ? few : [...few, ...more];
    const chosen = batch !== undefined && benchOf(bench).model ? unique(sizes.map((shape) => ({ ...shape, batch }))) : sizes;
    return chosen.map((shape) => ({ bench, shape })).sort((a, b) => workOf(a) - workOf(b));
  });
}
