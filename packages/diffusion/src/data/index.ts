/**
 * What works on typed arrays alone, in Node and in browsers: numbers in memory, tiles of a decoded picture, the part held out, the
 * order of batches.
 */
export { builtinSheets, type BuiltinName } from "./builtin.js";
export type { Dataset, ImageFormat } from "./dataset.js";
export { arrayDataset, type ArrayOptions } from "./arrays.js";
export { splitDataset, type SplitDataset } from "./split.js";
export { tileDataset, type TileOptions } from "./tiles.js";
export { BatchOrder, loadBatch, type BatchOrderOptions } from "./batches.js";
