/** A training loop in which everything may be replaced: what the lab breaks. It is Algorithm 1 with an optimiser and averages. */
import { Random, tensor, type Device } from "@fromnoise/tensor";
import { Adam, clipCoefficient, Ema, globalNorm, Grads, initialize, Sgd, type Network } from "@fromnoise/nn";
import {
  BatchOrder, loadBatch, randomDraws, trainingStep, type Dataset, type Loss, type Process, type StepMetrics,
} from "@fromnoise/diffusion";

export interface Training {
  readonly network: Network;
  readonly process: Process;
  readonly loss: Loss;
  readonly data: Dataset;
  readonly steps: number;
  /** After ten steps of rise; it stays there. */
  readonly lr: number;
  readonly batch: number;
  readonly seed: number;
  /** Plain gradient descent with momentum 0.9 in place of Adam. */
  readonly plain?: boolean;
  /** Decays of the averages that are kept, each warmed up unless it says otherwise. */
  readonly averages: readonly { readonly decay: number; readonly warmup: "ratio" | "none" }[];
  /** The class that the network is told for an image. */
  label?(image: number): number;
  /** Masks of dropout are drawn. */
  readonly dropout?: boolean;
  readonly onStep?: (metrics: StepMetrics) => void;
}

export interface Trained {
  /** The weights as the last step left them. */
  readonly raw: Network;
  /** Their averages, in the order asked for. */
  readonly averages: readonly Network[];
  readonly metrics: readonly StepMetrics[];
}

/** The largest norm of a step's gradient. */
const MOST_NORM = 1;
const RISE = 10;

/** Trains; a step whose gradient is not finite ends it, with the weights of the step before. */
export async function train(device: Device, training: Training): Promise<Trained> {
  const { process, loss, data, steps, batch, seed, plain = false } = training;
  const network = initialize(training.network, { device, seed });
  const optimizer = plain ? new Sgd(network, { momentum: 0.9 }) : new Adam(network);
  const averages = training.averages.map((options) => new Ema(network, options));
  const order = new BatchOrder({ count: data.count, batch, seed });
  const stream = (n: number): Random => new Random(seed, n);
  const draws = randomDraws({ levels: stream(1), noise: stream(2), ...(training.dropout === true ? { dropout: stream(3) } : {}) });
  const { label = (i: number) => data.label!(i) } = training;
  const metrics: StepMetrics[] = [];
  for (let step = 1; step <= steps; step++) {
    const indices = order.next();
    const x0 = tensor(loadBatch(data, indices), { device, shape: [batch, ...data.shape] });
    const labels = network.spec.classes === undefined ? undefined : Array.from(indices, (i) => label(i));
    const grads = new Grads(device);
    const made = trainingStep({ network, process, loss, draws }, { x0, labels }, grads);
    const norm = globalNorm(grads);
    const [value, gradNorm] = [await made.loss.item(), await norm.item()];
    const finite = Number.isFinite(value) && Number.isFinite(gradNorm);
    const lr = training.lr * Math.min(1, step / RISE);
    if (finite) {
      optimizer.step(grads, { lr, gradScale: clipCoefficient(gradNorm, MOST_NORM) });
      for (const average of averages) average.update();
    }
    await device.sync();
    for (const t of [x0, made.loss, made.perImage, norm]) t.dispose();
    grads.clear();
    if (!finite) break;
    metrics.push({ step, loss: value, gradNorm, lr, buckets: [], imagesPerSecond: 0, seconds: 0 });
    training.onStep?.(metrics.at(-1)!);
  }
  optimizer.dispose();
  return { raw: network, averages: averages.map((average) => average.network), metrics };
}
