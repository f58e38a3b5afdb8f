/** @fromnoise/diffusion/node: all of @fromnoise/diffusion, and what needs files: images, runs, checkpoints, model folders. */
export * from "./index.js";
export * from "./data/index.js";
export * from "./image/index.js";
export { lrSchedule, trainConfig, trainDefaults, type TrainConfig, type TrainConfigInput } from "./train/config.js";
export { loadCheckpoint, restoreTrainer, saveCheckpoint, type Checkpoint, type CheckpointInfo } from "./train/checkpoint.js";
export { isDiffusersFolder, loadModel, type TrainedModel } from "./train/model.js";
export { checkpointSteps, findCheckpoint, RunDirectory } from "./train/run-directory.js";
export { openTrainingData, trainRun, writeLossCurve, type ResumeOverrides, type RunOptions, type RunResult } from "./train/run.js";
export { readDiffusersFolder, writeDiffusersFolder, type DiffusersModel } from "./exchange/diffusers.js";
