/**
 * @fromnoise/diffusion: denoising diffusion probabilistic models. This entry loads in Node and in browsers;
 * what needs files (folders of images, runs, PNG files) is in @fromnoise/diffusion/node.
 */
export * from "./process/schedules.js";
export * from "./denoisers/prediction.js";
export * from "./process/timesteps.js";
export { combineEach, convertPrediction, posteriorMean, predictionTarget, qSample, type Timesteps } from "./process/q-sample.js";
export { diffusionLoss } from "./losses/weighted-mse.js";
export { exactEpsilon, type GaussianMixture } from "./denoisers/exact.js";
export { ancestralSampler, ancestralStep, type AncestralStepOptions } from "./samplers/ancestral.js";
export { ddimSampler, ddimStep, type DdimOptions, type DdimStepOptions } from "./samplers/ddim.js";
export {
  lastOf, type Denoiser, type NoiseSource, type PredictOptions, type SamplerOptions, type SamplerStep,
} from "./samplers/step.js";
export { denoiserOf } from "./denoisers/denoiser.js";
export { reverseSteps, sampleImages, type SamplingOptions, type SamplingResult } from "./models/sample-images.js";
export { memorySource, type Source } from "./models/source.js";
export type { Target } from "./models/target.js";
export type { ModelFile, ModelFormat, ModelInfo, Weights } from "./models/model-format.js";
export { formatOf, modelFormats } from "./models/model-formats.js";
export { checkpointFormat } from "./models/formats/checkpoint-format.js";
export type { CheckpointInfo } from "./models/formats/checkpoint-info.js";
export { encodeCheckpoint, readCheckpoint, type Checkpoint, type CheckpointGroups } from "./models/formats/checkpoint.js";
export { diffusersFormat } from "./models/formats/diffusers.js";
export { loadModel, type LoadModelOptions, type TrainedModel } from "./models/load-model.js";
export {
  lrSchedule, trainConfig, trainDefaults, trainFields, type ModelFields, type ResumeOverrides, type TrainConfig, type TrainConfigInput,
} from "./train/config.js";
export { checkFields, field, group, optional, type Field, type Fields, type Group } from "./config/fields.js";
export * as kinds from "./config/kinds.js";
export { demoConfig } from "./train/demo-config.js";
export { restoreTrainer } from "./train/checkpoint.js";
export { startPosition, streams, Trainer, type TrainerPosition } from "./train/trainer.js";
export { BUCKETS, parseMetrics, type StepMetrics } from "./train/metrics.js";
export * from "./data/index.js";
export * from "./image/index.js";
export { verifyTraining, type TrainGolden } from "./verify/golden-train.js";
