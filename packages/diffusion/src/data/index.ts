/** What works on typed arrays alone, in Node and in browsers: tiles of a decoded picture, the order of batches. */
export { builtinSheets, type BuiltinName } from "./builtin.js";
export type { ImageDataset, ImageFormat } from "./dataset.js";
export { tileDataset, type TileOptions } from "./tiles.js";
export { BatchOrder, loadBatch, type BatchOrderOptions } from "./batches.js";
