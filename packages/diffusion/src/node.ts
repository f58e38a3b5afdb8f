/** @fromnoise/diffusion/node: all of @fromnoise/diffusion, and what needs files: images, runs, checkpoints, model folders. */
export * from "./index.js";
export * from "./data/node/index.js";
export * from "./image/node/index.js";
export {
  loadCheckpoint, restoreTrainer, saveCheckpoint, writeCheckpoint, type Checkpoint, type CheckpointGroups, type CheckpointInfo,
} from "./models/checkpoint.js";
export { loadModel, type TrainedModel } from "./models/load-model.js";
export { checkpointSteps, findCheckpoint, RunDirectory } from "./train/node/run-directory.js";
export { trainRun, type RunOptions, type RunResult } from "./train/node/run.js";
export { openTrainingData } from "./train/node/training-data.js";
export {
  isDiffusersFolder, readDiffusersFolder, writeDiffusersFolder, type DiffusersModel, type DiffusersScheduler,
} from "./models/node/diffusers.js";
