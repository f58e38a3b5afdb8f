/** Tables of a report with a column for each contender. */
import { labelOf, type Row } from "./rows.js";
import { table } from "./table.js";

export type TimedRow = Row & { median_ms: number; best_ms: number };

export const isTimed = (row: Row): row is TimedRow => row.median_ms !== null;
export const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** A table with a line for each name and a column for each contender. */
export function contenderTable<R extends Row>(
  head: string, rows: readonly R[], nameOf: (row: R) => string, cell: (row: R) => string,
): string {
  if (rows.length === 0) return "";
  const contenders = unique(rows.map(labelOf));
  return table([head, ...contenders], unique(rows.map(nameOf)).map((name) => [name, ...contenders.map((contender) => {
    const row = rows.find((r) => nameOf(r) === name && labelOf(r) === contender);
    return row === undefined ? "-" : cell(row);
  })]));
}

/** Two digits at least. */
export const digits = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toPrecision(2));
export const milliseconds = (ms: number): string => (ms >= 1000 ? ms.toFixed(0) : ms.toPrecision(3));
