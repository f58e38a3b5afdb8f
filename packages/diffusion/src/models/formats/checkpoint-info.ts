/**
 * What a checkpoint says beside its tensors: one JSON string, `fromnoise` in the metadata of a safetensors file,
 *
 *   { format: "fromnoise-checkpoint-2", model: { network: { kind, config }, process, prediction, variance, clipX0 },
 *     training, position, average, facts, digests: { "model.conv_in.weight": SHA-256 of its bytes in hex, ... } }
 *
 * Everything stands once: `training` is the configuration of the run but for what `model` says already. A model alone has neither
 * training nor position; averaged weights of a run that stand alone have training, and say in `average` which they are. `facts` are whatever
 * is to be told of a model: what it scored. docs/checkpoint-format.md tells it to other programs.
 */
import type { JsonObject } from "@fromnoise/nn";
import { savedConfig, type TrainConfig } from "../../train/config.js";
import { modelFields } from "../../train/model-fields.js";
import type { TrainerPosition } from "../../train/trainer.js";
import type { AverageInfo, ModelInfo } from "../model-format.js";

export const FORMAT_2 = "fromnoise-checkpoint-2";

/** A checkpoint but for its tensors: a model, and of a run its configuration and where it stood, or which average of it this is. */
export interface CheckpointInfo {
  readonly model: ModelInfo;
  readonly training?: TrainConfig;
  readonly position?: TrainerPosition;
  /** Of averaged weights alone: which they are. */
  readonly average?: AverageInfo;
  /** What is to be told of a model, for people. */
  readonly facts?: JsonObject;
}

/** SHA-256 of the bytes of each tensor, by full name. */
export type Digests = Readonly<Record<string, string>>;

/** A run's configuration in two: what its model has, and the rest. */
export function splitConfig(
  { kind, config }: ModelInfo["network"], { model: _network, schedule, prediction, sampling, ...training }: TrainConfig,
): { model: ModelInfo; training: object } {
  return { model: { network: { kind, config }, process: schedule, prediction, ...sampling }, training };
}

/** The two together again, be the rest under today's names or earlier ones. Throws ConfigError as trainConfig does. */
export function joinConfig({ network, process, prediction, variance, clipX0 }: ModelInfo, training: object): TrainConfig {
  return savedConfig({ ...training, model: modelFields(network), schedule: process, prediction, sampling: { variance, clipX0 } });
}

/** The JSON string. */
export function formatInfo({ model, training, position, average, facts }: CheckpointInfo, digests: Digests): string {
  const { network: { kind, config }, process, prediction, variance, clipX0 } = model;
  return JSON.stringify({
    format: FORMAT_2, model: { network: { kind, config }, process, prediction, variance, clipX0 },
    training: training === undefined ? undefined : splitConfig(model.network, training).training, position, average, facts,
    digests,
  });
}
