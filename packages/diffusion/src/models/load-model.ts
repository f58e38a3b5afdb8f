/** A trained network from a run folder, a checkpoint, or a folder that diffusers wrote, ready to sample. */
import { zeros, type Device, type DType } from "@fromnoise/tensor";
import { UNet, type StateEntry, type UNetOptions } from "@fromnoise/nn";
import { readDiffusersFolder } from "./node/diffusers.js";
import type { DiffusionModel } from "../denoisers/denoiser.js";
import { predictionOf } from "../denoisers/prediction.js";
import { discreteProcess } from "../process/process.js";
import { loadCheckpoint, loadGroup } from "./checkpoint.js";
import { modelAt } from "./node/model-path.js";

export interface TrainedModel extends DiffusionModel {
  /** One line for people: file, step, which weights. */
  readonly source: string;
}

/** A network on a device whose values are still to be loaded: zeros. */
export function emptyUNet(config: UNetOptions, device: Device, dtype: DType): UNet {
  const unet = new UNet(config);
  for (const p of unet.parameters) p.tensor = device.keep(zeros(p.shape, { device, dtype }));
  return unet;
}

/** f64 where a file holds it, else f32. */
export function dtypeOf(tensors: ReadonlyMap<string, StateEntry>): DType {
  return [...tensors.values()].some(({ data }) => data instanceof Float64Array) ? "f64" : "f32";
}

/**
 * Loads the averaged weights (or with `weights: "model"` the parameters themselves) onto a device, in the file's dtype where the
 * device has it, else in f32.
 * Throws CheckpointError when there is no such file, its configuration is none, or its tensors do not fit.
 */
export async function loadModel(path: string, device: Device, weights: "ema" | "model" = "ema"): Promise<TrainedModel> {
  const load = (config: UNetOptions, file: string, tensors: ReadonlyMap<string, StateEntry>, prefix: string): UNet => {
    const dtype = dtypeOf(tensors);
    const unet = emptyUNet(config, device, device.dtypes.includes(dtype) ? dtype : "f32");
    loadGroup({ path: file, tensors }, prefix, unet);
    return unet;
  };
  const { kind, path: file } = modelAt(path, ["checkpoint", "diffusers"]);
  if (kind === "diffusers") {
    const { config, tensors, schedule, prediction, sampling } = await readDiffusersFolder(path);
    return {
      network: load(config, path, tensors, ""), process: discreteProcess(schedule), prediction: predictionOf(prediction), ...sampling,
      source: `${path}, as diffusers wrote it`,
    };
  }
  const { info: { config, trainer, position }, tensors } = await loadCheckpoint(file, (name) => name.startsWith(`${weights}.`));
  return {
    network: load(config, file, tensors, `${weights}.`), process: discreteProcess(trainer.schedule),
    prediction: predictionOf(trainer.prediction), ...trainer.sampling,
    source: `${file}, step ${position.step}, ${weights === "ema" ? "averaged weights" : "raw weights"}`,
  };
}
