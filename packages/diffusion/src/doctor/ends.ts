/** The two ends of the process, and the range of the data: what training sees there and sampling does not. */
import { Report, percent, shortNumber } from "./finding.js";
import { imagesOf, type Patient } from "./patient.js";
import { powerOf } from "./chain.js";
import { meanOf, spreadOf } from "./statistics.js";

export function examineEnds({ model: { process }, training }: Patient): Report {
  const report = new Report();
  const [noisiest, cleanest] = process.range;
  const images = imagesOf(training, 256);
  const { data } = images;
  const power = Math.sqrt(powerOf(images));
  const left = (noisiest.alpha * power) / noisiest.sigma;
  report.add({ what: "signal left at the noisiest level, against its noise", found: shortNumber(left), usual: "below 0.02" }, left > LEFT && {
    name: "signal-at-the-end", severity: left > 0.1 ? "fault" : "warning",
    change: "Training sees the data at its last step, sampling starts without: brightness and layout of samples are wrong. Destroy more: betas that grow with fewer steps (linear betas of 1000 steps are to be scaled by 1000 / T), a cosine schedule, or zero terminal signal.",
  });
  const noise = cleanest.sigma / cleanest.alpha;
  report.add({ what: "noise at the cleanest level, against the data", found: shortNumber(noise / spreadOf(data)), usual: "below 0.1" }, noise > COARSE * spreadOf(data) && {
    name: "noise-at-the-start", severity: "warning",
    change: "The last step has to take away much noise at once, and fine detail is never learnt: more steps, or a smaller first beta; betas in the wrong order end like this.",
  });
  const low = data.reduce((a, b) => Math.min(a, b)), high = data.reduce((a, b) => Math.max(a, b)), spread = spreadOf(data);
  const images01 = training.shape.length === 3;
  report.add({
    what: "range of the data", found: `${shortNumber(low)} .. ${shortNumber(high)}, mean ${shortNumber(meanOf(data))}, deviation ${shortNumber(spread)}`,
    usual: images01 ? "-1 .. 1" : "a deviation of about 1",
  }, images01 ? (low >= -1e-3 || high <= 1e-3 || Math.max(-low, high) > 1.5 || Math.max(-low, high) < 0.5) && rangeFinding : !(spread > 0.05 && spread < 10) && rangeFinding);
  const same = constantPixels(data, images.size);
  if (same > 0) report.add({ what: "numbers of an image that are the same in all of the data", found: percent(same), usual: "few, such as a border" });
  return report;
}

const LEFT = 0.03, COARSE = 0.2;

const rangeFinding = {
  name: "data-range", severity: "fault",
  change: "Schedules, clipping and pictures are made for [-1, 1]: scale the data to it (2 x - 1 of [0, 1]) in training, and only there.",
} as const;

function constantPixels(data: Float64Array, size: number): number {
  let same = 0;
  for (let i = 0; i < size; i++) {
    let equal = true;
    for (let j = i + size; equal && j < data.length; j += size) equal = data[j] === data[i];
    if (equal) same++;
  }
  return same / size;
}
