/** What a user writes after --data. */
import { statSync } from "node:fs";
import { ConfigError } from "@fromnoise/tensor";
import type { Dataset, ImageFormat } from "../dataset.js";
import { sidesOf, type ImageSize } from "../../image/picture.js";
import { openFolder, type FolderDataset, type FolderOptions } from "./folder.js";
import { builtinNames, openBuiltin, openSheet } from "./sheet.js";

/**
 * Opens a dataset by its name: digits, faces, pixel-faces; a folder of images; or a tile sheet as FILE:TILE, "my.png:32".
 * `reading` says how a folder's images are read, and how many pixels a folder's image or a sheet may have.
 * Size and channels default to the data's own; a folder has no size of its own and 3 channels by default.
 * @throws ConfigError when the name means nothing here, or a folder is given without a size; ImageError on bad files.
 */
export function openDataset(
  spec: string, format: ImageFormat = {}, reading: Omit<FolderOptions, "size" | "channels"> = {},
): Dataset<Float32Array> | FolderDataset {
  const builtin = builtinNames.find((name) => name === spec);
  if (builtin) return openBuiltin(builtin, format);
  const kind = statSync(spec, { throwIfNoEntry: false });
  if (kind?.isDirectory()) return openFolder(spec, { ...reading, size: wantedSize(spec, format), channels: format.channels ?? 3 });
  const sheet = /^(.+):(\d+)$/.exec(spec);
  if (sheet && !kind) return openSheet(sheet[1], { ...reading, ...format, tile: Number(sheet[2]) });
  const asked = `got        ${JSON.stringify(spec)}${kind ? ", which is a file" : ", which does not exist"}`;
  const hint = kind ? [`perhaps    ${spec}:32, if it is a sheet of 32x32 tiles`] : [];
  throw new ConfigError("data names no images", [
    asked, `allowed    ${builtinNames.join(", ")}, a folder of PNG or JPEG images, or a tile sheet FILE.png:TILE`, ...hint,
  ]);
}

function wantedSize(spec: string, { size }: ImageFormat): ImageSize {
  if (size !== undefined && sidesOf(size).every((side) => Number.isInteger(side) && side > 0)) return size;
  throw new ConfigError("size is needed for a folder of images", [
    `data       ${spec}`, `got        ${String(size)}`, "allowed    a whole number of pixels, for example 32, or [height, width]",
  ]);
}
