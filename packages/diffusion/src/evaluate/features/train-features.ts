/** Training a feature network on images of a dataset, the recipe of those that come with the package. */
import { ConfigError, NumericError, ones, Random, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { Adam, clipCoefficient, cosineLr, disposeParameters, globalNorm, Grads, initialize } from "@fromnoise/nn";
import { BatchOrder } from "../../data/batches.js";
import type { Dataset } from "../../data/dataset.js";
import { FeatureNetwork } from "./feature-network.js";
import type { FeatureConfig } from "./config.js";
import { headsLoss, type Answers } from "./heads-loss.js";
import { taskFor, type Question, type Task } from "./tasks.js";

/** What a feature network is trained on, how large it is and for how long. */
export interface FeatureTraining {
  /** Images [H, W, C] with H = W to train on, with labels or without. */
  readonly data: Dataset;
  readonly device: Device;
  /** Of the network; size, channels and heads follow the data. */
  readonly network?: Partial<Pick<FeatureConfig, "widths" | "features" | "bordered">>;
  readonly steps: number;
  /** Images in a step; default 64. */
  readonly batch?: number;
  /** Highest learning rate; default 2e-3. */
  readonly lr?: number;
  /** Default 0. */
  readonly seed?: number;
  readonly task?: Task;
  readonly onStep?: (step: number, loss: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Streams of the seed, beside those of the weights and of the order of images. */
const TRAIN_STREAM = 11, TEST_STREAM = 12;
/** Blocks of random numbers set aside for one question. */
const BLOCKS = 8;
/** Part of the steps in which the learning rate rises. */
const WARMUP = 0.05;

/**
 * A network trained by Adam on the task that suits the data (`taskFor`), the learning rate rising for 1/20 of the steps, then falling to 0
 * as a cosine, gradients clipped to norm 1. A function of data, options and the device's rounding alone. Throws ConfigError for data that are no square
 * images, NumericError when the loss is not finite, and the signal's reason.
 */
export async function trainFeatures({
  data, device, network: options = {}, steps, batch = 64, lr = 2e-3, seed = 0, task = taskFor(data), onStep, signal,
}: FeatureTraining): Promise<FeatureNetwork> {
  const [size, width, channels] = data.shape;
  if (data.shape.length !== 3 || size !== width || (channels !== 1 && channels !== 3)) {
    throw new ConfigError(`${data.name}: feature networks see square images`, [`shape    [${data.shape.join(", ")}]`, "allowed  [S, S, 1], [S, S, 3]"]);
  }
  const network = initialize(new FeatureNetwork({ ...options, size, channels, heads: task.heads }), { device, seed });
  const optimizer = new Adam(network, { lr });
  const schedule = cosineLr(lr, { warmupSteps: Math.ceil(WARMUP * steps), totalSteps: steps });
  const order = new BatchOrder({ count: data.count, batch, seed });
  const random = new Random(seed, TRAIN_STREAM);
  try {
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      const at = order.position;
      const questions = Array.from(order.next(), (i, k) => {
        random.counter = (at + k) * BLOCKS;
        return task.train(data.sample(i) as Float32Array, data.shape, data.label?.(i), random);
      });
      const loss = await trainOn(network, questions, optimizer, schedule(step));
      if (!Number.isFinite(loss)) throw new NumericError(`features: the loss of step ${step + 1} is ${loss}`, ["hint     a smaller learning rate"]);
      onStep?.(step + 1, loss);
    }
  } catch (error) {
    disposeParameters(network);
    throw error;
  } finally {
    optimizer.dispose();
  }
  return network;
}

/** One step: the loss before it. */
async function trainOn(network: FeatureNetwork, questions: readonly Question[], optimizer: Adam, lr: number): Promise<number> {
  const { heads } = network.config;
  const { device } = network.parameters[0].tensor;
  const grads = new Grads(device);
  const held: Tensor[] = [];
  try {
    const answers = answersOf(questions);
    const { loss, norm } = device.scope(() => {
      const [y, cache] = network.forward(imagesOf(questions, network));
      network.backward(headsLoss.backward(ones([], y), y, answers, heads), cache, grads);
      return { loss: headsLoss.forward(y, answers, heads), norm: globalNorm(grads) };
    });
    held.push(loss, norm);
    optimizer.step(grads, { lr, gradScale: clipCoefficient(await norm.item(), 1) });
    return await loss.item();
  } finally {
    grads.clear();
    for (const t of held) t.dispose();
  }
}

function imagesOf(questions: readonly Question[], { config: { size, channels }, parameters: [{ tensor: { device, dtype } }] }: FeatureNetwork): Tensor {
  const each = size * size * channels;
  const values = new Float32Array(questions.length * each);
  questions.forEach(({ image }, i) => values.set(image, i * each));
  return tensor(values, { device, dtype, shape: [questions.length, size, size, channels] });
}

function answersOf(questions: readonly Question[]): Answers {
  return Object.fromEntries(Object.keys(questions[0].answers).map((name) => [name, questions.map(({ answers }) => answers[name])]));
}

/** How a network answers on images it was not trained on: for each head the part of right answers, and the mean cross-entropy in nats. */
export type HeadScores = Readonly<Record<string, { readonly right: number; readonly loss: number }>>;

/** Asks a network about all images of a dataset, `rounds` times each where questions are drawn. Throws as the network's forward. */
export async function testFeatures(
  network: FeatureNetwork, data: Dataset, { task = taskFor(data), seed = 0, rounds = 1, batch = 256 }: { task?: Task; seed?: number; rounds?: number; batch?: number } = {},
): Promise<HeadScores> {
  const random = new Random(seed, TEST_STREAM);
  const names = Object.keys(task.heads);
  const right = names.map(() => 0), loss = names.map(() => 0);
  const all = rounds * data.count;
  for (let start = 0; start < all; start += batch) {
    const questions = Array.from({ length: Math.min(batch, all - start) }, (_, k) => {
      const i = (start + k) % data.count;
      random.counter = (start + k) * BLOCKS;
      return task.test(data.sample(i) as Float32Array, data.shape, data.label?.(i), random);
    });
    const { device } = network.parameters[0].tensor;
    const read = device.scope(() => network.answersByHead(network.read(imagesOf(questions, network)).answers));
    for (const [h, part] of read.entries()) {
      const values = await part.data().finally(() => part.dispose());
      questions.forEach(({ answers }, k) => {
        const y = Array.from(values.subarray(k * task.heads[names[h]], (k + 1) * task.heads[names[h]]));
        const largest = Math.max(...y), answer = y[answers[names[h]]];
        if (answer === largest) right[h]++;
        loss[h] += largest - answer + Math.log(y.reduce((sum, value) => sum + Math.exp(value - largest), 0));
      });
    }
  }
  return Object.fromEntries(names.map((name, h) => [name, { right: right[h] / all, loss: loss[h] / all }]));
}
