/** JSON with damage that stays JSON: other values, other kinds, missing and unknown fields, names that every object has. */
import type { Random } from "@fromnoise/tensor";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const VALUES: readonly Json[] = [
  null, true, false, 0, -1, 1, 0.5, 1e9, 1e308, -1e308, 65536, 1e6, 2147483648, 2147483649, 9007199254740993, "", "x", "__proto__", [], {}, [1], [[1]],
  { a: 1 }, "\u001b[31m", [null], 1e-320,
];
const NAMES = ["__proto__", "toString", "constructor", "hasOwnProperty", "length", "x", ""];

/** A copy of a JSON value with one to four places changed. */
export function mutatedJson(value: unknown, random: Random): unknown {
  const below = (n: number): number => Math.floor(random.uniform(1)[0]! * n);
  let copy = structuredClone(value) as Json;
  for (let n = 1 + below(4); n > 0; n--) {
    const holders: (Json[] | { [name: string]: Json })[] = [];
    const visit = (inner: Json): void => {
      if (typeof inner !== "object" || inner === null || holders.length > 5000) return;
      holders.push(inner);
      for (const part of Object.values(inner)) visit(part);
    };
    visit(copy);
    const value = structuredClone(VALUES[below(VALUES.length)]!);
    if (holders.length === 0) {
      copy = value;
      continue;
    }
    const holder = holders[below(holders.length)]! as { [name: string]: Json };
    const names = Object.keys(holder);
    const name = names.length === 0 ? "0" : names[below(names.length)]!;
    switch (below(5)) {
      case 0: delete holder[name]; break;
      case 1: Object.defineProperty(holder, NAMES[below(NAMES.length)]!, { value, enumerable: true, configurable: true, writable: true }); break;
      case 2: holder[name] = holder[names[below(names.length)] ?? "0"] ?? value; break;
      case 3: holder[name] = [holder[name] ?? null]; break;
      default: holder[name] = value;
    }
  }
  return copy;
}

/** The text of it; what refers to itself after a change is refused as JSON already. */
export function mutatedText(text: string, random: Random): string {
  try {
    return JSON.stringify(mutatedJson(JSON.parse(text), random)) ?? "";
  } catch {
    return text;
  }
}
