/** What a file format of models is to the rest of the house, and the plain data that every format is read as. */
import { ConfigError } from "@fromnoise/tensor";
import type { JsonObject, NetworkSpec, StateEntry } from "@fromnoise/nn";
import type { ClipOptions } from "../denoisers/clipped.js";
import type { PredictionName } from "../denoisers/prediction.js";
import type { ProcessOptions } from "../process/named.js";
import type { VarianceKind } from "../process/schedules.js";
import type { TrainConfig, TrainConfigInput } from "../train/config.js";
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
  /** Whether guesses of x0 are clipped to [-1, 1], or how. */
  readonly clipX0: boolean | ClipOptions;
}

/** Which average of a run's weights: taken at the end of which step, and its relative length where it is by a power of time (docs/averages.md). */
export interface AverageInfo { readonly step: number; readonly length?: number }

/** A model with one set of weights, as a file holds it. */
export interface ModelFile extends ModelInfo {
  readonly tensors: ReadonlyMap<string, StateEntry>;
  /** One line for people: file, step, which weights. */
  readonly source: string;
  /** Of a run's checkpoint: the configuration of the run. */
  readonly training?: TrainConfig;
  /** Of a run's checkpoint: where the run stood. */
  readonly position?: TrainerPosition;
  /** Of averaged weights of a run: which they are. */
  readonly average?: AverageInfo;
  /** What else the file tells of its model, for people. */
  readonly facts?: JsonObject;
  /** Of another program's checkpoint: how it was trained, as far as the file says. */
  readonly trained?: TrainConfigInput;
  /** Of another program's checkpoint: the sets of weights that it holds, where it says which they are. */
  readonly held?: readonly Weights[];
}

/** Weights of a run: averaged, or the parameters themselves. */
export const WEIGHTS = ["ema", "model"] as const;
/** Averaged weights or the trained ones themselves. */
export type Weights = (typeof WEIGHTS)[number];

export interface ReadOptions {
  /** Which weights; unless given the averaged ones where there are any. */
  readonly weights?: Weights;
  /** Which of several files of the same weights, such as "fp16", where the format has such. */
  readonly variant?: string;
  /** What the file does not say of its network and process, where the format has such files: JSON that the layout knows. */
  readonly network?: Readonly<Record<string, unknown>>;
}

/** Throws ConfigError where a format is told what its files say themselves. */
export function refuseNetwork(name: string, { network }: Pick<ReadOptions, "network">): void {
  if (network !== undefined) throw new ConfigError(`--network is not for ${name}`, ["allowed  a file of PyTorch that does not say which network it is of"]);
}

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
  describe(source: Source, options?: Pick<ReadOptions, "network">): Promise<Described>;
}

/** A kind of files that models come in: how it is recognised, read and, where we do, written. */
export interface ModelFormat extends Held {
  /**
   * Reads what `detect` was true for.
   * Throws CheckpointError for what is missing or damaged, ConfigError for what is not implemented.
   */
  read(source: Source, options?: ReadOptions): Promise<ModelFile>;
  /**
   * Writes files that `read` reads, the variant fp16 in half precision. Throws ConfigError for a model that the format cannot hold, CheckpointError for weights
   * that are not finite, and what the target throws.
   */
  write?(model: Omit<ModelFile, "source">, to: Target, options?: { variant?: "fp16" }): Promise<void>;
}
