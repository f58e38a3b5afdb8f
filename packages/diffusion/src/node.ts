/** @fromnoise/diffusion/node: all of @fromnoise/diffusion, and what needs files: images, runs, checkpoints, model folders. */
export * from "./index.js";
export * from "./data/node/index.js";
export * from "./image/node/index.js";
export { fileSource, folderTarget } from "./models/node/file-source.js";
export { loadCheckpoint, loadModel } from "./models/node/load.js";
export { shippedModel, shippedModels } from "./models/node/shipped.js";
export { writeCheckpoint } from "./models/formats/checkpoint.js";
export { saveCheckpoint } from "./train/checkpoint.js";
export { checkpointSteps, RunDirectory } from "./train/node/run-directory.js";
export { trainRun, type RunOptions, type RunResult } from "./train/node/run.js";
export { openTrainingData } from "./train/node/training-data.js";
export { builtinFeatures, openFeatures, saveFeatures } from "./evaluate/node/open-features.js";
