/** The bytes of image files. Only regular files are read: a pipe or a device would wait for ever, or never end. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { ImageError } from "@fromnoise/tensor";
import { failureReason } from "@fromnoise/nn";
import { MAX_FILE_BYTES } from "../limits.js";

/** The bytes of a file. @throws ImageError when it cannot be read (missing, no regular file, no permission) or is too large. */
export function readBytes(file: string): Uint8Array {
  return readStart(file, MAX_FILE_BYTES, (size) => {
    if (size <= MAX_FILE_BYTES) return;
    throw new ImageError(`${file}: a file of ${size} bytes`, [`allowed    up to ${MAX_FILE_BYTES} bytes`]);
  });
}

/** The first bytes of a file, at most `length`. @throws ImageError as readBytes, but for its size. */
export function readStart(file: string, length: number, check: (size: number) => void = () => undefined): Uint8Array {
  try {
    const handle = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));  // a pipe opens, and is told by its kind
    try {
      const stat = fstatSync(handle);
      if (!stat.isFile()) throw new Error(stat.isDirectory() ? "it is a folder" : "it is no regular file, but a pipe or a device");
      check(stat.size);
      const bytes = new Uint8Array(Math.min(length, stat.size));
      let done = 0;
      while (done < bytes.length) {
        const read = readSync(handle, bytes, done, bytes.length - done, done);
        if (read === 0) break;
        done += read;
      }
      return bytes.subarray(0, done);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`${file}: cannot be read`, [failureReason(error)]);
  }
}
