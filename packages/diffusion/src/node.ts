/** @fromnoise/diffusion/node: all of @fromnoise/diffusion, and what needs files: images, runs, checkpoints, model folders. */
export * from "./index.js";
export * from "./data/index.js";
export * from "./image/index.js";
export {
  loadCheckpoint, restoreTrainer, saveCheckpoint, writeCheckpoint, type Checkpoint, type CheckpointGroups, type CheckpointInfo,
} from "./train/checkpoint.js";
export { loadModel, type TrainedModel } from "./train/model.js";
export { checkpointSteps, findCheckpoint, RunDirectory } from "./train/run-directory.js";
export { trainRun, type RunOptions, type RunResult } from "./train/run.js";
export { openTrainingData } from "./train/training-data.js";
export {
  isDiffusersFolder, readDiffusersFolder, writeDiffusersFolder, type DiffusersModel, type DiffusersScheduler,
} from "./exchange/diffusers.js";
