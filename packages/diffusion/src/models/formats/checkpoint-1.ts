/**
 * Checkpoints of format 1 said `{ config, trainer, position }`: the U-Net in diffusers' fields, the whole configuration of the run,
 * in which the U-Net stood again, and where the run stood. They had no digests.
 */
import type { JsonObject } from "@fromnoise/nn";
import { savedConfig } from "../../train/config.js";
import { splitConfig } from "./checkpoint-info.js";

export const FORMAT_1 = "fromnoise-checkpoint-1";

/** The same as format 2 says it. Throws ConfigError as trainConfig does. */
export function fromFormat1({ config, trainer, position }: Readonly<Record<string, object>>): Readonly<Record<string, unknown>> {
  const network = { kind: "unet", config: config as JsonObject };
  return { ...splitConfig(network, savedConfig({ ...trainer })), position };
}
