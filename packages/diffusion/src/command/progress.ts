/** Progress of a long loop: a bar on a terminal, a plain line now and then when piped. Both go to standard error. */
import cliProgress from "cli-progress";

export interface Progress {
  /** `done` of the total, and what to show beside it, such as {loss: "0.0312"}. */
  update(done: number, facts?: Readonly<Record<string, string>>): void;
  /** Ends the bar, for good: lines printed from then on stay below it. */
  stop(): void;
}

/** Seconds between plain lines, but for those at every 20th of the whole. */
const LINE_SECONDS = 30;

/** "3m 05s" */
export function formatSeconds(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}s`;
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}m ${two(s % 60)}s` : `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}

/** "0.63", "25", "1234": two digits are enough for a rate. */
export function formatRate(perSecond: number): string {
  return perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toPrecision(2);
}

/** Counts `unit`s from `start` to `total`, with the time left at the pace since it was opened. */
export function openProgress(unit: string, total: number, start = 0): Progress {
  const began = performance.now();
  const left = (done: number): string => formatSeconds(((performance.now() - began) / 1000 / (done - start)) * (total - done));
  const describe = (facts: Readonly<Record<string, string>>): string =>
    Object.entries(facts).map(([name, value]) => `  ${name} ${value}`).join("");
  return process.stderr.isTTY ? openBar() : openLines();

  function openBar(): Progress {
    const bar = new cliProgress.SingleBar({
      format: `${unit} {value}/{total} [{bar}]{facts}  left {left}`, stream: process.stderr, hideCursor: true, barsize: 24,
      gracefulExit: false, linewrap: false,
    }, cliProgress.Presets.shades_classic);
    const stop = (): void => {
      process.off("SIGINT", interrupt);
      if (bar.isActive) bar.stop();                                   // gives the cursor back
    };
    const interrupt = (): void => {
      stop();
      if (process.listenerCount("SIGINT") === 0) process.exit(130);   // nobody else wants to finish something
    };
    process.on("SIGINT", interrupt);
    bar.start(total, start, { facts: "", left: "?" });
    return {
      update: (done, facts = {}) => void (bar.isActive && bar.update(done, { facts: describe(facts), left: left(done) })),
      stop,
    };
  }

  function openLines(): Progress {
    const every = Math.max(1, Math.ceil(total / 20));
    let printed = began;
    return {
      update(done, facts = {}) {
        const now = performance.now();
        if (done % every !== 0 && done !== total && now - printed < LINE_SECONDS * 1000) return;
        printed = now;
        console.error(`${unit} ${done}/${total}${describe(facts)}  left ${left(done)}`);
      },
      stop: () => undefined,
    };
  }
}
