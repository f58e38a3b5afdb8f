/** Tables and names as the command prints them. */

/** Prints a table, its first column to the left and the others to the right. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, i) => rows.reduce((width, row) => Math.max(width, row[i].length), title.length));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ");
  console.log(`  ${line(head)}`);
  for (const row of rows) console.log(`  ${line(row)}`);
}

/** 35746307 gives "35,746,307". */
export function grouped(n: number): string {
  return n.toLocaleString("en-US");
}

/** What a terminal may not be shown as it is: controls, marks of direction, characters of no width, halves of pairs. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;
const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** JSON for people and programs: the same value, in which names of files cannot do anything to a terminal. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNSAFE, (char) => (char === "\n" ? char : escaped(char)));
}

/**
 * A text of a file as a terminal may show it: what would move the cursor, colour what follows or turn the direction of writing stands as
 * \u and four digits, and a long text is cut.
 */
export function shownText(text: string, longest = 200): string {
  const safe = text.slice(0, longest).replace(UNSAFE, escaped);
  return text.length > longest ? `${safe}... (${text.length} characters)` : safe;
}
