/** Two lists of tensors, key by key. */
import type { NumberArray, Shape } from "@fromnoise/tensor";
import { printTable, shownText } from "./text-table.js";

/** What became of a key; `found` and `wanted` are shapes, `difference` is max |a - b| where both sides have values. */
export interface KeyDifference {
  readonly name: string;
  readonly problem: "missing" | "unexpected" | "other shape" | undefined;
  readonly found?: Shape; readonly wanted?: Shape;
  difference?: number;
}

/** Every key of either side, those of `wanted` first and in its order. */
export function keyDifferences(found: ReadonlyMap<string, Shape>, wanted: ReadonlyMap<string, Shape>): KeyDifference[] {
  const rows = [...wanted].map(([name, want]): KeyDifference => {
    const has = found.get(name);
    if (has === undefined) return { name, problem: "missing", wanted: want };
    const same = has.length === want.length && has.every((side, i) => side === want[i]);
    return { name, problem: same ? undefined : "other shape", found: has, wanted: want };
  });
  for (const [name, has] of found) if (!wanted.has(name)) rows.push({ name, problem: "unexpected", found: has });
  return rows;
}

/** max |a - b|; NaN where one of the two is NaN and the other is not. Equal infinities, and NaN in both, are no difference. */
export function largestDifference(a: NumberArray, b: NumberArray): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) continue;
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(largest)) break;
  }
  return largest;
}

/** The keys that do not fit, then those whose values differ, the largest difference first; and how many are of each kind. */
export function printDifferences(rows: readonly KeyDifference[], against: string): void {
  const shape = (sides: Shape | undefined): string => (sides === undefined ? "" : `[${sides.join(", ")}]`);
  const wrong = rows.filter(({ problem }) => problem !== undefined);
  const compared = rows.filter(({ difference }) => difference !== undefined);
  const differing = compared.filter(({ difference }) => difference !== 0).sort((a, b) => order(b) - order(a));
  const of = (kind: KeyDifference["problem"]): number => wrong.filter(({ problem }) => problem === kind).length;
  console.log(`against ${shownText(against)}: ${rows.length - wrong.length} keys fit, ${of("missing")} missing, `
    + `${of("unexpected")} unexpected, ${of("other shape")} of another shape`);
  if (wrong.length > 0) {
    printTable(["name", "", "here", "there"], wrong.map(({ name, problem, found, wanted }) =>
      [shownText(name), problem!, shape(found), shape(wanted)]));
  }
  if (differing.length > 0) {
    printTable(["name", "max |difference|"], differing.map(({ name, difference }) => [shownText(name), difference!.toExponential(3)]));
  }
  if (compared.length > 0) console.log(`  ${compared.length - differing.length} of ${compared.length} compared are equal to the bit`);
}

/** NaN counts as the largest. */
function order({ difference }: KeyDifference): number {
  return Number.isNaN(difference) ? Infinity : difference!;
}
