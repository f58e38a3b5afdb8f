/** What the ResBlocks are told: of the time, and of a class or another condition where the network has one. */
import { add, at, tensor, type DType, type Device, type Tensor } from "@fromnoise/tensor";
import { ClassEmbedding, type ClassEmbeddingCache } from "../../layers/class-embedding.js";
import { LogFourier } from "../../layers/log-fourier.js";
import { TimeMlp, type TimeMlpCache } from "../../layers/time-mlp.js";
import { timestepEmbedding } from "../../layers/timestep-embedding.js";
import type { Grads } from "../../parameters/grads.js";
import type { Module } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";
import type { Given } from "../network.js";
import { timeChannels, type UNetConfig } from "./config.js";

/** Numbers, times or labels, become rows of features [N, width]; `backward` where something of it is learned. */
interface Features extends Partial<Module> {
  readonly width: number;
  forward(numbers: ArrayLike<number>, like: { device: Device; dtype: DType }): [features: Tensor, cache: ClassEmbeddingCache | undefined];
  backward?(dfeatures: Tensor, cache: ClassEmbeddingCache, grads: Grads): void;
}

interface ToldCache {
  /** Of N numbers; undefined where nothing of the features is learned. */
  features: ClassEmbeddingCache | undefined;
  /** Of the features [N, width]. */
  mlp: TimeMlpCache;
}

export interface EmbeddingCache {
  time: ToldCache;
  /** Of N labels; undefined without classes, and with a condition that is given as a vector. */
  classes: ClassEmbeddingCache | ToldCache | undefined;
}

/**
 * temb = timeMlp(features(t)) + c, [N, D]. The features of a time are sinusoids, rows of a table (time_embedding_type "learned"), or sines
 * and cosines of its logarithm ("fourier"). c is a row of a table, an MLP of the features of a number (class_embed_type "timestep"), the
 * given vector itself ("identity"), or 0.
 */
export class Embedding implements Module {
  readonly name = "";
  readonly parameters: readonly Parameter[];
  private readonly features: Features;
  private readonly timeMlp: TimeMlp;
  private readonly classes: ClassEmbedding | TimeMlp | undefined;

  constructor(config: UNetConfig) {
    const { class_embed_type: type, num_class_embeds: rows } = config;
    const width = timeChannels(config);
    this.features = featuresOf(config);
    this.timeMlp = new TimeMlp("time_embedding", this.features.width, width);
    this.classes = type === "timestep" ? new TimeMlp("class_embedding", this.features.width, width)
      : type === null && rows !== null ? new ClassEmbedding("class_embedding", rows, width) : undefined;
    this.parameters = [this.features, this.timeMlp, this.classes].flatMap((layer) => layer?.parameters ?? []);
  }

  forward(t: ArrayLike<number>, { labels, embedding }: Given, like: { device: Device; dtype: DType }): [temb: Tensor, cache: EmbeddingCache] {
    const [temb, time] = this.told(this.timeMlp, t, like);
    if (embedding !== undefined) return [at("class_embedding", () => add(temb, embedding)), { time, classes: undefined }];
    if (this.classes === undefined) return [temb, { time, classes: undefined }];
    const [c, classes] = this.classes instanceof TimeMlp ? this.told(this.classes, labels!, like) : this.classes.forward(Array.from(labels!));
    return [at("class_embedding", () => add(temb, c)), { time, classes }];
  }

  /** There is no gradient for what is given. */
  backward(dtemb: Tensor, { time, classes }: EmbeddingCache, grads: Grads): void {
    if (this.classes instanceof TimeMlp) this.toldBackward(this.classes, dtemb, classes as ToldCache, grads);
    else this.classes?.backward(dtemb, classes as ClassEmbeddingCache, grads);
    this.toldBackward(this.timeMlp, dtemb, time, grads);
  }

  private told(mlp: TimeMlp, numbers: ArrayLike<number>, like: { device: Device; dtype: DType }): [y: Tensor, cache: ToldCache] {
    const [features, cache] = this.features.forward(numbers, like);
    const [y, mlpCache] = mlp.forward(features);
    return [y, { features: cache, mlp: mlpCache }];
  }

  private toldBackward(mlp: TimeMlp, dy: Tensor, cache: ToldCache, grads: Grads): void {
    const dfeatures = mlp.backward(dy, cache.mlp, grads);
    if (cache.features !== undefined) this.features.backward!(dfeatures, cache.features, grads);
  }
}

function featuresOf(config: UNetConfig): Features {
  const { time_embedding_type: type, block_out_channels: [width], num_train_timesteps: steps } = config;
  if (type === "fourier") return Object.assign(new LogFourier("time_proj", width), { width: 2 * width });
  if (type === "learned") {
    const table = new ClassEmbedding("time_proj", steps!, width);
    return {
      width, parameters: table.parameters,
      forward: (numbers) => table.forward(Array.from(numbers)), backward: (dy, cache, grads) => table.backward(dy, cache, grads),
    };
  }
  const options = { flipSinToCos: config.flip_sin_to_cos, freqShift: config.freq_shift };
  return {
    width,
    forward: (numbers, like) => [tensor(timestepEmbedding(numbers, width, options), { ...like, shape: [numbers.length, width] }), undefined],
  };
}
