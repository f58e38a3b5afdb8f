/** Sets of images and the order in which they are trained on. Sheets and folders need Node; the rest is in portable.ts. */
export * from "./portable.js";
export { builtinNames, openBuiltin, openSheet } from "./sheet.js";
export { openFolder, type FolderOptions } from "./folder.js";
export { openDataset } from "./open.js";
