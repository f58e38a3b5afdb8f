/** A trained network from files, ready to sample. */
import { zeros, type Device, type DType } from "@fromnoise/tensor";
import { checkRoom, loadStateDict, networkOf, type Network, type NetworkKinds, type StateEntry } from "@fromnoise/nn";
import type { DiffusionModel } from "../denoisers/denoiser.js";
import { predictionFor } from "../denoisers/prediction.js";
import { processOf } from "../process/named.js";
import type { TrainConfig } from "../train/config.js";
import { checkTensors } from "./formats/checkpoint.js";
import { formatOf, modelFormats } from "./model-formats.js";
import type { ModelFile, Weights } from "./model-format.js";
import type { Source } from "./source.js";

/** A model as a file holds it: what sampling needs, the average it is of, and the run it comes from. */
export interface TrainedModel extends DiffusionModel {
  /** One line for people: file, step, which weights. */
  readonly source: string;
  /** Of a run's checkpoint: the configuration of the run. */
  readonly training?: TrainConfig;
}

/** Which weights of a file, and what builds networks of one's own kinds. */
export interface LoadModelOptions {
  /** Averaged or raw weights; unless given, the averaged ones where there are any. */
  readonly weights?: Weights;
  /** Of a folder that diffusers wrote: the variant of its weights, such as "fp16"; unless given, those without one. */
  readonly variant?: string;
  /** Of a file of PyTorch: what it does not say of its network, see docs/pytorch-files.md. */
  readonly network?: Readonly<Record<string, unknown>>;
  /** Networks of one's own, by the kind that their files say: { line: (config) => new Line(config) }. */
  readonly networks?: NetworkKinds;
  /** Number type of the network; default the file's where the device has it, else f32. */
  readonly dtype?: DType;
}

/**
 * Loads a model onto a device, in the file's dtype where the device has it, else in f32; or in the one that is asked for.
 * Throws CheckpointError when the source holds no model, or its tensors are damaged or do not fit; ConfigError for a kind of
 * network that is not known, and what else is not implemented.
 */
export async function loadModel(
  source: Source, device: Device, { weights, variant, network, networks, dtype }: LoadModelOptions = {},
): Promise<TrainedModel> {
  const format = await formatOf(source, modelFormats);
  const file = await format.read(source, {
    ...(weights === undefined ? {} : { weights }), ...(variant === undefined ? {} : { variant }), ...(network === undefined ? {} : { network }),
  });
  return modelOn(device, file, networks, dtype);
}

/** A model read from a file, onto a device as `loadModel` does. Throws as that does. */
export function modelOn(device: Device, file: ModelFile, networks?: NetworkKinds, dtype?: DType): TrainedModel {
  const { variance, clipX0, training } = file;
  return {
    network: networkOn(device, file, networks, dtype), process: processOf(file.process), prediction: predictionFor(file.prediction, file.process),
    variance, clipX0, source: file.source, ...(training === undefined ? {} : { training }),
  };
}

/** The network of a file on a device, with its weights. */
function networkOn(
  device: Device, { network: spec, tensors, source }: ModelFile, networks: NetworkKinds | undefined, wanted: DType | undefined,
): Network {
  const dtype = wanted ?? dtypeOf(tensors);
  const network = networkOf(spec, networks);
  checkTensors(source, tensors, network);
  loadStateDict(emptyNetwork(network, device, wanted ?? (device.dtypes.includes(dtype) ? dtype : "f32")), tensors);
  return network;
}

/** Gives a network zeros on a device, to be loaded over. Throws DeviceError where there is no room. */
export function emptyNetwork<N extends Network>(network: N, device: Device, dtype: DType): N {
  checkRoom(network, { device, dtype });
  for (const p of network.parameters) p.tensor = device.keep(zeros(p.shape, { device, dtype }));
  return network;
}

/** f64 where a file holds it, else f32. */
export function dtypeOf(tensors: ReadonlyMap<string, StateEntry>): DType {
  return [...tensors.values()].some(({ data }) => data instanceof Float64Array) ? "f64" : "f32";
}
