/** What a place reports: the same in Node, in pages and in workers, and plain JSON. */

/** One thing that was tried: what was measured, and what was wrong with it. */
export interface Part { name: string; measured: string; failures: string[]; seconds: number }
export interface Report { description: string; parts: Part[] }
export type Outcome = Pick<Part, "measured" | "failures">;
/** Contents of the golden files by name. */
export type Goldens = Readonly<Record<string, { kind: string }>>;

/** Tries one thing after the other; an error is a failure of its part. `log` hears of each part as it is done. */
export class Parts {
  readonly done: Part[] = [];

  constructor(private readonly log: (part: Part) => void) {}

  async try(name: string, run: () => Promise<Outcome>): Promise<void> {
    const started = performance.now();
    const outcome = await run().catch((error: unknown): Outcome => ({ measured: "", failures: [(error as Error).message] }));
    const part = { name, ...outcome, seconds: (performance.now() - started) / 1000 };
    this.done.push(part);
    this.log(part);
  }
}
