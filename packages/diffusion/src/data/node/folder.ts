/** Any folder of PNG and JPEG images as a dataset. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { ImageError } from "@fromnoise/tensor";
import { readImage } from "../../image/node/decode.js";
import { readBytes, readStart } from "../../image/node/file.js";
import { readCompleteHeader, readHeader, type ImageHeader } from "../../image/header.js";
import { checkPixels, type ImageLimits } from "../../image/limits.js";
import { sidesOf, toSigned, type Channels, type ImageSize } from "../../image/picture.js";
import { checkLargeEnough, fitPicture } from "../../image/resize.js";
import type { BadImages } from "../bad-images.js";
import { ImageCache } from "./cache.js";
import { checkIndex, describeSamples, type Dataset } from "../dataset.js";
import { listImages, type ListedImage } from "./list-images.js";

/** What a folder held when it was opened, and which of its images were left out. */
export interface FolderRecord {
  /** Files with an image's name. */
  readonly files: number;
  /** SHA-256 of the names of those files, and of their names, sizes and times. */
  readonly names: string;
  readonly contents: string;
  /** Names of the images left out. */
  readonly skipped: readonly string[];
}

/** How the images of a folder are read, and what becomes of bad ones. */
export interface FolderOptions extends ImageLimits {
  /** Images are averaged until they just cover this size, and centre cropped to it. */
  readonly size: ImageSize;
  /** 1 = gray (luma), 3 = RGB. */
  readonly channels: Channels;
  /** Most bytes of finished images kept in memory; default 1 GiB, 87,381 images of 32x32 RGB. 0 keeps none. */
  readonly cacheBytes?: number;
  /**
   * Decodes every image on opening, and stops at the first that cannot be used, or leaves all such out. Unless given only the first
   * 64 KiB of every file are looked at: what is damaged further back is an error when that image is asked for.
   */
  readonly badImages?: BadImages;
  /** A record of an earlier opening: where files, sizes and times are the same still, nothing is decoded on opening. */
  readonly known?: FolderRecord;
  /** Called after every image that is decoded on opening. */
  readonly onImage?: (done: number, all: number) => void;
}

/** The images of a folder, [H, W, C] each in [-1, 1], and what was found there. */
export interface FolderDataset extends Dataset<Float32Array> {
  readonly record: FolderRecord;
}

const HEAD_BYTES = 65536;

/**
 * All files *.png, *.jpg and *.jpeg of a folder and its subfolders (see listImages), so that image i is the same on every machine.
 * Images are decoded when first asked for, or on opening (`badImages`), and kept within `cacheBytes`, the least recently used making
 * room.
 * @throws ConfigError when the folder is missing, cannot be read or holds no images; ImageError for the first file that does not fit:
 * no image, too small, more than `maxPixels`, no regular file, truncated; and when no image is left.
 */
export function openFolder(path: string, options: FolderOptions): FolderDataset {
  const { size, channels, badImages, known } = options;
  const listed = listImages(path);
  const cache = new ImageCache(options.cacheBytes ?? 2 ** 30);
  const shape = [...sidesOf(size), channels];
  const read = (file: string): Float32Array => toSigned(fitPicture(readImage(file, options), size, channels, file).data);
  const digests = digestsOf(listed);
  const sure = known?.contents === digests.contents;
  const skipped = sure ? known.skipped : [];
  const files = listed.filter((image) => !skipped.includes(image.path));
  const good: string[] = [];
  const bad: string[] = [];
  for (const [i, image] of files.entries()) {
    const file = join(path, image.path);
    try {
      if (image.problem !== undefined) throw new ImageError(`${file}: cannot be read`, [image.problem]);
      if (badImages === undefined) checkHeader(file, options);
      else if (!sure) cache.get(good.length, () => read(file));
      good.push(file);
    } catch (error) {
      if (badImages !== "skip" || !(error instanceof ImageError)) throw error;
      bad.push(image.path);
    }
    if (badImages !== undefined && !sure) options.onImage?.(i + 1, files.length);
  }
  const left = [...skipped, ...bad];
  if (good.length === 0) {
    throw new ImageError(`${path}: none of its ${listed.length} images can be used`, [`first      ${left[0]}`]);
  }
  return {
    name: path, count: good.length, shape, record: { files: listed.length, ...digests, skipped: left },
    sample(i) {
      checkIndex(path, i, good.length);
      return cache.get(i, () => read(good[i])).slice();
    },
    describe: () => `${path}: ${describeSamples(good.length, shape)}${left.length === 0 ? "" : `, ${left.length} left out`}`,
  };
}

/** SHA-256 of what is listed: of the names alone, and with sizes and times. */
function digestsOf(images: readonly ListedImage[]): Pick<FolderRecord, "names" | "contents"> {
  const names = createHash("sha256"), contents = createHash("sha256");
  for (const { path, size, mtimeMs } of images) {
    names.update(`${path}\0`);
    contents.update(`${path}\0${size}\0${mtimeMs}\0`);
  }
  return { names: names.digest("hex"), contents: contents.digest("hex") };
}

/** @throws ImageError for what the first bytes of a file tell to be wrong; all of them are read only when the size stands further back. */
function checkHeader(file: string, options: FolderOptions): void {
  const header = headerOf(file);
  checkPixels(header, options, file);
  checkLargeEnough(header, options.size, file);
}

function headerOf(file: string): ImageHeader {
  const head = readStart(file, HEAD_BYTES);
  if (head.length < HEAD_BYTES) return readCompleteHeader(head, file);
  return readHeader(head, file) ?? readCompleteHeader(readBytes(file), file);
}
