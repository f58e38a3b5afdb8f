/** The numbers of the figure "forward": drawings as images, walkers through single steps, and log-SNRs. */
import { Random } from "@fromnoise/tensor";
import type { NoiseSchedule } from "@fromnoise/diffusion";

/** A line through places of the unit square, x to the right and y down. */
export type Stroke = readonly (readonly [x: number, y: number])[];

/** A two as one writes it: what the figure shows before the reader has drawn. */
export const TWO: readonly Stroke[] = [
  [[0.29, 0.33], [0.35, 0.24], [0.47, 0.19], [0.6, 0.21], [0.68, 0.3], [0.66, 0.42], [0.56, 0.55], [0.42, 0.68], [0.29, 0.8], [0.73, 0.8]],
];

/** Distance of a place from the piece of a line between a and b. */
function distance([x, y]: readonly [number, number], a: readonly [number, number], b: readonly [number, number]): number {
  const [u, v] = [b[0] - a[0], b[1] - a[1]], length = u * u + v * v;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - a[0]) * u + (y - a[1]) * v) / length));
  return Math.hypot(x - a[0] - along * u, y - a[1] - along * v);
}

/** Strokes as an image [side, side] of values from -1, paper, to 1, ink: full within `pen` of a stroke, none beyond twice that. */
export function rasterise(strokes: readonly Stroke[], side: number, pen = 0.045): Float64Array {
  return Float64Array.from({ length: side * side }, (_, p) => {
    const at = [((p % side) + 0.5) / side, (Math.floor(p / side) + 0.5) / side] as const;
    let nearest = Infinity;
    for (const stroke of strokes) {
      for (let i = 0; i < stroke.length; i++) nearest = Math.min(nearest, distance(at, stroke[Math.max(0, i - 1)], stroke[i]));
    }
    return 2 * Math.min(1, Math.max(0, 2 - nearest / pen)) - 1;
  });
}

export interface Walk {
  readonly x0: number;
  /** Place of walker i after step t, at [t * count + i]. */
  readonly places: Float32Array;
  readonly count: number;
}

/**
 * Walkers that start at x0 and take the single steps of equation 2, x_t = sqrt(alpha_t) x_(t-1) + sqrt(beta_t) z. Yields after each step,
 * so that a page can breathe, and returns the walk.
 */
export function* walk(schedule: NoiseSchedule, x0: number, count: number, seed: number): Generator<number, Walk> {
  const random = new Random(seed), places = new Float32Array(schedule.T * count);
  let x = new Float64Array(count).fill(x0);
  for (let t = 0; t < schedule.T; t++) {
    const z = random.normal(count), kept = Math.sqrt(schedule.alphas[t]), added = Math.sqrt(schedule.betas[t]);
    x = x.map((place, i) => kept * place + added * z[i]);
    places.set(x, t * count);
    yield t;
  }
  return { x0, places, count };
}

export interface Moments {
  readonly mean: number;
  readonly variance: number;
  /** What equation 4 says they are. */
  readonly expected: { readonly mean: number; readonly variance: number };
  /** How far they are off, in standard errors of a mean and a variance of so many Gaussian numbers. */
  readonly errors: { readonly mean: number; readonly variance: number };
}

/** Mean and variance of the walkers after step t, beside equation 4: sqrt(alphaBar) x0 and 1 - alphaBar. */
export function walkMoments({ alphaBar }: NoiseSchedule, { x0, places, count }: Walk, t: number): Moments {
  const x = places.subarray(t * count, (t + 1) * count);
  const mean = x.reduce((sum, v) => sum + v, 0) / count;
  const variance = x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (count - 1);
  const expected = { mean: Math.sqrt(alphaBar[t]) * x0, variance: 1 - alphaBar[t] };
  return {
    mean, variance, expected,
    errors: {
      mean: (mean - expected.mean) / Math.sqrt(expected.variance / count),
      variance: (variance - expected.variance) / (expected.variance * Math.sqrt(2 / (count - 1))),
    },
  };
}
