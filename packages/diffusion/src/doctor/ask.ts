/** A network asked on host arrays. */
import { ConfigError, multiply, split, tensor } from "@fromnoise/tensor";
import type { Network } from "@fromnoise/nn";
import { predictionCoefficients, predictionOf, type Prediction, type PredictionName } from "../denoisers/prediction.js";
import type { NoiseLevel } from "../process/level.js";
import type { Images, Patient } from "./patient.js";

/** What is noised: images, all at one level, with their noise. */
export interface Noised {
  readonly images: Images;
  readonly eps: Float64Array;
  readonly at: NoiseLevel;
}

/** What the network is told in place of the truth. */
export interface Told {
  /** The time, in place of the level's. */
  readonly time?: number;
  /** The classes, in place of the images'. */
  readonly labels?: readonly number[] | undefined;
  /** Images at once; default 32. */
  readonly batch?: number;
}

const BATCH = 32;

/** x_t = alpha x0 + sigma eps. */
export function noised({ images: { data }, eps, at: { alpha, sigma } }: Noised): Float64Array {
  return data.map((x0, i) => alpha * x0 + sigma * eps[i]);
}

/**
 * The network's own output for x_t [N D], of two heads the first: as rawDenoiser asks it. Throws ConfigError for networks that need
 * what the doctor does not have.
 */
export async function outputOf(
  { device, training: { shape }, model: { prediction } }: Pick<Patient, "device" | "training" | "model">, network: Network, asked: Noised, told: Told = {},
): Promise<Float64Array> {
  const { classes, embedding, nullClass, kind } = network.spec;
  if (embedding !== undefined || classes === Infinity) {
    throw new ConfigError(`doctor: ${kind} is conditioned on more than a class`, ["allowed  networks of x, t and one of a number of classes"]);
  }
  const { images: { count, size, labels: own }, at } = asked;
  const labels = told.labels ?? own ?? new Array<number>(count).fill(nullClass ?? 0);
  const scale = predictionOf(prediction).inputScale?.(at) ?? 1;
  const xt = noised(asked), said = new Float64Array(count * size);
  const dtype = network.parameters[0]?.tensor.dtype ?? "f32";
  const { batch = BATCH, time = at.time } = told;
  for (let start = 0; start < count; start += batch) {
    const n = Math.min(batch, count - start);
    const y = device.scope(() => {
      const x = tensor(xt.subarray(start * size, (start + n) * size), { device, dtype, shape: [n, ...shape] });
      const given = classes === undefined ? {} : { labels: labels.slice(start, start + n) };
      const output = network.apply(scale === 1 ? x : multiply(x, scale), new Array<number>(n).fill(time), given);
      return output.shape.at(-1) === x.shape.at(-1) ? output : split(output, 2, -1)[0];
    });
    said.set(await y.data().finally(() => y.dispose()), start * size);
  }
  return said;
}

/** x0 as an output has it. Throws ConfigError where the prediction says nothing at the level. */
export function x0In(output: Float64Array, asked: Noised, prediction: PredictionName | Prediction): Float64Array {
  const [a, b] = predictionCoefficients(asked.at, prediction, "x0");
  return noised(asked).map((x, i) => a * x + b * output[i]);
}

/** The mean squared error of a guess of x0, image by image: [N]. */
export function errorsOf(guess: Float64Array, { count, size, data }: Images): Float64Array {
  return Float64Array.from({ length: count }, (_, n) => {
    let sum = 0;
    for (let i = n * size; i < (n + 1) * size; i++) sum += (guess[i] - data[i]) ** 2;
    return sum / size;
  });
}

/** What a squared error of x0 is in units of the network's own output, dF = dx0 / b. */
export function inOwnUnits(at: NoiseLevel, prediction: PredictionName | Prediction): number {
  const [, b] = predictionCoefficients(at, prediction, "x0");
  return 1 / (b * b);
}
