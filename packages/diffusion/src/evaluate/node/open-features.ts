/** Feature networks by name: those that come with the package, and files of one's own. */
import { existsSync } from "node:fs";
import { CheckpointError, ConfigError, type Device } from "@fromnoise/tensor";
import { openFile, replaceFile } from "@fromnoise/nn";
import { builtinNames, embeddedPath } from "../../data/node/sheet.js";
import { fileSource } from "../../models/node/file-source.js";
import { encodeFeatures, MOST_FEATURE_BYTES, parseFeatures, type Features } from "../features/feature-file.js";

/** The features that come with the package, one network for each of its sheets: "digits", "faces", "pixel-faces". */
export const builtinFeatures: readonly string[] = builtinNames;

/**
 * The features of a name, or in a file that `fromnoise features` wrote, on a device. Throws ConfigError for a name that means neither, and
 * as parseFeatures does.
 */
export async function openFeatures(nameOrFile: string, device: Device): Promise<Features> {
  const builtin = builtinFeatures.includes(nameOrFile);
  if (!builtin && !existsSync(nameOrFile)) {
    throw new ConfigError(`there are no features ${JSON.stringify(nameOrFile)}`, [
      `allowed  ${builtinFeatures.join(", ")}, or a file that fromnoise features wrote`,
    ]);
  }
  const path = builtin ? embeddedPath(`features/${nameOrFile}.safetensors`) : nameOrFile;
  if ((await fileSource(path).list()).length !== 1) throw new CheckpointError(`${path} is a folder`, ["expected a file that fromnoise features wrote"]);
  const file = await openFile(path);
  try {
    if (file.size > MOST_FEATURE_BYTES) throw new CheckpointError(`${path}: ${file.size} bytes are no feature network`, [`allowed  up to ${MOST_FEATURE_BYTES}`]);
    return parseFeatures(await file.read(0, file.size), device, path);
  } finally {
    await file.close();
  }
}

/** Writes features to a file, replacing an earlier one all at once. Throws CheckpointError when that fails. */
export async function saveFeatures(path: string, features: Features): Promise<void> {
  const encoded = await encodeFeatures(features);
  await replaceFile(path, encoded, encoded.byteLength);
}
