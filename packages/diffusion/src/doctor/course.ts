/** The course of training, from what was written down step by step. */
import type { StepMetrics } from "../train/metrics.js";
import { percent, Report, shortNumber } from "./finding.js";
import { askEverywhere, lossOver } from "./loss-by-level.js";
import type { Patient } from "./patient.js";
import { meanOf, median } from "./statistics.js";

export async function examineCourse(patient: Patient): Promise<Report> {
  const report = new Report();
  const { metrics, raw, model: { network } } = patient;
  if (metrics === undefined || metrics.length < 20) return report;
  const losses = metrics.map(({ loss }) => loss);
  const part = (from: number, to: number): number => median(losses.slice(Math.floor(from * losses.length), Math.max(Math.ceil(to * losses.length), 1)));
  const [first, third, last] = [part(0, 0.05), part(0.5, 0.75), part(0.75, 1)];
  const fell = 1 - last / third;
  report.add({
    what: `loss over ${metrics.at(-1)!.step} steps`, found: `${shortNumber(first)} at first, ${shortNumber(third)} in the third quarter, ${shortNumber(last)} in the last: ${fell > STILL ? "still falling" : "level"}`,
    usual: "falls fast, then slowly",
  }, last > 0.9 * first && {
    name: "loss-flat", severity: "fault",
    change: "The loss is where it began: a learning rate that is too high or far too low, gradients that do not arrive, or targets that do not belong to their inputs.",
  });
  const jumps = jumpsOf(metrics);
  report.add({ what: "steps whose loss is ten times that of their neighbours", found: String(jumps), usual: "0" }, jumps > 0 && {
    name: "loss-jumps", severity: "warning", change: "Training was thrown back: a smaller learning rate, a longer warm-up, clipped gradients.",
  });
  // What the network itself has for an error, a mean over elements, says whether the loss was one.
  const error = lossOver(await askEverywhere(patient, raw ?? network));
  const scale = last / error;
  report.add({ what: "loss as written down, against the error per element", found: `${shortNumber(last)} against ${shortNumber(error)}: ${shortNumber(scale)} times`, usual: "0.2 .. 5 times (weights of levels, other norms)" }, scale > SUM && {
    name: "sum-for-mean", severity: "fault",
    change: "The loss is a sum, over the elements of an image or a batch, where it should be their mean: gradients are as much larger, so every one is clipped, or the learning rate is as much too high.",
  });
  const norms = metrics.slice(Math.floor(0.5 * metrics.length)).map(({ gradNorm }) => gradNorm);
  const large = meanOf(norms.map((norm) => (norm > 1 ? 1 : 0)));
  report.add({ what: "norm of gradients in the second half of training", found: `${shortNumber(median(norms))}, above 1 in ${percent(large)} of steps`, usual: "0.01 .. 1, seldom more" }, median(norms) > NORM && {
    name: "gradients-large", severity: "warning", change: "Every gradient is clipped, or would have to be: look at the scale of the loss, and at the learning rate.",
  });
  return report;
}

const STILL = 0.03, SUM = 20, NORM = 10;

/** Steps whose loss is ten times the median of the twenty around them, the first fifty left out. */
function jumpsOf(metrics: readonly StepMetrics[]): number {
  return metrics.filter(({ loss, step }, i) => step > 50 && !(loss < 10 * median(metrics.slice(Math.max(0, i - 10), i + 11).map((m) => m.loss)))).length;
}
