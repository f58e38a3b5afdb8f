/** What a training step reports, and the text form in which a run keeps it: one JSON object a line, in step order. */
import { ConfigError } from "@fromnoise/tensor";
import { parseJson } from "@fromnoise/nn";
import type { NoiseLevel } from "../process/level.js";

/** What a step says: loss, norm of the gradient, learning rate, time, and losses by part of the process. */
export interface StepMetrics {
  /** Optimiser steps done, from 1. */
  step: number;
  /** The weighted loss that was minimised, mean over the step's images. */
  loss: number;
  /** Global norm of the gradient before clipping. */
  gradNorm: number;
  lr: number;
  /** Mean unweighted error of the images whose t fell into each tenth of 0 .. T-1, or whose u into each of 0 .. 1; null where none did. */
  buckets: (number | null)[];
  /** Images per second of this step, and seconds since the run was started or resumed. */
  imagesPerSecond: number;
  seconds: number;
  /** At every `boundEvery`th step: the bound on held-out images in bits per dimension, null where it is not finite. */
  bound?: number | null;
}

/** Parts of the process, from noise to image, by which losses are counted apart. */
export const BUCKETS = 10;

/** Mean error by tenth of a process of T steps, or, by u, of a continuous one. */
export function bucketMeans(errors: ArrayLike<number>, levels: readonly NoiseLevel[], T = 1): (number | null)[] {
  const sums = new Float64Array(BUCKETS);
  const counts = new Int32Array(BUCKETS);
  levels.forEach(({ index, u }, i) => {
    const bucket = Math.min(Math.floor(((index ?? u!) * BUCKETS) / T), BUCKETS - 1);
    sums[bucket] += errors[i];
    counts[bucket]++;
  });
  return Array.from(sums, (sum, i) => (counts[i] === 0 ? null : sum / counts[i]));
}

/**
 * The metrics in a JSON-lines text, up to and including step `last`. A line cut short by a kill can only be the final one and is
 * dropped. Throws ConfigError when another line is broken.
 */
export function parseMetrics(text: string, last = Infinity): StepMetrics[] {
  const lines = text.split("\n").filter((line) => line !== "");
  const metrics: StepMetrics[] = [];
  lines.forEach((line, i) => {
    try {
      metrics.push(parseJson(line) as StepMetrics);
    } catch {
      if (i < lines.length - 1) {
        throw new ConfigError(`metrics.jsonl: line ${i + 1} is not JSON`, [`line     ${line.slice(0, 80)}`]);
      }
    }
  });
  return metrics.filter(({ step }) => step <= last);
}
