/** Files in Node. */
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { FileLayer, FileWriter } from "../formats/files.js";

let written = 0;

function writerOf(file: FileHandle): FileWriter {
  return {
    write: async (bytes) => (await file.write(bytes)).bytesWritten,
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/** Files by node:fs. */
export const platformFiles: FileLayer = {
  temporaryName: (path) => `${path}.${process.pid}-${++written}.partial`,

  create: async (path) => writerOf(await open(path, "w")),
  append: async (path) => writerOf(await open(path, "a")),

  async open(path) {
    const file = await open(path, "r");
    const { size } = await file.stat();
    return {
      size,
      async read(offset, length) {
        const bytes = new Uint8Array(length);
        for (let done = 0; done < length;) {
          const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
          if (bytesRead === 0) throw new Error(`it ends at byte ${offset + done} and had ${size} bytes when it was opened`);
          done += bytesRead;
        }
        return bytes;
      },
      close: () => file.close(),
    };
  },

  rename,
  remove: (path) => rm(path),

  async syncFolderOf(path) {
    if (process.platform === "win32") return;  // folders cannot be opened there; a rename is logged by the file system
    const folder = await open(dirname(path), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};
