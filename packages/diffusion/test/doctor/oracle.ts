/** Data of four classes, each a Gaussian about an image, and the network that says exactly what there is to say of them. */
import { concat, Random, slice, type Tensor } from "@fromnoise/tensor";
import type { Given, Network } from "@fromnoise/nn";
import {
  convertPrediction, discreteProcess, exactDenoiser, type Dataset, type DiscreteProcess, type PredictionName,
} from "../../src/index.js";

const CLASSES = 4, SIDE = 6, CHANNELS = 3;
const SPREAD = 0.15;
const size = SIDE * SIDE * CHANNELS;

/** Smooth images of different brightness and colour, in [-1, 1]. */
const means = Array.from({ length: CLASSES }, (_, c) => Array.from({ length: size }, (__, i) => {
  const k = i % CHANNELS, x = Math.floor(i / CHANNELS) % SIDE, y = Math.floor(i / CHANNELS / SIDE);
  return 0.55 * Math.sin(0.8 * x + 1.7 * c) * Math.cos(0.6 * y + c) - 0.2 * k + 0.1;
}));

/** So many samples: number i is of class i mod 4. */
export function classData(count: number, seed: number): Dataset {
  const random = new Random(seed, 0);
  const noise = random.normal(count * size);
  return {
    name: "classes", count, shape: [SIDE, SIDE, CHANNELS], classes: CLASSES,
    sample: (i) => Float64Array.from(means[i % CLASSES], (m, j) => Math.max(-1, Math.min(1, m + SPREAD * noise[i * size + j]))),
    label: (i) => i % CLASSES,
    describe: () => `classes: ${count} images`,
  };
}

export const process: DiscreteProcess = discreteProcess({ name: "cosine", timesteps: 200 });

/** What may be wrong with it. */
export interface Wrong {
  /** Another class than the one it is told. */
  label?(label: number): number;
  time?(t: number): number;
  output?(y: Tensor): Tensor;
}

/** The exact answer, as a prediction. */
export class Oracle implements Network {
  readonly name = "";
  readonly spec = { kind: "oracle", config: {}, sample: [SIDE, SIDE, CHANNELS], outputs: CHANNELS, classes: CLASSES };
  readonly parameters = [];
  constructor(readonly prediction: PredictionName, readonly wrong: Wrong = {}) {}
  create(): Oracle {
    return new Oracle(this.prediction, this.wrong);
  }
  apply(x: Tensor, t: ArrayLike<number>, { labels }: Given = {}): Tensor {
    const { label = (same: number) => same, time = (same: number) => same, output = (y: Tensor) => y } = this.wrong;
    return x.device.scope(() => {
      const rows = Array.from(t, (given, n) => {
        const at = process.at(Math.max(0, Math.min(199, Math.round(time(given)))));
        const xt = slice(x, [n], [n + 1]);
        const { x0 } = exactDenoiser({ weights: [1], means: [means[label(labels![n])]], sd: SPREAD })(xt, at);
        return convertPrediction(x0, xt, at, "x0", this.prediction);
      });
      return output(concat(rows, 0));
    });
  }
  forward(): never {
    throw new Error("the oracle is not trained");
  }
  backward(): never {
    throw new Error("the oracle is not trained");
  }
}
