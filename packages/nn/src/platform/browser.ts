/** Pages have no files: they read bytes (a download, a File) with parseSafetensors, and make a Blob of encodeSafetensors. */
import { CheckpointError } from "@fromnoise/tensor";
import type { FileLayer } from "../formats/files.js";

function noFiles(): never {
  throw new CheckpointError("there is no file system here", ["use parseSafetensors and encodeSafetensors on bytes"]);
}

export const platformFiles: FileLayer = {
  temporaryName: noFiles,
  create: noFiles,
  append: noFiles,
  open: noFiles,
  rename: noFiles,
  remove: noFiles,
  syncFolderOf: noFiles,
};
