/** The roofline of one thread: how near kernels come to what a machine can compute and move. */
import { chartSvg, type Series } from "@fromnoise/diffusion";
import type { Peaks } from "./rows.js";

/** A kernel at one size by one contender. */
export interface RooflinePoint { label: string; color: number; flopsPerByte: number; gflops: number }

/**
 * GFLOP/s a kernel reaches against the operations it does for each byte it must move, under what one thread could do:
 * min(peak, operations a byte x speed of memory), with the speed of the cache drawn solid and that of memory dashed.
 */
export function roofline(peaks: Peaks, points: readonly RooflinePoint[]): string {
  const peak = Math.max(peaks.muladd_gflops, peaks.fused_gflops ?? 0);
  const work = points.map(({ flopsPerByte }) => flopsPerByte);
  const from = 0.5 * Math.min(0.1, ...work), to = 2 * Math.max(100, ...work);
  const roof = (place: string, gbps: number, dashed: boolean): Series => ({
    name: `128-bit peak of ${peak.toFixed(0)}, from ${place}`, x: [from, peak / gbps, to], y: [from * gbps, peak, peak], color: "ink", dashed,
  });
  const labels = [...new Set(points.map(({ label }) => label))];
  return chartSvg([
    roof("cache", peaks.cache_gbps, false), roof("memory", peaks.memory_gbps, true),
    ...labels.map((label): Series => {
      const own = points.filter((point) => point.label === label);
      return { name: label, x: own.map(({ flopsPerByte }) => flopsPerByte), y: own.map(({ gflops }) => gflops), marks: "dots", color: own[0].color };
    }),
  ], { xLabel: "operations a byte", yLabel: "GFLOP/s", logX: true, logY: true, window: 1 });
}
