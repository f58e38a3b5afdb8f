/** What a place reports: the same in Node, in pages and in workers, and plain JSON. */
import type Mocha from "mocha";

/** One thing that was tried: what was measured, and what was wrong with it. */
export interface Part { name: string; measured: string; failures: string[]; seconds: number }
export interface Report { description: string; parts: Part[] }
export type Outcome = Pick<Part, "measured" | "failures">;
/** Contents of the golden files by name. */
export type Goldens = Readonly<Record<string, { kind: string }>>;

/** Mocha's runner: of the package in Node, of its build for browsers in pages and workers. */
export type Runner = typeof Mocha;
/** What a place has to show, by name. */
export type Tests = [name: string, run: () => Promise<Outcome>][];

/** What was wrong with an outcome. */
class Failures extends Error {
  constructor(readonly failures: readonly string[]) {
    super(failures.join("\n"));
  }
}

/** Has mocha run the tests, one after the other; an error is a failure of its test. `log` hears of each as it is done. */
export function runTests(Runner: Runner, tests: Tests, log: (part: Part) => void): Promise<Part[]> {
  const mocha = new Runner({ reporter: Runner.reporters.Base, timeout: 0 });
  const measured = new Map<string, string>(), parts: Part[] = [];
  for (const [name, run] of tests) {
    mocha.suite.addTest(new Runner.Test(name, async () => {
      const outcome = await run();
      measured.set(name, outcome.measured);
      if (outcome.failures.length > 0) throw new Failures(outcome.failures);
    }));
  }
  return new Promise((resolve) => {
    mocha.run(() => resolve(parts)).on("test end", ({ title, duration = 0, err }) => {
      const failures = err === undefined ? [] : err instanceof Failures ? [...err.failures] : [err.message];
      const part = { name: title, measured: measured.get(title) ?? "", failures, seconds: duration / 1000 };
      parts.push(part);
      log(part);
    });
  });
}
