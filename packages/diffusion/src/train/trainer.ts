/**
 * Training a denoiser: Algorithm 1 of Ho et al. 2020 with accumulation, clipping, an optimiser and an average of the weights.
 * Everything random comes from counters, so a step can be replayed, and a run resumed, bit for bit.
 */
import { add, NumericError, Random, randomNormal, setDebug, tensor, type Device, type RandomState, type Tensor } from "@fromnoise/tensor";
import { Adam, clipCoefficient, Ema, globalNorm, Grads, initialize, UNet } from "@fromnoise/nn";
import { BatchOrder, loadBatch } from "../data/batches.js";
import type { ImageDataset } from "../data/dataset.js";
import { diffusionLoss } from "../loss.js";
import { lossWeight } from "../predictions.js";
import { predictionTarget, qSample } from "../process.js";
import { makeSchedule, type NoiseSchedule } from "../schedules.js";
import { lrSchedule, type TrainConfig } from "./config.js";
import { bucketMeans, type StepMetrics } from "./metrics.js";

/** Streams of the run's seed; initial weights, data order and flips have their own, far above. */
export const streams = { timesteps: 1, noise: 2, dropout: 3, preview: 4, sample: 5 } as const;

/** Where a run stands, apart from its tensors: plain JSON. */
export interface TrainerPosition {
  step: number;
  /** Images handed out so far. */
  data: number;
  random: { timesteps: RandomState; noise: RandomState; dropout: RandomState };
}

/** What one optimiser step computed before the weights change. */
interface Gradients { grads: Grads; loss: Tensor; norm: Tensor; errors: Tensor[]; timesteps: number[] }

export class Trainer {
  readonly config: TrainConfig;
  readonly device: Device;
  readonly dataset: ImageDataset;
  readonly schedule: NoiseSchedule;
  readonly unet: UNet;
  readonly optimizer: Adam;
  readonly ema: Ema;
  step = 0;

  readonly #order: BatchOrder;
  readonly #learningRate: (step: number) => number;
  #random: { timesteps: Random; noise: Random; dropout: Random };
  readonly #began = performance.now();

  /** A run at step 0: weights drawn from the seed. Throws ConfigError when data and network do not fit. */
  constructor(config: TrainConfig, device: Device, dataset: ImageDataset) {
    const { seed, dtype, optimizer: { lr, betas: [beta1, beta2], eps, weightDecay } } = config;
    this.config = config;
    this.device = device;
    this.dataset = dataset;
    this.schedule = makeSchedule(config.schedule);
    this.unet = initialize(new UNet(config.model), { device, dtype, seed, scheme: config.init });
    this.optimizer = new Adam(this.unet, { lr, beta1, beta2, eps, weightDecay });
    this.ema = new Ema(this.unet, config.ema);
    this.#learningRate = lrSchedule(config);
    this.#order = new BatchOrder({ count: dataset.count, batch: config.batch, seed });
    this.#random = { timesteps: new Random(seed, streams.timesteps), noise: new Random(seed, streams.noise), dropout: new Random(seed, streams.dropout) };
  }

  /**
   * One optimiser step. The loss and the norm of the gradient are read before the update: when either is not finite the
   * parameters stay as they were, and a NumericError names the first tensor that is not finite, its layer and the step.
   */
  async trainStep(): Promise<StepMetrics> {
    const { config, device } = this;
    const started = performance.now();
    const before = this.position();
    const { grads, loss, norm, errors, timesteps } = this.#gradients();
    try {
      const lossValue = (await loss.item()) / config.accumulate;
      const gradNorm = await norm.item();
      if (!Number.isFinite(lossValue) || !Number.isFinite(gradNorm)) throw await this.#firstNonFinite(before, lossValue, gradNorm);
      const errorValues = await Promise.all(errors.map((t) => t.data()));
      const lr = this.#learningRate(this.step);
      this.optimizer.step(grads, { lr, gradScale: config.clip === 0 ? 1 : clipCoefficient(gradNorm, config.clip) });
      this.ema.update();
      this.step++;
      await device.sync();
      const now = performance.now();
      return {
        step: this.step, loss: lossValue, gradNorm, lr,
        buckets: bucketMeans(errorValues.flatMap((values) => Array.from(values)), timesteps, this.schedule.T),
        imagesPerSecond: (timesteps.length / (now - started)) * 1000, seconds: (now - this.#began) / 1000,
      };
    } finally {
      for (const t of [loss, norm, ...errors]) t.dispose();
      grads.clear();
    }
  }

  /** Forward and backward over all k micro-batches; `loss` is the sum of theirs, the gradient that of their mean. */
  #gradients(): Gradients {
    const { config, device, schedule, unet } = this;
    const grads = new Grads(device);
    const timesteps: number[] = [];
    const errors: Tensor[] = [];
    let total: Tensor | undefined;
    for (let k = 0; k < config.accumulate; k++) {
      const micro = device.scope(() => {
        const { x0, labels } = this.#nextBatch();
        const t = this.#random.timesteps.integers(config.batch, schedule.T);
        const eps = randomNormal(x0.shape, this.#random.noise, { device, dtype: config.dtype });
        const xT = qSample(schedule, x0, t, eps);
        const target = predictionTarget(schedule, x0, eps, t, config.objective);
        const weights = Array.from(t, (s) => lossWeight(schedule, s, config.objective, config.weighting));

        const [prediction, cache] = unet.forward(xT, t, labels, this.#random.dropout);
        const { loss, perImage } = diffusionLoss.forward(prediction, target, weights);
        unet.backward(diffusionLoss.backward(prediction, target, weights, 1 / config.accumulate), cache, grads);
        timesteps.push(...t);
        return { loss, perImage };
      });
      errors.push(micro.perImage);
      const sum: Tensor = total === undefined ? micro.loss : add(total, micro.loss);
      if (total !== undefined) for (const t of [total, micro.loss]) t.dispose();
      total = sum;
    }
    return { grads, loss: total!, norm: globalNorm(grads), errors, timesteps };
  }

  #nextBatch(): { x0: Tensor; labels: Int32Array | undefined } {
    const { config, device, dataset } = this;
    const flips = config.flip ? this.#order.flips() : undefined;
    const indices = this.#order.next();
    const shape = [indices.length, dataset.size, dataset.size, dataset.channels];
    const x0 = tensor(loadBatch(dataset, indices, flips), { shape, device, dtype: config.dtype });
    const labels = this.unet.config.num_class_embeds === null ? undefined : indices.map((i) => dataset.label!(i));
    return { x0, labels };
  }

  /** Replays the step with a check after every kernel. */
  async #firstNonFinite(before: TrainerPosition, loss: number, gradNorm: number): Promise<NumericError> {
    const values = [`loss     ${loss}`, `norm     ${gradNorm} (of the gradient)`, "kept     the parameters are those of the step before"];
    const restore = setDebug({ check: "finite" });
    this.seek(before);
    try {
      const { grads, loss: l, norm: n, errors } = this.#gradients();
      await this.device.sync();
      for (const t of [l, n, ...errors]) t.dispose();
      grads.clear();
    } catch (error) {
      if (!(error instanceof NumericError)) throw error;
      return new NumericError(`step ${this.step + 1}: ${error.summary}`, [...error.details, ...values]);
    } finally {
      restore();
      this.seek(before);
    }
    return new NumericError(`step ${this.step + 1}: the loss or the gradient is not finite`, values);
  }

  /** Where the run stands; with the tensors it is all that a resumed run needs. */
  position(): TrainerPosition {
    const { timesteps, noise, dropout } = this.#random;
    return { step: this.step, data: this.#order.position, random: { timesteps: timesteps.state(), noise: noise.state(), dropout: dropout.state() } };
  }

  seek({ step, data, random }: TrainerPosition): void {
    this.step = this.optimizer.steps = this.ema.updates = step;
    this.#order.seek(data);
    this.#random = { timesteps: Random.from(random.timesteps), noise: Random.from(random.noise), dropout: Random.from(random.dropout) };
  }
}
