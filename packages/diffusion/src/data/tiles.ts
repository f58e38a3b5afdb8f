/** A picture of equal square tiles as a dataset. Pure: any decoded picture will do. */
import { ConfigError, ImageError } from "@fromnoise/tensor";
import { sidesOf, toChannels, toSigned, type ImageSize, type Picture } from "../image/picture.js";
import { areaAverage, centredPart } from "../image/resize.js";
import { checkIndex, describeSamples, type Dataset, type ImageFormat } from "./dataset.js";

/** How a sheet is cut, and what its tiles become. */
export interface TileOptions extends ImageFormat {
  /** Height and width of a tile in pixels. */
  readonly tile: number;
  /** Number of tiles, counted left to right, then top to bottom; default: all that the sheet has room for. */
  readonly count?: number;
  /** Tiles in a row; default: as many as fit. */
  readonly columns?: number;
  /** A size above `tile` that tiles may be padded to, with black (-1) evenly on all sides. */
  readonly padTo?: number;
  /** Number of tiles of each class, for sheets sorted by class. */
  readonly classCounts?: readonly number[];
}

/**
 * Tile i lies at row floor(i / columns), column i mod columns. Where a smaller `size` is asked tiles are area-averaged to it, and
 * centre cropped where it is no square.
 * @param file the sheet's name in messages
 * @throws ImageError when the sheet is not made of such tiles or has too few; ConfigError when `size` is larger than a tile
 * (and not padTo).
 */
export function tileDataset(name: string, file: string, sheet: Picture, options: TileOptions): Dataset<Float32Array> {
  const { tile, padTo, classCounts } = options;
  const columns = options.columns ?? Math.floor(sheet.width / tile);
  const count = options.count ?? columns * Math.floor(sheet.height / tile);
  checkTiles(file, sheet, tile, columns, count);
  const size = options.size ?? tile;
  checkSize(name, size, tile, padTo);
  const [height, width] = sidesOf(size);
  const channels = options.channels ?? sheet.channels;
  const shape = [height, width, channels];
  const padded = height > tile;
  const limits = classCounts?.map((_, c) => classCounts.slice(0, c + 1).reduce((sum, n) => sum + n));
  return {
    name, count, shape,
    sample(i) {
      checkIndex(name, i, count);
      const [innerHeight, innerWidth] = padded ? [tile, tile] : [height, width];
      const part = centredPart(tile, tile, innerWidth, innerHeight);
      const region = { ...part, x: (i % columns) * tile + part.x, y: Math.floor(i / columns) * tile + part.y };
      const picture = toChannels(areaAverage(sheet, innerWidth, innerHeight, region), channels);
      return toSigned((padded ? padBlack(picture, height) : picture).data);
    },
    ...(limits && {
      classes: limits.length,
      label(i: number) {
        checkIndex(name, i, count);
        return limits.findIndex((limit) => i < limit);
      },
    }),
    describe() {
      const how = padded ? "padded" : height === width ? "averaged" : "cropped";
      const from = height === tile && width === tile ? "" : ` (${how} from ${tile}x${tile})`;
      return `${name}: ${describeSamples(count, shape)}${from}`;
    },
  };
}

function checkTiles(file: string, sheet: Picture, tile: number, columns: number, count: number): void {
  const whole = [tile, columns, count].every((v) => Number.isInteger(v) && v > 0);
  const fits = whole && sheet.width % tile === 0 && sheet.height % tile === 0
    && columns * tile <= sheet.width && Math.ceil(count / columns) * tile <= sheet.height;
  if (fits) return;
  throw new ImageError(`${file}: not a sheet of such tiles`, [
    `expected   sides that are multiples of ${tile} pixels, and room for ${count} tiles in ${columns} columns`,
    `found      ${sheet.width}x${sheet.height} pixels`,
  ]);
}

function checkSize(name: string, size: ImageSize, tile: number, padTo: number | undefined): void {
  const sides = sidesOf(size);
  if (sides.every((side) => side === padTo) || sides.every((side) => Number.isInteger(side) && side >= 1 && side <= tile)) return;
  throw new ConfigError(`size does not fit the data "${name}"`, [
    `got        ${String(size)}`,
    `allowed    1 .. ${tile}${padTo === undefined ? "" : `, or ${padTo} (padded with black)`}: images are never enlarged`,
  ]);
}

/** The picture in the middle of a black square; an odd pixel left over goes to the right and bottom. */
function padBlack(picture: Picture, size: number): Picture {
  const { width, height, channels, data } = picture;
  const out = new Float32Array(size * size * channels);
  const left = Math.floor((size - width) / 2), top = Math.floor((size - height) / 2);
  for (let y = 0; y < height; y++) {
    out.set(data.subarray(y * width * channels, (y + 1) * width * channels), ((top + y) * size + left) * channels);
  }
  return { width: size, height: size, channels, data: out };
}
