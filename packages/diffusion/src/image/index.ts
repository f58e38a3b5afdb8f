/** What works on typed arrays alone, in Node and in browsers: sizes, grids, strips. */
export { toBytes, toChannels, toSigned, type Bitmap, type Channels, type ImageBatch, type ImageSize, type Picture } from "./picture.js";
export { areaAverage, centredPart, fitPicture, flipHorizontal, type Region } from "./resize.js";
export { grid, imageBitmap, type GridOptions } from "./grid.js";
export { strip, stripSteps, type StripOptions } from "./strip.js";
