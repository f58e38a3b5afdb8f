/** Sets of images and the order in which they are trained on. Sheets and folders need Node; the rest is in ../index.ts. */
export * from "../index.js";
export { builtinNames, openBuiltin, openSheet } from "./sheet.js";
export { openFolder, type FolderDataset, type FolderOptions, type FolderRecord } from "./folder.js";
export { openDataset } from "./open.js";
