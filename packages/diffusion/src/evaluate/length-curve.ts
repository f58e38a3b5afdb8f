/** How good the samples of a run's averages are by their length: docs/averages.md. */
import { ConfigError, type Device } from "@fromnoise/tensor";
import { modelOn, type TrainedModel } from "../models/load-model.js";
import type { Source } from "../models/source.js";
import { rebuildAverage } from "../train/averages.js";
import { evaluateModel, type Evaluation, type EvaluatedSampling } from "./evaluate.js";
import type { Watched } from "./dataset-rows.js";
import type { Reference } from "./reference.js";

/** One length of average: how well its profile is met, and what its samples get. */
export interface LengthPoint {
  readonly length: number;
  /** How far the rebuilt profile is from that of this length, as a share of it. */
  readonly error: number;
  readonly evaluation: Evaluation;
}

/** All lengths, and the one of the least distance. */
export interface LengthCurve {
  /** At the end of which step the averages are taken. */
  readonly step: number;
  readonly points: readonly LengthPoint[];
  /** The length with the least Frechet distance. */
  readonly best: number;
}

/** Which lengths are compared, by how many samples, drawn how. */
export interface LengthCurveOptions<O extends object, S> extends Watched {
  readonly lengths: readonly number[];
  /** Default the last step that has averages. */
  readonly step?: number | undefined;
  readonly device: Device;
  readonly reference: Reference;
  /** Samples of each length; default as many as the reference compares. */
  readonly count?: number;
  readonly sampling?: EvaluatedSampling<O, S>;
  /** Called after each length. */
  readonly onPoint?: (point: LengthPoint) => void;
}

/**
 * Rebuilds the averages of a run's folder at some lengths and evaluates samples of each, all drawn from the same noise, so that lengths
 * differ by themselves alone. The loss is not compared (`lossGap`). Throws as `rebuildAverage` and `evaluateModel`.
 */
export async function lengthCurve<O extends object, S>(source: Source, options: LengthCurveOptions<O, S>): Promise<LengthCurve> {
  const { lengths, step, device, reference, count, sampling, onPoint, ...watched } = options;
  if (lengths.length === 0) throw new ConfigError("a curve of no lengths");
  const points: LengthPoint[] = [];
  let at = 0;
  for (const length of lengths) {
    const { info, tensors, error } = await rebuildAverage(source, { length, step });
    at = info.average.step;
    const model: Omit<TrainedModel, "training"> = modelOn(device, { ...info.model, tensors, source: `${source.name}, length ${length}` });
    try {
      const { evaluation } = await evaluateModel(reference, {
        model, device, ...watched, ...(count === undefined ? {} : { count }), ...(sampling === undefined ? {} : { sampling }),
      });
      points.push({ length, error, evaluation });
    } finally {
      for (const p of model.network.parameters) p.dispose();
    }
    onPoint?.(points.at(-1)!);
  }
  const best = points.reduce((a, b) => (b.evaluation.samples.frechet < a.evaluation.samples.frechet ? b : a));
  return { step: at, points, best: best.length };
}

/** At most n lengths from one to another, each the same multiple of the one before, rounded to three digits behind the point. */
export function lengthsBetween([from, to]: readonly [number, number], n: number): number[] {
  const at = (i: number): number => (i === 0 ? from : i === n - 1 ? to : Math.min(to, Math.max(from, Math.round(1000 * from * (to / from) ** (i / (n - 1))) / 1000)));
  return [...new Set(Array.from({ length: n }, (_, i) => at(i)))];
}
