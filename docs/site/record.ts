/**
 * Makes what the pages show before anything is computed in them, from the model and the sheet that come with the package:
 * `node --import tsx -C fromnoise-source docs/site/record.ts`. CI makes them again and compares.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDevice } from "@fromnoise/tensor";
import { builtinSheets, encodePng, readImage, tileDataset } from "@fromnoise/diffusion/node";
import { PIXELS, SIDE, type Way } from "./figures/shared/digits.js";
import { SHEET_COLUMNS, SHEET_COUNT } from "./figures/shared/sheet.js";
import { openDigits, sampleWay } from "./figures/shared/way.js";
import { root } from "./markdown/pages.js";

/** Of the recorded samples: a digit of each class. */
export const RECORDED = { labels: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], seed: 0 } as const;

/** The recorded way, computed again in Node, with the bits that every page computes on `wasm:deterministic`. */
export async function recordWay(): Promise<Way> {
  const device = await openDevice("wasm:deterministic,threads=1");
  const model = await openDigits(readFileSync(join(root, "data/models/digits-16.safetensors")), device);
  const way = await sampleWay(model, device, RECORDED.labels, RECORDED.seed);
  await device.dispose();
  return way;
}

/** Tiles of SIDE x SIDE levels as one gray picture. */
function sheetPng(tiles: readonly Uint8Array[], columns: number): Uint8Array {
  const width = columns * SIDE, height = Math.ceil(tiles.length / columns) * SIDE;
  const data = new Uint8Array(width * height);
  tiles.forEach((tile, i) => {
    const left = (i % columns) * SIDE, top = Math.floor(i / columns) * SIDE;
    for (let y = 0; y < SIDE; y++) data.set(tile.subarray(y * SIDE, (y + 1) * SIDE), (top + y) * width + left);
  });
  return encodePng({ width, height, channels: 1, data });
}

/** The way as a picture: a row for each sample, a column for each frame. */
export function wayPng({ xt, labels }: Way): Uint8Array {
  return sheetPng(labels.flatMap((_, n) => xt.map((frame) => frame.subarray(n * PIXELS, (n + 1) * PIXELS))), xt.length);
}

/** The first 200 digits of every class of the package's sheet, averaged to 16x16, in order of their class. */
export function digitsPng(): Uint8Array {
  const { file, ...tiles } = builtinSheets.digits;
  const all = tileDataset("digits", file, readImage(join(root, "data", file)), { ...tiles, size: SIDE });
  const each = SHEET_COUNT / 10;
  const first = tiles.classCounts.map((_, c) => tiles.classCounts.slice(0, c).reduce((sum, n) => sum + n, 0));
  const chosen = first.flatMap((start) => Array.from({ length: each }, (_, i) => start + i));
  return sheetPng(chosen.map((i) => Uint8Array.from(all.sample(i), (v) => Math.round((v + 1) * 127.5))), SHEET_COLUMNS);
}

if (process.argv[1] === import.meta.filename) {
  const folder = join(import.meta.dirname, "figures/recorded");
  const way = await recordWay();
  writeFileSync(join(folder, "way.png"), wayPng(way));
  writeFileSync(join(folder, "way.json"), `${JSON.stringify({ ...RECORDED, times: way.times, digest: way.digest })}\n`);
  writeFileSync(join(folder, "digits.png"), digitsPng());
}
