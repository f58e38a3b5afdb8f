/**
 * Training a denoiser: Algorithm 1 of Ho et al. 2020 with accumulation, clipping, an optimiser and an average of the weights.
 * Everything random comes from counters, so a step can be replayed, and a run resumed, bit for bit.
 */
import {
  CheckpointError, finiteCheck, NumericError, observe, Random, sizeOf, tensor, type Device, type RandomState, type Tensor,
} from "@fromnoise/tensor";
import {
  Adam, checkRoom, clipCoefficient, disposeParameters, Ema, globalNorm, Grads, initialize, networkOf, PowerEma, type Network,
  type NetworkKinds,
} from "@fromnoise/nn";
import { BatchOrder, loadBatch } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import type { DiffusionModel } from "../denoisers/denoiser.js";
import type { DrawnLevel, Loss } from "../losses/loss.js";
import { lossWeight } from "../losses/weighting.js";
import { processOf } from "../process/named.js";
import type { Process } from "../process/process.js";
import { lrSchedule, type TrainConfig } from "./config.js";
import { lossOf } from "./loss-of.js";
import { bucketMeans, type StepMetrics } from "./metrics.js";
import { checkFit } from "./check-fit.js";
import { drawByLoss, emptyHistory, remembering, type LossHistory } from "./loss-aware.js";
import { modelFields, networkSpec } from "./model-fields.js";
import { drawLevels } from "./time-sampling.js";
import { randomDraws, trainingStep, type TrainingBatch } from "./training-step.js";

/** Streams of the run's seed; initial weights, data order and flips have their own, far above. */
export const streams = { timesteps: 1, noise: 2, dropout: 3, offset: 6, labels: 7, selfCondition: 8 } as const;
type Stream = keyof typeof streams;

/** Something for every stream. */
function forStreams<T>(make: (stream: Stream) => T): Record<Stream, T> {
  return Object.fromEntries((Object.keys(streams) as Stream[]).map((stream) => [stream, make(stream)])) as Record<Stream, T>;
}

/** Where a run stands, apart from its tensors: plain JSON. */
export interface TrainerPosition {
  step: number;
  /** Images handed out so far. */
  data: number;
  random: Record<Stream, RandomState>;
  /** The last losses of every step, where levels are drawn by them. */
  losses?: LossHistory;
  /** How the device rounded multiply-adds, where it says so: whoever goes on otherwise gets other last bits. */
  multiplyAdds?: "fused" | "separate";
}

/** Where a run of this seed begins. */
export function startPosition(seed: number): TrainerPosition {
  return { step: 0, data: 0, random: forStreams((stream) => new Random(seed, streams[stream]).state()) };
}

/** What a trainer keeps for every parameter; the gradients while a step computes. */
const KEPT = ["weights", "averages", "first moments", "second moments", "gradients"] as const;

/** What one optimiser step computed before the weights change: losses by micro-batch, errors and levels of noise by image. */
interface Gradients { grads: Grads; losses: Tensor[]; errors: Tensor[]; levels: DrawnLevel[]; norm: Tensor | undefined }

/** One's own networks: one to be trained, still without values, or the kinds that `config.model` may name. */
export interface TrainerNetwork { network?: Network; networks?: NetworkKinds }

/**
 * A run in memory: the network, its optimiser, the average of its weights, and its place in the data and in every random stream.
 * `trainStep` goes one step on; `position` and `seek` are what checkpoints save and restore. Files are for RunDirectory.
 */
export class Trainer {
  readonly config: TrainConfig;
  readonly device: Device;
  readonly dataset: Dataset;
  readonly process: Process;
  readonly loss: Loss;
  readonly network: Network;
  readonly optimizer: Adam;
  readonly ema: Ema;
  /** Averages from which others can be rebuilt when training is over; none unless `config.profiles.every` asks for them. */
  readonly profiles: readonly PowerEma[];
  step = 0;

  readonly #order: BatchOrder;
  readonly #learningRate: (step: number) => number;
  /** What stopped a step after its first write; while it is there, the tensors are a mixture of two steps. */
  #broken: { step: number; cause: unknown } | undefined;
  #checkpoint: string | undefined;
  #random!: Record<Stream, Random>;
  /** undefined unless levels are drawn by loss. */
  #losses: LossHistory | undefined;
  readonly #began = performance.now();

  /**
   * A run at step 0: weights drawn from the seed. The network is the one that `config.model` describes, or a given one, which
   * `config.model` then comes to describe. Throws ConfigError when data, loss and network do not fit each other,
   * DeviceError when the device has no room for what training keeps, before any of it is made.
   */
  constructor(config: TrainConfig, device: Device, dataset: Dataset, { network, networks }: TrainerNetwork = {}) {
    const { seed, dtype, optimizer: { lr, betas: [beta1, beta2], eps, weightDecay }, profiles } = config;
    const lengths = profiles.every > 0 ? profiles.lengths : [];
    this.config = network === undefined ? config : { ...config, model: modelFields(network.spec) };
    this.device = device;
    this.dataset = dataset;
    this.process = processOf(config.schedule);
    this.loss = lossOf(config, this.process, dataset.shape);
    const made = network ?? networkOf(networkSpec(config.model), networks);
    checkFit(made, this.loss, dataset, config);
    const values = 3 * config.batch * sizeOf(dataset.shape);                         // x0, eps and x_t
    checkRoom(made, { device, dtype, kept: [...KEPT, ...lengths.map((length) => `averages of length ${length}`)], data: { what: `${config.batch} samples a micro-batch and their noise`, values } });
    this.network = initialize(made, { device, dtype, seed, scheme: config.init });
    this.optimizer = new Adam(this.network, { lr, beta1, beta2, eps, weightDecay });
    this.ema = new Ema(this.network, config.ema);
    this.profiles = lengths.map((length) => new PowerEma(this.network, length));
    this.#learningRate = lrSchedule(config);
    this.#order = new BatchOrder({ count: dataset.count, batch: config.batch, seed });
    this.seek(startPosition(seed));
  }

  /**
   * One optimiser step. The loss and the norm of the gradient are read before the update: when either is not finite the
   * parameters stay as they were, and a NumericError names the first tensor that is not finite, its layer and the step.
   * After an error before the update the run stands where it stood before the step. An error in the update itself, or in what a device
   * says of it later, leaves a mixture of two steps: the trainer is then broken, and refuses to step or to be saved until a checkpoint
   * is restored into it, with a CheckpointError that names the last one.
   */
  async trainStep(): Promise<StepMetrics> {
    const { config, device } = this;
    this.assertWhole();
    const started = performance.now();
    const before = this.position();
    const made: Gradients = { grads: new Grads(device), losses: [], errors: [], levels: [], norm: undefined };
    let writing = false;
    try {
      this.#gradients(made);
      const losses = await Promise.all(made.losses.map((t) => t.item()));
      const loss = losses.reduce((sum, value) => sum + value, 0) / config.accumulate;
      const gradNorm = await made.norm!.item();
      if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) throw await this.#firstNonFinite(before, loss, gradNorm);
      const errors = (await Promise.all(made.errors.map((t) => t.data()))).flatMap((values) => Array.from(values));
      const lr = this.#learningRate(this.step);
      writing = true;
      const gradScale = config.gradClip === 0 ? 1 : clipCoefficient(gradNorm, config.gradClip);
      this.optimizer.step(made.grads, { lr, gradScale, average: this.ema });
      for (const average of this.profiles) average.update();
      this.#remember(made.levels, errors);
      this.step++;
      await device.sync();
      const now = performance.now();
      return {
        step: this.step, loss, gradNorm, lr,
        buckets: bucketMeans(errors, made.levels, this.process.levels?.length),
        imagesPerSecond: (made.levels.length / (now - started)) * 1000, seconds: (now - this.#began) / 1000,
      };
    } catch (error) {
      if (writing) this.#broken = { step: before.step + 1, cause: error };
      this.seek(before);
      throw error;
    } finally {
      disposeGradients(made);
    }
  }

  /** The model as it is to be sampled: the average of the weights, which training goes on changing. */
  get model(): DiffusionModel {
    const { ema: { network }, process, loss: { prediction }, config: { sampling } } = this;
    return { network, process, prediction, ...sampling };
  }

  /** Throws CheckpointError while the trainer is broken: see `trainStep`. */
  assertWhole(): void {
    if (this.#broken === undefined) return;
    const { step, cause } = this.#broken;
    throw new CheckpointError(`the trainer broke off in the update of step ${step}; its tensors are a mixture of two steps`, [
      `reason     ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`,
      this.#checkpoint === undefined ? "restore    nothing was saved: begin anew" : `restore    ${this.#checkpoint}`,
    ]);
  }

  /** @internal The run was saved in this file, to which a trainer that breaks off later points. */
  savedIn(checkpoint: string): void {
    this.#checkpoint = checkpoint;
  }

  /** @internal All of the run was read from this file: a trainer that broke off is whole again. */
  restoredFrom(checkpoint: string): void {
    this.#checkpoint = checkpoint;
    this.#broken = undefined;
  }

  /** Forward and backward over all k micro-batches, into `made`: the gradients are those of the mean of their losses. */
  #gradients(made: Gradients): void {
    const { config, network, process, loss: minimised } = this;
    const { timesteps, offset, ...others } = this.#random;
    const draws = randomDraws({
      levels: timesteps, ...others, labelDrop: config.labelDrop, offset: { amount: config.offsetNoise, random: offset },
      drawLevels: (n, _, random) => this.#drawLevels(n, random),
    });
    for (let k = 0; k < config.accumulate; k++) {
      const batch = this.#nextBatch();
      try {
        const { loss, perImage, levels } = trainingStep(
          { network, process, loss: minimised, draws }, batch, made.grads, { scale: 1 / config.accumulate });
        made.losses.push(loss);
        made.errors.push(perImage);
        made.levels.push(...levels);
      } finally {
        batch.x0.dispose();
      }
    }
    made.norm = globalNorm(made.grads);
  }

  #drawLevels(n: number, random: Random): readonly DrawnLevel[] {
    const { config: { timeSampling }, process } = this;
    return timeSampling === "loss-aware" ? drawByLoss(this.#losses!, process.levels!, n, random) : drawLevels(timeSampling, n, process, random);
  }

  /** Remembers the weighted losses of a step's images, where levels are drawn by them. */
  #remember(levels: readonly DrawnLevel[], errors: readonly number[]): void {
    if (this.#losses === undefined) return;
    const { weighting, minSnrGamma } = this.config;
    this.#losses = remembering(
      this.#losses, levels, errors.map((error, i) => error * lossWeight(levels[i], this.loss.prediction, weighting, minSnrGamma)),
    );
  }

  #nextBatch(): TrainingBatch {
    const { config, device, dataset } = this;
    const flips = config.flip ? this.#order.flips() : undefined;
    const indices = this.#order.next();
    const shape = [indices.length, ...dataset.shape];
    const x0 = tensor(loadBatch(dataset, indices, flips), { shape, device, dtype: config.dtype });
    const labels = this.network.spec.classes === undefined ? undefined : indices.map((i) => dataset.label!(i));
    return { x0, labels };
  }

  /** The first tensor that is not finite: a parameter, or in a replay of the step with a check after every kernel. */
  async #firstNonFinite(before: TrainerPosition, loss: number, gradNorm: number): Promise<NumericError> {
    const step = `step ${before.step + 1}`;
    const values = [
      `loss     ${loss}`, `norm     ${gradNorm} of the gradient`, "kept     the parameters are those of the step before",
    ];
    for (const p of this.network.parameters) {
      const data = await p.tensor.data();
      const i = data.findIndex((value) => !Number.isFinite(value));
      if (i >= 0) {
        return new NumericError(
          `${step}: the parameter ${p.name} is not finite`, [`element ${i} of ${data.length} is ${data[i]}`, ...values],
        );
      }
    }
    this.seek(before);
    const made: Gradients = { grads: new Grads(this.device), losses: [], errors: [], levels: [], norm: undefined };
    try {
      await observe(this.device, finiteCheck(), () => this.#gradients(made)).settled;
    } catch (error) {
      if (!(error instanceof NumericError)) throw error;
      const where = error.location === undefined ? [] : [`layer    ${error.location}`];
      return new NumericError(`${step}: ${error.summary}`, [...error.details, ...where, ...values]);
    } finally {
      disposeGradients(made);
    }
    return new NumericError(`${step}: the loss or the gradient is not finite`, values);
  }

  /** Where the run stands; with the tensors it is all that a resumed run needs. */
  position(): TrainerPosition {
    const { multiplyAdds } = this.device;
    return {
      step: this.step, data: this.#order.position, random: forStreams((stream) => this.#random[stream].state()),
      ...(this.#losses === undefined ? {} : { losses: this.#losses }), ...(multiplyAdds === undefined ? {} : { multiplyAdds }),
    };
  }

  /** Goes to where a run stood. A stream that its checkpoint does not know yet, being older, stands at its beginning. */
  seek({ step, data, random, losses }: TrainerPosition): void {
    const { random: beginning } = startPosition(this.config.seed);
    this.step = this.optimizer.steps = step;
    for (const average of [this.ema, ...this.profiles]) average.updates = step;
    this.#order.seek(data);
    if (this.config.timeSampling === "loss-aware") this.#losses = losses ?? emptyHistory(this.process.levels!.length);
    this.#random = forStreams((stream) => Random.from((random as Partial<typeof random>)[stream] ?? beginning[stream]));
  }

  /** Frees the parameters, their averages and the optimiser's moments; the device is the caller's. */
  dispose(): void {
    disposeParameters(this.network);
    this.optimizer.dispose();
    for (const average of [this.ema, ...this.profiles]) average.dispose();
  }
}

function disposeGradients({ grads, losses, errors, norm }: Gradients): void {
  for (const t of [...losses, ...errors, norm]) t?.dispose();
  grads.clear();
}
