/** Feature networks in files: safetensors whose metadata say what the network is, how it was trained and how well it answers. */
import { CheckpointError, zeros, type Device } from "@fromnoise/tensor";
import { checkRoom, checkStateDict, encodeSafetensors, loadStateDict, parseJson, parseSafetensors, stateDict, type EncodedSafetensors } from "@fromnoise/nn";
import { isObject } from "@fromnoise/nn/kinds";
import { featureConfig } from "./config.js";
import { FeatureNetwork } from "./feature-network.js";
import type { HeadScores } from "./train-features.js";

/** What a file says beside the network. */
export interface FeatureInfo {
  /** What tables call the features: "digits". */
  readonly name: string;
  /** The recipe: command, data, steps, batch, learning rate, seed. */
  readonly training: Readonly<Record<string, string | number>>;
  /** Part of right answers and mean loss for each head, on images held out. */
  readonly heldOut: HeadScores;
}

/** Features ready to be used. */
export interface Features extends FeatureInfo {
  readonly network: FeatureNetwork;
}

const FORMAT = "fromnoise-features-1";
/** A longer file is something else, and is not read into memory. */
export const MOST_FEATURE_BYTES = 2 ** 28;

/** The file, weights in half precision. */
export async function encodeFeatures({ network, name, training, heldOut }: Features): Promise<EncodedSafetensors> {
  const text = (value: unknown): string => JSON.stringify(value);
  const metadata = { format: FORMAT, name, network: text(network.config), training: text(training), held_out: text(heldOut) };
  return encodeSafetensors(await stateDict(network), metadata, { dtype: "F16" });
}

/**
 * Features from the bytes of a file, the network on a device in f32. Throws CheckpointError when they are damaged, no such file, or tensors
 * and network do not fit; ConfigError for a network that cannot be; DeviceError where there is no room.
 */
export function parseFeatures(bytes: Uint8Array, device: Device, source = "features"): Features {
  const { metadata, tensors } = parseSafetensors(bytes, source);
  if (metadata["format"] !== FORMAT) {
    throw new CheckpointError(`${source} holds no feature network`, [`format   ${JSON.stringify(metadata["format"])}`, `expected ${FORMAT}`]);
  }
  const network = new FeatureNetwork(featureConfig(objectIn(metadata, "network", source)));
  checkStateDict(network, tensors);
  checkRoom(network, { device, dtype: "f32" });
  for (const p of network.parameters) p.tensor = device.keep(zeros(p.shape, { device, dtype: "f32" }));
  loadStateDict(network, tensors);
  return {
    network, name: metadata["name"] ?? source,
    training: objectIn(metadata, "training", source) as FeatureInfo["training"], heldOut: objectIn(metadata, "held_out", source) as HeadScores,
  };
}

function objectIn(metadata: Readonly<Record<string, string>>, name: string, source: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = parseJson(metadata[name] ?? "null");
    if (isObject(value)) return value;
  } catch {}                                                                            // said below
  throw new CheckpointError(`${source}: the metadata ${name} are no JSON object`);
}
