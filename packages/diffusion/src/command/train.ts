import { basename, join, resolve } from "node:path";
import { flagsOf, optionsOf } from "../config/flags.js";
import { trainFields } from "../train/config.js";
import { trainRun, type RunOptions, type RunResult } from "../train/node/run.js";
import { deviceOpener, type Arguments, type Command } from "./command.js";
import { withoutReaders } from "./output.js";
import { formatRate, openProgress, type Progress } from "./progress.js";
import { configOf, modelFields, recipeIn, resumeOverrides, RESUMABLE, runFields } from "./train-flags.js";

/** Exit codes after the signals that ask a run to stop: a terminal's Ctrl-C, a container's or batch system's end, a closed terminal. */
const STOPPED_BY = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export const train: Command = {
  name: "train",
  summary: "train a denoiser on images",
  usage: "fromnoise train [--out DIR] [--data NAME] [flags]   or   fromnoise train [--out DIR] --resume",
  examples: [
    "fromnoise train --recipe digits --out runs/digits",
    "fromnoise train --data photos --size 32 --flip --minutes 60 --out runs/photos",
    "fromnoise train --out runs/digits --resume",
    "fromnoise train --recipe digits --width 32,64,64 --prediction eps --steps 5000",
  ],
  operands: [],
  flags: [
    ...flagsOf(runFields), ...flagsOf(modelFields, "the network"), ...flagsOf(trainFields, "fields of the run's config.json"),
  ],
  notes: [
    "Ctrl-C, SIGTERM and SIGHUP finish the step, save and say how to resume. Resuming gives the same numbers, to the last bit, as a run that was",
    `never stopped; only ${RESUMABLE.join(", ")} may change.`,
  ].join("\n"),
  run: runTrain,
};

async function runTrain({ flags }: Arguments): Promise<number> {
  const { out, resume, revectorize, minutes } = optionsOf(runFields, flags);
  const { data } = optionsOf(trainFields, flags);
  const start = resume ? { resume: resumeOverrides(flags) } : { config: configOf(flags), minutes };
  const recipe = recipeIn(flags);
  const name = recipe?.config.data === undefined ? runName("config" in start ? start.config.data : data) : recipe.name;
  return withoutReaders(() => trainWithProgress({ start, openDevice: deviceOpener(revectorize) }, out ?? join("runs", name)));
}

/** Trains with a progress bar and Ctrl-C handling, and prints what was written. Returns the exit code. */
async function trainWithProgress(how: Pick<RunOptions, "start" | "openDevice">, out: string): Promise<number> {
  const stop = new AbortController();
  let code = 0;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      if (signal === "SIGINT") process.exit(130);
      return;                                                                           // a terminal that closes says so twice
    }
    code = STOPPED_BY[signal as keyof typeof STOPPED_BY];
    stop.abort();                                                                       // ends the bar, see trainShowing
    console.error("finishing this step, then saving; Ctrl-C again stops at once and keeps the last checkpoint");
  };
  const signals = Object.keys(STOPPED_BY) as (keyof typeof STOPPED_BY)[];
  // From the first step on; until then there is nothing to save, and a look at many images leaves a signal no turn.
  const onStart = (): void => signals.forEach((signal) => process.on(signal, interrupt));
  try {
    const { trainer: { step, device }, finished } = await trainShowing({ ...how, out, signal: stop.signal, onStart });
    await device.dispose();
    if (finished) {
      console.log(`trained ${step === 1 ? "1 step" : `${step} steps`}; the run is in ${out}`);
      console.log(`sample with: fromnoise sample ${out}`);
      return 0;
    }
    console.log(`stopped after step ${step}; everything is saved in ${out}`);
    console.log(`resume with: fromnoise train --out ${out} --resume`);
    return code;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}

/** `trainRun` with its lines and a progress bar on standard error. */
export async function trainShowing(options: RunOptions): Promise<RunResult> {
  let progress: Progress | undefined;
  let said = performance.now();
  const shown: Record<string, string> = {};
  options.signal?.addEventListener("abort", () => progress?.stop(), { once: true });
  try {
    return await trainRun({
      ...options,
      onLine: (line) => console.error(line),
      onImage: (done, all) => {
        if (performance.now() - said < 3000) return;
        said = performance.now();
        console.error(`looked at ${done} of ${all} images`);
      },
      onStart: (step, config) => {
        options.onStart?.(step, config);
        progress = openProgress("step", config.steps, step);
      },
      onStep: ({ step, loss, imagesPerSecond, bound }) => {
        Object.assign(shown, { loss: loss.toFixed(4), "images/s": formatRate(imagesPerSecond) });
        if (bound !== undefined) shown["bits/dim"] = bound === null ? "-" : `${bound.toFixed(3)} (step ${step})`;
        progress!.update(step, shown);
      },
    });
  } finally {
    progress?.stop();
  }
}

/** A folder name for a run on this data: "faces", "photos", "sheet.png-32". */
function runName(data: string): string {
  return basename(resolve(data)).replace(/[^\w.-]/g, "-");
}
