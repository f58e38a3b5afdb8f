/** Progress of a long loop: a bar on a terminal, a plain line now and then when piped. */
import cliProgress from "cli-progress";

export interface Progress {
  /** `done` of the total, and what to show beside it, such as {loss: "0.0312"}. */
  update(done: number, facts: Readonly<Record<string, string>>): void;
  /** A line of text that stays, above the bar. */
  log(line: string): void;
  stop(): void;
}

/** "3m 05s" */
export function formatSeconds(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}s`;
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}m ${String(s % 60).padStart(2, "0")}s` : `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, "0")}m`;
}

/** Counts `unit`s from `start` to `total`; when piped, a line every `every` of them. */
export function openProgress(unit: string, total: number, start = 0, every = Math.max(1, Math.ceil(total / 20))): Progress {
  const began = performance.now();
  const left = (done: number): string => {
    const elapsed = (performance.now() - began) / 1000;
    return done > start ? formatSeconds((elapsed / (done - start)) * (total - done)) : "?";
  };
  const describe = (facts: Readonly<Record<string, string>>): string => Object.entries(facts).map(([name, value]) => `${name} ${value}`).join("  ");
  if (!process.stderr.isTTY) {
    return {
      update(done, facts) {
        if (done % every === 0 || done === total) console.error(`${unit} ${done}/${total}  ${describe(facts)}  left ${left(done)}`);
      },
      log: (line) => console.error(line),
      stop: () => undefined,
    };
  }
  const bar = new cliProgress.SingleBar({
    format: `${unit} {value}/{total} [{bar}] {facts}  left {left}`, stream: process.stderr, hideCursor: true, barsize: 24, gracefulExit: false, linewrap: false,
  }, cliProgress.Presets.shades_classic);
  bar.start(total, start, { facts: "", left: "?" });
  return {
    update: (done, facts) => bar.update(done, { facts: describe(facts), left: left(done) }),
    log(line) {
      process.stderr.write(`\r\x1b[K${line}\n`);
      bar.render();
    },
    stop: () => bar.stop(),
  };
}
