/** Any folder of PNG and JPEG images as a dataset. */
import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, ImageError } from "@fromnoise/tensor";
import { readBytes, readImage } from "../../image/node/decode.js";
import { readCompleteHeader, readHeader, type ImageHeader } from "../../image/header.js";
import { sidesOf, toSigned, type Channels, type ImageSize } from "../../image/picture.js";
import { checkLargeEnough, fitPicture } from "../../image/resize.js";
import { ImageCache } from "./cache.js";
import { checkIndex, describeSamples, type Dataset } from "../dataset.js";

export interface FolderOptions {
  /** Images are averaged until they just cover this size, and centre cropped to it. */
  readonly size: ImageSize;
  /** 1 = gray (luma), 3 = RGB. */
  readonly channels: Channels;
  /** Most bytes of finished images kept in memory; default 1 GiB, 87,381 images of 32x32 RGB. 0 keeps none. */
  readonly cacheBytes?: number;
}

const IMAGE_NAME = /\.(png|jpe?g)$/i;
const HEAD_BYTES = 65536;

/**
 * All files *.png, *.jpg and *.jpeg of a folder and its subfolders (links followed, names that start with a dot left out),
 * sorted by path, so that image i is the same on every machine. On opening, the first 64 KiB of every file are looked at: a
 * file that is no image, too small, or (when it is not larger) truncated is an error then. Images are decoded when first
 * asked for and kept within `cacheBytes`, the least recently used making room.
 * @throws ConfigError when the folder is missing or holds no images; ImageError for the first file that does not fit.
 */
export function openFolder(path: string, options: FolderOptions): Dataset<Float32Array> {
  const { size, channels } = options;
  const files = listImages(path);
  for (const file of files) checkLargeEnough(headerOf(file), size, file);
  const cache = new ImageCache(options.cacheBytes ?? 2 ** 30);
  const shape = [...sidesOf(size), channels];
  return {
    name: path, count: files.length, shape,
    sample(i) {
      checkIndex(path, i, files.length);
      const file = files[i];
      return cache.get(i, () => toSigned(fitPicture(readImage(file), size, channels, file).data)).slice();
    },
    describe: () => `${path}: ${describeSamples(files.length, shape)}`,
  };
}

/**
 * The image files below a folder, sorted by path ("/" between names, code-unit order: no locale has a say).
 * @throws ConfigError when the folder is missing, is a file, or holds no images; ImageError when a link leads nowhere.
 */
export function listImages(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ConfigError(`data: no folder ${folder}`, ["expected   a folder with PNG or JPEG images"]);
  }
  const found: string[] = [];
  const visit = (inside: string, above: readonly string[]): void => {
    const here = realpathSync(join(folder, inside));
    if (above.includes(here)) return;  // a link to a folder that holds it
    for (const { name } of readdirSync(here, { withFileTypes: true })) {
      const path = inside + name;
      if (name.startsWith(".")) continue;
      const kind = statSync(join(folder, path), { throwIfNoEntry: false });
      if (kind?.isDirectory()) visit(`${path}/`, [...above, here]);
      else if (!IMAGE_NAME.test(name)) continue;
      else if (kind) found.push(path);
      else throw new ImageError(`${join(folder, path)}: cannot be read`, ["it is a link that leads nowhere"]);
    }
  };
  visit("", []);
  if (found.length > 0) return found.sort(byCodeUnits).map((path) => join(folder, path));
  throw new ConfigError(`data: no images in ${folder}`, ["expected   files *.png, *.jpg or *.jpeg, there or in its subfolders"]);
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The header of a file from its first bytes; all of them are read only when the size stands further back. */
function headerOf(file: string): ImageHeader {
  const head = readHead(file);
  if (head.length < HEAD_BYTES) return readCompleteHeader(head, file);
  return readHeader(head, file) ?? readCompleteHeader(readBytes(file), file);
}

function readHead(file: string): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  try {
    const handle = openSync(file, "r");
    try {
      return bytes.subarray(0, readSync(handle, bytes, 0, HEAD_BYTES, 0));
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw new ImageError(`${file}: cannot be read`, [error instanceof Error ? error.message : String(error)]);
  }
}
