/** What was tried, how often, and what did not hold. */
export interface Tried {
  readonly what: string;
  readonly tried: number;
  readonly failed: readonly string[];
  readonly note: string;
}

/** A table in Markdown. */
export function table(rows: readonly (Tried & { seconds: number })[]): string {
  const lines = rows.map(({ what, tried, failed, note, seconds }) =>
    `| ${what} | ${tried.toLocaleString("en-US")} | ${(tried - failed.length).toLocaleString("en-US")} | ${failed.length} | ${note} | ${Math.round(seconds)} s |`);
  return ["| what | tried | held | failed | | time |", "|---|---|---|---|---|---|", ...lines].join("\n");
}
