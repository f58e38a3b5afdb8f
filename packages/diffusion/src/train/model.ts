/** A trained network from a run folder, a checkpoint, or a folder that diffusers wrote, ready to sample. */
import { statSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { Device } from "@fromnoise/tensor";
import { initialize, UNet } from "@fromnoise/nn";
import { readDiffusersFolder } from "../exchange/diffusers.js";
import type { Prediction } from "../predictions.js";
import { makeSchedule, type NoiseSchedule, type VarianceKind } from "../schedules.js";
import { loadCheckpoint, loadGroup, type Checkpoint } from "./checkpoint.js";
import { findCheckpoint } from "./run-directory.js";

export interface TrainedModel {
  unet: UNet;
  schedule: NoiseSchedule;
  objective: Prediction;
  /** The variance that the model's maker sampled with. */
  variance: VarianceKind;
  clip: boolean;
  /** One line for people: file, step, which weights. */
  source: string;
}

/** Whether a path is a folder as diffusers writes it. */
export function isDiffusersFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true && existsSync(join(path, "diffusion_pytorch_model.safetensors"));
}

/**
 * Loads the averaged weights (or with `weights: "model"` the parameters themselves) onto a device.
 * Throws CheckpointError when there is no such file or its tensors do not fit.
 */
export async function loadModel(path: string, device: Device, weights: "ema" | "model" = "ema"): Promise<TrainedModel> {
  if (isDiffusersFolder(path)) {
    const { config, tensors, schedule, objective, variance, clip } = await readDiffusersFolder(path);
    const unet = initialize(new UNet(config), { device, seed: 0 });
    loadGroup({ path, tensors }, "", unet);
    return { unet, schedule: makeSchedule(schedule), objective, variance, clip, source: `${path} (diffusers)` };
  }
  const file = findCheckpoint(path);
  const checkpoint: Checkpoint = await loadCheckpoint(file, (name) => name.startsWith(`${weights}.`));
  const { config, trainer, position } = checkpoint.info;
  const unet = initialize(new UNet(config), { device, seed: 0, dtype: device.dtypes.includes(trainer.dtype) ? trainer.dtype : "f32" });
  loadGroup(checkpoint, `${weights}.`, unet);
  return {
    unet, schedule: makeSchedule(trainer.schedule), objective: trainer.objective, variance: "fixed-small", clip: true,
    source: `${file}, step ${position.step}, ${weights === "ema" ? "averaged weights" : "raw weights"}`,
  };
}
