/** What a file format of models is to the rest of the house, and the plain data that every format is read as. */
import type { NetworkSpec, StateEntry } from "@fromnoise/nn";
import type { PredictionName } from "../denoisers/prediction.js";
import type { ProcessOptions } from "../process/named.js";
import type { VarianceKind } from "../process/schedules.js";
import type { TrainConfig } from "../train/config.js";
import type { TrainerPosition } from "../train/trainer.js";
import type { Source } from "./source.js";
import type { Target } from "./target.js";

/** A network, how it was trained to see noise, and how its maker sampled: all of a model but its weights, as JSON. */
export interface ModelInfo {
  readonly network: Pick<NetworkSpec, "kind" | "config">;
  /** The noising process. */
  readonly process: ProcessOptions;
  /** What the network predicts. */
  readonly prediction: PredictionName;
  /** Of ancestral steps. */
  readonly variance: VarianceKind;
  /** Whether guesses of x0 are clipped to [-1, 1]. */
  readonly clipX0: boolean;
}

/** A model with one set of weights, as a file holds it. */
export interface ModelFile extends ModelInfo {
  readonly tensors: ReadonlyMap<string, StateEntry>;
  /** One line for people: file, step, which weights. */
  readonly source: string;
  /** Of a run's checkpoint: the configuration of the run. */
  readonly training?: TrainConfig;
  /** Of a run's checkpoint: where the run stood. */
  readonly position?: TrainerPosition;
}

/** Weights of a run: averaged, or the parameters themselves. */
export const WEIGHTS = ["ema", "model"] as const;
export type Weights = (typeof WEIGHTS)[number];

/** What can be said of a source without reading a tensor. */
export interface Described {
  readonly network: ModelInfo["network"];
  /** Facts for people. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** How the model sees noise, where the source says it. */
  readonly how?: Omit<ModelInfo, "network">;
  /** Steps of training done, and to be done in all, where the source says so. */
  readonly step?: number;
  readonly steps?: number;
  /** The sets of weights that `read` may be asked for, where there is a choice. */
  readonly weights?: readonly Weights[];
}

/** What a source may hold: how it is told, and what of it can be shown. */
export interface Held {
  /** What messages call it: "a folder as diffusers writes it". */
  readonly name: string;
  /** The files by which it is known, for people. */
  readonly files: string;
  detect(source: Source): Promise<boolean>;
  /** The network, and facts for people, without reading a tensor. Throws as `read` does. */
  describe(source: Source): Promise<Described>;
}

export interface ModelFormat extends Held {
  /**
   * Reads what `detect` was true for; `weights` says which of them, unless given the averaged ones where there are any.
   * Throws CheckpointError for what is missing or damaged, ConfigError for what is not implemented.
   */
  read(source: Source, options?: { weights?: Weights }): Promise<ModelFile>;
  /** Writes files that `read` reads. Throws ConfigError for a model that the format cannot hold, and what the target throws. */
  write?(model: Omit<ModelFile, "source">, to: Target): Promise<void>;
}
