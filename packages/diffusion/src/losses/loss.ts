/** What training minimises: a function of the network's output and of what was noised, with its derivative beside it. */
import type { Tensor } from "@fromnoise/tensor";
import type { Prediction, PredictionName } from "../denoisers/prediction.js";
import type { Decoder } from "../likelihood/decoder.js";
import type { NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import type { VarianceKind } from "../process/schedules.js";
import type { LossWeighting } from "./weighting.js";

/** A level as training drew it. */
export interface DrawnLevel extends NoiseLevel {
  /** What the loss of its image is multiplied by, where levels are not drawn as often as they count; 1 unless there. */
  readonly weight?: number;
}

/** What a loss may know of a batch besides the network's output: xt = alpha x0 + sigma eps, [N, ...], image by image. */
export interface LossTerms {
  readonly x0: Tensor;
  readonly eps: Tensor;
  readonly xt: Tensor;
  readonly levels: readonly DrawnLevel[];
}

/** A loss: what the network is to say, and what its answer costs, with the gradient. */
export interface Loss {
  readonly name: string;
  /** What the network is to say. */
  readonly prediction: Prediction;
  /** Values that the network gives for each value of a sample: 1, or 2 where it learns a variance too. */
  readonly heads: number;
  /** {loss: scalar [], perImage: [N] the unweighted errors}. Throws ShapeError where output and terms do not fit. */
  forward(output: Tensor, terms: LossTerms): { loss: Tensor; perImage: Tensor };
  /** doutput; dy [] is the gradient of the loss itself. Throws ShapeError likewise. */
  backward(dy: Tensor, output: Tensor, terms: LossTerms): Tensor;
}

/** What the losses of `losses` are made from. */
export interface LossOptions {
  readonly prediction: PredictionName | Prediction;
  /** How an image's error is weighted by its level of noise; default simple. */
  readonly weighting?: LossWeighting;
  /** Bound of min-SNR; default 5. */
  readonly gamma?: number;
  /** Of losses that are a bound: the process whose steps it sums over. */
  readonly process?: Process;
  /** Of losses that are a bound: the variance of steps back; default learned-range. */
  readonly variance?: VarianceKind;
  /** Of losses that are a bound: how the last step gives a likelihood; default that of images of 256 levels. */
  readonly decoder?: Decoder;
}

/** The weights of the draws, one an image. */
export function drawWeights({ levels }: LossTerms): number[] {
  return levels.map(({ weight = 1 }) => weight);
}
