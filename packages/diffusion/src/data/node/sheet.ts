/** Tile sheets on disk, and the three that come with the package. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { ImageError } from "@fromnoise/tensor";
import { readImage } from "../../image/node/decode.js";
import { builtinSheets, type BuiltinName } from "../builtin.js";
import type { ImageLimits } from "../../image/limits.js";
import type { Dataset, ImageFormat } from "../dataset.js";
import { tileDataset, type TileOptions } from "../tiles.js";

/** "digits", "faces", "pixel-faces". */
export const builtinNames = Object.keys(builtinSheets) as BuiltinName[];

/**
 * A PNG (or JPEG) of equal square tiles, decoded whole and kept in memory as floats.
 * @throws ImageError when the file is no image or not made of such tiles; ConfigError on a size that tiles cannot have.
 */
export function openSheet(path: string, options: TileOptions & ImageLimits): Dataset<Float32Array> {
  return tileDataset(basename(path), path, readImage(path, options), options);
}

/** A built-in dataset; size and channels default to its own. @throws ConfigError on a size that its tiles cannot have. */
export function openBuiltin(name: BuiltinName, format: ImageFormat = {}): Dataset<Float32Array> {
  const { file, ...tiles } = builtinSheets[name];
  const path = embeddedPath(file);
  return tileDataset(name, path, readImage(path), { ...tiles, ...format });
}

/**
 * Where a file of the data folder is, seen from src/data/node or dist/data/node: the package's own folder when installed, the repository's
 * when not. Throws ImageError where it is missing.
 */
export function embeddedPath(file: string): string {
  const found = embeddedFile(file);
  if (found !== undefined) return found;
  throw new ImageError(`${file}: a file that comes with the package is missing`, placesOf(file).map((place) => `looked at  ${place}`));
}

/** Where such a file is; undefined where there is none. */
export function embeddedFile(file: string): string | undefined {
  return placesOf(file).find((place) => existsSync(place));
}

function placesOf(file: string): string[] {
  return ["../../../data/", "../../../../../data/"].map((up) => fileURLToPath(new URL(up + file, import.meta.url)));
}
