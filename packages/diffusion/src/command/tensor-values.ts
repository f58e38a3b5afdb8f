/** What the values of a tensor are like. */
import type { NumberArray, Shape } from "@fromnoise/tensor";
import { grouped, printTable, shownText } from "./text-table.js";

/** Statistics of the finite values; NaN where there is none. */
export interface ValueStatistics {
  readonly name: string; readonly shape: Shape;
  /** Of values in all. */
  readonly count: number;
  readonly min: number; readonly max: number; readonly mean: number;
  /** Standard deviation, the sum of squares divided by their number. */
  readonly sd: number;
  /** Euclidean norm. */
  readonly norm: number;
  /** Share of values that are 0. */
  readonly zeros: number;
  readonly nan: number; readonly infinite: number;
}

/** The statistics of one tensor, in f64 and two passes: the deviation is that from the mean. */
export function valueStatistics(name: string, shape: Shape, data: NumberArray): ValueStatistics {
  let [min, max, sum, squares, zeros, nan, infinite] = [Infinity, -Infinity, 0, 0, 0, 0, 0];
  for (const value of data) {
    if (Number.isNaN(value)) nan++;
    else if (!Number.isFinite(value)) infinite++;
    else {
      if (value < min) min = value;
      if (value > max) max = value;
      if (value === 0) zeros++;
      sum += value;
      squares += value * value;
    }
  }
  const finite = data.length - nan - infinite;
  const mean = sum / finite;
  let spread = 0;
  for (const value of data) if (Number.isFinite(value)) spread += (value - mean) ** 2;
  const none = finite === 0 ? NaN : 0;
  return {
    name, shape, count: data.length, min: min + none, max: max + none, mean, sd: Math.sqrt(spread / finite), norm: Math.sqrt(squares),
    zeros: zeros / data.length, nan, infinite,
  };
}

/** A line for every tensor; those without statistics are of a type that is not read, which stands in their place. */
export function printValues(rows: readonly (ValueStatistics | { readonly name: string; readonly dtype: string })[]): void {
  const number = (value: number): string => (Number.isFinite(value) ? value.toPrecision(4) : "-");
  printTable(["name", "min", "max", "mean", "sd", "norm", "zeros", "NaN", "infinite"], rows.map((row) => {
    const name = shownText(row.name);
    if ("dtype" in row) return [name, row.dtype, "", "", "", "", "", "", ""];
    const { min, max, mean, sd, norm, zeros, nan, infinite } = row;
    const share = Number.isNaN(zeros) ? "-" : `${(100 * zeros).toFixed(1)} %`;
    return [name, ...[min, max, mean, sd, norm].map(number), share, grouped(nan), grouped(infinite)];
  }));
  const bad = rows.filter((row) => "nan" in row && row.nan + row.infinite > 0).length;
  console.log(bad === 0 ? "  every value is finite" : `  tensors with NaN or infinities: ${bad}`);
}
