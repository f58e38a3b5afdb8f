/** The 2,000 digits that a page trains on: 200 of every class, 16x16, on one sheet of 200 KB. */
import { tileDataset, type Dataset, type Picture } from "@fromnoise/diffusion";
import { SIDE } from "./digits.js";

export const SHEET_COUNT = 2000, SHEET_COLUMNS = 50;

/** The sheet as data to train on. */
export function digitsData(sheet: Picture): Dataset<Float32Array> {
  return tileDataset("digits", "digits.png", sheet, {
    tile: SIDE, columns: SHEET_COLUMNS, count: SHEET_COUNT, classCounts: new Array<number>(10).fill(SHEET_COUNT / 10),
  });
}
