/**
 * @fromnoise/diffusion: denoising diffusion probabilistic models. This entry loads in Node and in browsers;
 * what needs files (folders of images, runs, PNG files) is in @fromnoise/diffusion/node.
 * @module @fromnoise/diffusion
 */
export * from "./process/schedules.js";
export * from "./process/timesteps.js";
export { CLEAN, isClean, logSnr, type Amounts, type NoiseLevel } from "./process/level.js";
export { continuousProcess, type ContinuousOptions, type ContinuousProcess, type Curve } from "./process/continuous.js";
export { edmProcess, type EdmOptions } from "./process/edm.js";
export { flowProcess } from "./process/flow.js";
export { cosineProcess, linearProcess, type LogSnrOptions } from "./process/log-snr.js";
export { PROCESS_NAMES, processOf, type ProcessName, type ProcessOptions } from "./process/named.js";
export { lowDiscrepancyTimes, logitNormalTimes, uniformTimes, type Times } from "./process/times.js";
export { rescaleZeroSnr } from "./process/zero-snr.js";
export { discreteProcess, type DiscreteProcess, type Process } from "./process/process.js";
export { combineEach, qSample, type Levels } from "./process/q-sample.js";
export { posterior, posteriorMean, type Posterior } from "./process/posterior.js";
export {
  checkPrediction, convertPrediction, edmPrediction, predictionCoefficients, predictionFor, predictionOf, predictions, PREDICTIONS, predictionTarget,
  type Prediction, type PredictionName,
} from "./denoisers/prediction.js";
export {
  denoiserOf, rawDenoiser, readPrediction, type Denoised, type Denoiser, type DiffusionModel,
} from "./denoisers/denoiser.js";
export { clipped, type ClipOptions } from "./denoisers/clipped.js";
export { dynamicThreshold } from "./denoisers/dynamic-threshold.js";
export { onPath } from "./denoisers/on-path.js";
export { guided, guidanceFields, guidanceOf, type Guidance, type GuidanceOptions } from "./denoisers/guided.js";
export { exactDenoiser, type GaussianMixture } from "./denoisers/exact.js";
export { learnedLogVariance, readVariance, type LogBounds, type SaidVariance } from "./denoisers/variance.js";
export type { DrawnLevel, Loss, LossOptions, LossTerms } from "./losses/loss.js";
export { LOSS_WEIGHTINGS, lossWeight, type LossWeighting } from "./losses/weighting.js";
export { weightedError, type ErrorFunction } from "./losses/weighted-error.js";
export { mseLoss } from "./losses/mse.js";
export { l1Loss } from "./losses/l1.js";
export { hybridLoss } from "./losses/hybrid.js";
export { vlbLoss } from "./losses/vlb.js";
export { losses, LOSSES, type LossName } from "./losses/index.js";
export { gaussianKl, gaussianLogDensity, type Gaussian } from "./likelihood/gaussian.js";
export { exactCdf, tanhCdf, type NormalCdf } from "./likelihood/normal-cdf.js";
export { density, discretised, type Decoder } from "./likelihood/decoder.js";
export { stepsBack, type StepBack } from "./likelihood/steps-back.js";
export { stepGaussian } from "./likelihood/step-gaussian.js";
export { boundTerm, priorTerm, type BoundTerms } from "./likelihood/bound-term.js";
export {
  boundSteps, variationalBound, type Bound, type BoundOptions, type BoundStep, type DenoisingModel,
} from "./likelihood/variational-bound.js";
export { networkDivergence, numericDivergence, type Divergence } from "./likelihood/divergence.js";
export { flowLogLikelihood, type FlowOptions } from "./likelihood/flow.js";
export { rateDistortion, type RatePoint } from "./likelihood/rate-distortion.js";
export { rowSizes, stacked, type Rows } from "./evaluate/rows.js";
export { nearest, NearestSearch, type Nearest, type NearestOptions } from "./evaluate/nearest.js";
export { copies, COPY_RATIO, type Copies } from "./evaluate/copies.js";
export { frechetBetween, frechetDistance, moments, type Moments } from "./evaluate/frechet.js";
export { precisionRecall, type PrecisionRecall } from "./evaluate/precision-recall.js";
export type { Watched } from "./evaluate/dataset-rows.js";
export { featureConfig, type FeatureConfig, type FeatureOptions, type Heads } from "./evaluate/features/config.js";
export { FeatureNetwork, type FeatureCache } from "./evaluate/features/feature-network.js";
export { encodeFeatures, parseFeatures, type FeatureInfo, type Features } from "./evaluate/features/feature-file.js";
export { headsLoss, type Answers } from "./evaluate/features/heads-loss.js";
export { changeTask, classTask, taskFor, type Question, type Task } from "./evaluate/features/tasks.js";
export { testFeatures, trainFeatures, type FeatureTraining, type HeadScores } from "./evaluate/features/train-features.js";
export { readFeatures, type Images, type SeenImages } from "./evaluate/read-features.js";
export { lossGap, type LossGap, type LossGapOptions } from "./evaluate/loss-gap.js";
export { prepareReference, type Figures, type Recognised, type Reference, type ReferenceOptions } from "./evaluate/reference.js";
export {
  askedClass, evaluateImages, evaluateModel, type Evaluated, type EvaluatedSampling, type Evaluation, type ImagesOptions, type ModelOptions,
} from "./evaluate/evaluate.js";
export { lengthCurve, lengthsBetween, type LengthCurve, type LengthCurveOptions, type LengthPoint } from "./evaluate/length-curve.js";
export type { Sampler, SamplerStep, StepContext } from "./samplers/sampler.js";
export { ancestral, ddim, ddimHeun, dpm2m, dpm2mSde, euler, heun, samplers, type AnySampler } from "./samplers/index.js";
export { ddimSigma, type DdimOptions } from "./samplers/ddim.js";
export type { DdimHeunOptions } from "./samplers/ddim-heun.js";
export type { AncestralOptions } from "./samplers/ancestral.js";
export type { EulerOptions } from "./samplers/euler.js";
export type { HeunOptions } from "./samplers/heun.js";
export type { MultistepMemory } from "./samplers/dpm-2m.js";
export type { Dpm2mSdeOptions } from "./samplers/dpm-2m-sde.js";
export { noiseToSignal, sigmaPath, type ChurnOptions, type SigmaOptions } from "./samplers/sigma.js";
export { ddimInversion, type DdimInversionOptions } from "./samplers/ddim-inversion.js";
export { repaint, repaintPath, type Known, type RepaintOptions } from "./samplers/repaint.js";
export { stridedPath } from "./samplers/path.js";
export { seededNoise, type NoiseSource } from "./samplers/noise.js";
export { lastOf, pathOf, runSampler, type RunOptions } from "./samplers/run.js";
export {
  sampleImages, samplingSteps, type SampleBatch, type SamplingOptions, type SamplingResult,
} from "./models/sample-images.js";
export { interpolateLatents, interpolateNoised, slerp, type InterpolationOptions } from "./models/interpolate.js";
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
  lrSchedule, smallUNet, trainConfig, trainDefaults, trainFields, type ResumeOverrides, type TrainConfig, type TrainConfigInput,
} from "./train/config.js";
export type { ModelFields, UNetFields } from "./train/model-fields.js";
export { checkFields, field, group, optional, type Field, type Fields, type Group } from "./config/fields.js";
export * as kinds from "@fromnoise/nn/kinds";
export { recipeNames, recipes, type Recipe, type RecipeSampling } from "./train/recipes.js";
export { demoConfig } from "./train/demo-config.js";
export { pageConfig, pageUNet } from "./train/page-config.js";
export {
  randomDraws, trainingStep, type Draws, type DrawStreams, type TrainingBatch, type TrainingSetup, type TrainingStep,
} from "./train/training-step.js";
export { rebuildAverage, type RebuiltAverage } from "./train/averages.js";
export { restoreTrainer } from "./train/checkpoint.js";
export { startPosition, streams, Trainer, type TrainerNetwork, type TrainerPosition } from "./train/trainer.js";
export { BUCKETS, parseMetrics, type StepMetrics } from "./train/metrics.js";
export * from "./data/index.js";
export * from "./image/index.js";
export * from "./chart/index.js";
export { modelGolden, verifyModel, type ModelGolden } from "./verify/golden-model.js";
export { verifyTraining, type TrainGolden } from "./verify/golden-train.js";
export { diagnose, type DiagnoseOptions, type Diagnosis, type DoctorMemory } from "./doctor/diagnose.js";
export { findingLine, type Figure, type Finding } from "./doctor/finding.js";
export type { GivenSamples } from "./doctor/patient.js";
