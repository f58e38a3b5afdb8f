/** Statistics of samples. The test whether two samples differ is that of the `benchmark` package. */
import Benchmark from "benchmark";

/** The q-quantile, 0 <= q <= 1, linear between order statistics. NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1), below = Math.floor(at);
  return below + 1 < sorted.length ? sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]) : sorted[below] ?? NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Variance of the mean: s^2 / n with s^2 the unbiased variance of the values. NaN below two values. */
function varianceOfMean(values: readonly number[]): number {
  const m = mean(values), n = values.length;
  return n < 2 ? NaN : values.reduce((sum, v) => sum + (v - m) ** 2, 0) / (n - 1) / n;
}

/** Student's t: 97.5 % quantiles for 1 .. 10 degrees of freedom, then by an expansion in 1 / df (within 0.2 %). */
export function t95(df: number): number {
  const table = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
  if (df <= 10) {
    const low = Math.max(1, Math.floor(df)), high = Math.min(10, low + 1);
    return table[low - 1] + Math.max(0, df - low) * (table[high - 1] - table[low - 1]);
  }
  const z = 1.959964;
  return z + (z ** 3 + z) / (4 * df) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * df * df);
}

/** Half the 95 % interval of the mean over the mean, in percent. NaN below two values. */
export function relativeMargin(values: readonly number[]): number {
  return (100 * t95(values.length - 1) * Math.sqrt(varianceOfMean(values))) / mean(values);
}

export interface Ratio { ratio: number; low: number; high: number; differs: boolean }

/**
 * The ratio b / a of two sets of round medians with its 95 % interval: Welch's t interval of the difference of mean logarithms,
 * widened (in quadrature) by `drift`, a relative uncertainty that the rounds do not show. `differs` asks also for a rank test
 * (Mann-Whitney, Benchmark.compare). Below two rounds on a side the interval is (0, Infinity).
 */
export function ratioOf(a: readonly number[], b: readonly number[], drift = 0): Ratio {
  const [la, lb] = [a.map(Math.log), b.map(Math.log)];
  const difference = mean(lb) - mean(la);
  const [va, vb] = [varianceOfMean(la), varianceOfMean(lb)];
  const ratio = Math.exp(difference);
  if (Number.isNaN(va) || Number.isNaN(vb)) return { ratio, low: 0, high: Infinity, differs: false };
  const variance = va + vb;
  const df = variance > 0 ? variance ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1)) : Infinity;
  const margin = Math.hypot(t95(df) * Math.sqrt(variance), drift);
  const [low, high] = [Math.exp(difference - margin), Math.exp(difference + margin)];
  return { ratio, low, high, differs: (low > 1 || high < 1) && rankTest(a, b) !== 0 };
}

/** 1 where b is slower than a, -1 where it is faster, 0 where ranks do not tell: Mann-Whitney at 5 %. */
export function rankTest(a: readonly number[], b: readonly number[]): number {
  const [first, second] = [a, b].map((values) => {
    const benchmark = new Benchmark("", () => undefined);
    benchmark.stats.sample = [...values];
    return benchmark;
  });
  return (first as Benchmark & { compare(other: Benchmark): number }).compare(second);
}
