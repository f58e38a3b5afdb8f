/** Loss curves beside each other: how far devices are apart, and how far seeds are, which is the noise that it is measured by. */
import { chartSvg, escapeXml, type Series, type UNetFields } from "@fromnoise/diffusion";
import type { CurveRun, Curves } from "./curve-runs.js";
import { median } from "./statistics.js";
import { table } from "./table.js";

/** Steps whose mean is one point of a curve. */
const WINDOW = 25;

/** The differences of two runs: of their means in each window, the largest of these with the last step there, and of one step. */
export interface Gap { windows: number[]; largest: number; step: number; largestStep: number }

export interface CurveReport {
  /** Last step of each window. */
  steps: number[];
  runs: { run: CurveRun; smooth: number[] }[];
  /** Each other device against the first one, same seed. */
  devices: { run: CurveRun; gap: Gap }[];
  /** The first device against itself, each pair of seeds; and the median of these differences over pairs and windows. */
  seeds: { a: number; b: number; gap: Gap }[];
  noise: number | null;
}

/** Means over windows of `width` steps; what is left over belongs to the last window. */
export function smoothed(losses: readonly number[], width: number): number[] {
  const count = Math.max(1, Math.floor(losses.length / width));
  return Array.from({ length: count }, (_, i) => {
    const window = losses.slice(i * width, i + 1 < count ? (i + 1) * width : undefined);
    return window.reduce((sum, loss) => sum + loss, 0) / window.length;
  });
}

/** Compares the runs; the first device is the first run's. Runs of the other devices are compared at the seeds it has as well. */
export function compareCurves({ config, runs: given }: Curves): CurveReport {
  const width = Math.min(WINDOW, config.steps);
  const runs = given.map((run) => ({ run, smooth: smoothed(run.losses, width) }));
  const ends = runs[0].smooth.map((_, i) => (i + 1) * width);
  const steps = [...ends.slice(0, -1), config.steps];
  const gapOf = (a: (typeof runs)[number], b: (typeof runs)[number]): Gap => {
    const windows = a.smooth.map((value, i) => Math.abs(value - b.smooth[i]));
    const largest = Math.max(...windows);
    const largestStep = Math.max(...a.run.losses.map((loss, i) => Math.abs(loss - b.run.losses[i])));
    return { windows, largest, step: steps[windows.indexOf(largest)], largestStep };
  };
  const first = runs.filter(({ run }) => run.device === runs[0].run.device);
  const devices = runs.flatMap((entry) => {
    const other = first.find(({ run }) => run.seed === entry.run.seed);
    return other === undefined || first.includes(entry) ? [] : [{ run: entry.run, gap: gapOf(entry, other) }];
  });
  const seeds = first.flatMap((a, i) => first.slice(i + 1).map((b) => ({ a: a.run.seed, b: b.run.seed, gap: gapOf(a, b) })));
  const noise = seeds.length === 0 ? null : median(seeds.flatMap(({ gap }) => gap.windows));
  return { steps, runs, devices, seeds, noise };
}

/** True where no device is anywhere further from the first one than seeds typically are from each other. */
export function withinNoise({ devices, noise }: CurveReport): boolean {
  return noise !== null && devices.every(({ gap }) => gap.largest <= noise);
}

const tiny = (value: number): string => (value === 0 ? "0" : value.toExponential(1));
const nameOf = ({ device, seed }: CurveRun): string => `${device}, seed ${seed}`;

/** The comparison as Markdown. */
export function formatCurves(curves: Curves): string {
  const report = compareCurves(curves);
  const { steps, runs, devices, seeds, noise } = report;
  const { batch, optimizer, prediction, schedule } = curves.config;
  const { sample_size: side, block_out_channels: widths } = curves.config.model as UNetFields;
  const first = runs[0].run.device;
  const gapRow = (name: string, { largest, step, largestStep }: Gap): string[] =>
    [name, tiny(largest), String(step), tiny(largestStep), noise === null ? "-" : tiny(largest / noise)];
  const head = ["difference of", "largest of a window's mean", "in the window to step", "largest of a step", "window / noise"];
  const verdict = noise === null ? "Noise is not known: it takes two seeds (--seeds 2)."
    : `Noise, the median difference of a window's mean between seeds of ${first}: ${noise.toFixed(4)}. ` +
      (devices.length === 0 ? "There is one device only." : `Everywhere nearer than that to ${first}: ${withinNoise(report) ? "yes" : "NO"}.`);
  return [
    `# Loss over ${curves.config.steps} training steps`,
    `Digits at ${side as number}x${side as number}, channels ${widths!.join("-")}, batch ` +
      `${batch}, Adam with a largest learning rate of ${optimizer.lr}, ${prediction} prediction, ${schedule.name} schedule. ` +
      "Weights, data, timesteps and noise of a seed are the same on every device.",
    runs.map(({ run }) =>
      `* ${nameOf(run)}: ${run.description}; ${run.seconds.toFixed(0)} s, Node ${run.node}, commit ${run.commit.replace("+", " with changes")}`,
    ).join("\n"),
    table(["mean loss of steps", ...runs.map(({ run }) => nameOf(run))], steps.map((step, i) =>
      [`${(steps[i - 1] ?? 0) + 1}..${step}`, ...runs.map(({ smooth }) => smooth[i].toFixed(5))])),
    table(head, [
      ...devices.map(({ run, gap }) => gapRow(`${first} and ${run.device}, seed ${run.seed}`, gap)),
      ...seeds.map(({ a, b, gap }) => gapRow(`${first}, seeds ${a} and ${b}`, gap)),
    ]),
    verdict,
  ].join("\n\n") + "\n";
}

/** The page: the curves, and the differences to the first device beside the noise; both axes logarithmic. */
export function curvesPage(curves: Curves): string {
  const { steps, runs, devices, noise } = compareCurves(curves);
  const curve = (name: string, color: number, y: readonly number[]): Series => ({ name, color, x: steps, y, marks: "both" });
  const losses = runs.map(({ run, smooth }, i) => curve(nameOf(run), i, smooth));
  const gaps = [
    ...devices.map(({ run, gap }, i) => curve(nameOf(run), i + 1, gap.windows)),
    ...(noise === null ? [] : [curve("noise (seeds)", 0, steps.map(() => noise))]),
  ].filter(({ y }) => Array.from(y).some((value) => value > 0));
  const draw = (series: readonly Series[], yLabel: string): string => chartSvg(series, { yLabel, logX: true, logY: true, window: 1 });
  const difference = gaps.length === 0 ? ""
    : `<h2>Difference to ${escapeXml(runs[0].run.device)}</h2>\n${draw(gaps, "difference of the mean loss")}`;
  return `<!doctype html>
<html lang="en" style="color-scheme: light dark; background: light-dark(#ffffff, #1b1b1f)"><head><meta charset="utf-8"><title>fromnoise loss curves</title></head>
<body style="font-family: system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em">
<h1>Loss, mean of ${Math.min(WINDOW, curves.config.steps)} steps</h1>
${draw(losses, "loss")}
${difference}
<pre style="overflow-x: auto">${escapeXml(formatCurves(curves))}</pre>
</body></html>
`;
}
