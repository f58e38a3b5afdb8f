/**
 * @fromnoise/diffusion: denoising diffusion probabilistic models. This entry loads in Node and in browsers;
 * what needs files (folders of images, runs, PNG files) is in @fromnoise/diffusion/node.
 */
export * from "./schedules.js";
export * from "./predictions.js";
export * from "./timesteps.js";
export { combineEach, convertPrediction, posteriorMean, predictionTarget, qSample, type Timesteps } from "./process.js";
export { diffusionLoss } from "./loss.js";
export { exactEpsilon, type GaussianMixture } from "./exact.js";
export { ancestralSampler, ancestralStep, type AncestralStepOptions } from "./samplers/ancestral.js";
export { ddimSampler, ddimStep, type DdimOptions, type DdimStepOptions } from "./samplers/ddim.js";
export {
  lastOf, type Denoiser, type NoiseSource, type PredictOptions, type SamplerOptions, type SamplerStep,
} from "./samplers/step.js";
export { denoiserOf } from "./denoiser.js";
export { reverseSteps, sampleImages, type SamplingOptions, type SamplingResult } from "./sampling.js";
export {
  lrSchedule, trainConfig, trainDefaults, trainFields, type ModelFields, type ResumeOverrides, type TrainConfig, type TrainConfigInput,
} from "./train/config.js";
export { checkFields, field, group, optional, type Field, type Fields, type Group } from "./config/fields.js";
export * as kinds from "./config/kinds.js";
export { demoConfig } from "./train/demo-config.js";
export { startPosition, streams, Trainer, type TrainerPosition } from "./train/trainer.js";
export { BUCKETS, parseMetrics, type StepMetrics } from "./train/metrics.js";
export * from "./data/portable.js";
export * from "./image/portable.js";
export { verifyTraining, type TrainGolden } from "./verify/golden-train.js";
