/** Models from paths. */
import type { Device } from "@fromnoise/tensor";
import { readCheckpoint, type Checkpoint } from "../formats/checkpoint.js";
import { loadModel as loadFrom, type LoadModelOptions, type TrainedModel } from "../load-model.js";
import type { Source } from "../source.js";
import { fileSource } from "./file-source.js";

/**
 * A trained network from the folder of a run, a checkpoint, a folder that diffusers wrote, or any source.
 * Throws CheckpointError for a path that is not there, and as the portable `loadModel` does.
 */
export async function loadModel(from: string | Source, device: Device, options: LoadModelOptions = {}): Promise<TrainedModel> {
  return loadFrom(typeof from === "string" ? fileSource(from) : from, device, options);
}

/** The checkpoint at a path, of a run's folder the newest; or its tensors that pass `wanted`. Throws as readCheckpoint does. */
export async function loadCheckpoint(path: string, wanted?: (name: string) => boolean): Promise<Checkpoint> {
  return readCheckpoint(fileSource(path), wanted);
}
