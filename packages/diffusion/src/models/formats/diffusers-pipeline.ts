/** model_index.json of diffusers: of which parts a pipeline is made. */
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import { pathOf, readJsonFile, type Source } from "../source.js";
import { weightFiles } from "./diffusers-weights.js";

export const INDEX_FILE = "model_index.json";

/** The parts of a pipeline that is read or written, and their classes. */
export const NETWORK_CLASS = "UNet2DModel";

/** What networks of other names are, for the message that refuses them. */
const otherNetworks: Readonly<Record<string, string>> = {
  UNet2DConditionModel: "it reads a text, of which nothing is known here",
  UNet1DModel: "it is for sequences", UNet3DConditionModel: "it reads a text, and is for videos",
  DiTTransformer2DModel: "a transformer of other names than the one here",
};

/** Throws ConfigError for a network of another class than UNet2DModel; `where` says what names it. */
export function checkNetworkClass(where: string, name: unknown): void {
  if (name === undefined || name === NETWORK_CLASS) return;
  const reason = typeof name === "string" && Object.hasOwn(otherNetworks, name) ? [`reason   ${otherNetworks[name]}`] : [];
  // No stub: a refusal by name, docs/library/errors.md.
  throw new ConfigError(`${where}: the network ${JSON.stringify(name)} is not implemented`, [`allowed  ${NETWORK_CLASS}`, ...reason]);
}

/**
 * Looks at a source's model_index.json, where it has one. Throws ConfigError for a pipeline with another network or with further parts,
 * through which its samples go, CheckpointError for one without a network.
 */
export async function checkPipeline(source: Source): Promise<void> {
  const names = await source.list();
  if (!names.includes(INDEX_FILE)) return;
  const path = pathOf(source, INDEX_FILE);
  const { _class_name: pipeline, ...entries } = await readJsonFile(source, INDEX_FILE);
  const parts = Object.entries(entries).flatMap(([name, value]): [string, string][] => (
    Array.isArray(value) && typeof value[1] === "string" && !name.startsWith("_") ? [[name, value[1]]] : []
  ));
  for (const [name, kind] of parts) {
    if (name === "unet") checkNetworkClass(`${path}: unet`, kind);
    else if (name !== "scheduler") {
      // No stub: a refusal by name, docs/library/errors.md.
      throw new ConfigError(`${path}: ${JSON.stringify(pipeline)} has a part ${name}, which is not implemented`, [
        `got      ${kind}`, `allowed  unet (${NETWORK_CLASS}), scheduler`,
      ]);
    }
  }
  if (parts.some(([name]) => name === "unet") && weightFiles(names).length > 0) return;
  throw new CheckpointError(`${path}: ${JSON.stringify(pipeline)} has no network`, ["expected unet/config.json and its weights"]);
}
