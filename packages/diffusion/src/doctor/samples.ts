/** Samples against the data, statistic by statistic: brightness, contrast, detail, colour, bounds, and how they differ from each other. */
import { Report, percent, shortNumber, type Finding } from "./finding.js";
import { BEYOND } from "./chain.js";
import { imageAt, detailEnergy, meanOf, perImage, pixelMoments, spreadOf } from "./statistics.js";
import { imagesIn, imagesOf, type Images, type Patient } from "./patient.js";

/** A number of an image, and what it means where samples have more or less of it than the data. */
interface Statistic {
  readonly what: string;
  of(image: Float64Array, shape: readonly number[]): number;
  readonly name: string;
  readonly more: string;
  readonly less: string;
}

const channelMean = (image: Float64Array, channels: number, k: number): number => {
  let sum = 0;
  for (let i = k; i < image.length; i += channels) sum += image[i];
  return (sum * channels) / image.length;
};

/** The statistics of images of so many channels. */
function statisticsOf(channels: number): Statistic[] {
  const shifted = "The mean of samples drifts where the noisiest level still shows the data, where weights are raw and not averaged, where x0 is not clipped, or where training sees another range than [-1, 1].";
  const colour = "Colours shift as brightness does; where two channels are exchanged, data and pictures differ in their order (RGB, BGR).";
  return [
    { what: "brightness of samples", name: "brightness", of: (image) => meanOf(image), more: shifted, less: shifted },
    { what: "contrast within samples", name: "contrast", of: (image) => spreadOf(image),
      more: "Too harsh: guidance that is too strong, x0 beyond its bounds, or noise that is left.", less: "Too flat: too few steps with a stochastic sampler, a loss that predicts the mean, or a wrong range of values." },
    { what: "finest detail of samples", name: "detail", of: (image, shape) => Math.sqrt(detailEnergy(image, shape)),
      more: "Noise is left in the samples: look at the last step, at the levels that the sampler steps to, and at the loss where there is little noise.",
      less: "Samples are blurred: the sampler takes away more than its levels say, or the network has not learnt the levels of little noise." },
    ...(channels === 3 ? [
      { what: "red less blue of samples", name: "colour", of: (image: Float64Array) => channelMean(image, 3, 0) - channelMean(image, 3, 2), more: colour, less: colour },
      { what: "green less red and blue of samples", name: "colour", of: (image: Float64Array) => channelMean(image, 3, 1) - (channelMean(image, 3, 0) + channelMean(image, 3, 2)) / 2, more: colour, less: colour },
    ] : []),
  ];
}

/**
 * Effects of statistics: how far the mean over samples is from the data's, in standard deviations over the data's images, beyond two
 * standard errors of either mean.
 */
export function examineSamples({ samples: given, training }: Patient): Report {
  const report = new Report();
  if (given === undefined) return report;
  const samples = imagesIn(given), data = imagesOf(training, 512);
  const broken = samples.data.findIndex((v) => !Number.isFinite(v));
  if (broken >= 0) {
    report.add({ what: "samples", found: `a value is ${samples.data[broken]}`, usual: "finite numbers" }, {
      name: "not-finite", severity: "fault", change: "The weights are broken, or a guess of x0 overflowed on the way: look at the largest one, and clip it.",
    });
    return report;
  }
  for (const { what, name, of, more, less } of statisticsOf(data.channels)) {
    const [ours, theirs] = [samples, data].map((images) => perImage(images, (image) => of(image, training.shape)));
    const [found, mean] = [meanOf(ours), meanOf(theirs)];
    const spread = Math.max(spreadOf(theirs), 1e-3 * Math.abs(mean), 1e-6);
    const error = Math.hypot(spreadOf(ours) / Math.sqrt(ours.length), spread / Math.sqrt(theirs.length));
    const effect = Math.max(0, Math.abs(found - mean) - 2 * error) / spread;
    report.add({
      what, found: `${shortNumber(found)}, ${shortNumber(Math.abs(found - mean) / spread)} deviations from the data`, usual: `${shortNumber(mean)} +- ${shortNumber(spread)} from image to image; within ${EFFECT} of them`,
    }, effect > EFFECT && { name: `samples-${name}`, severity: effect > 2 * EFFECT ? "fault" : "warning", change: found > mean ? more : less });
  }
  bounds(report, samples, data);
  variety(report, samples, data);
  return report;
}

/** Largest usual effect. */
const EFFECT = 1;

/** How many values lie outside of [-1, 1], and at its ends. */
function bounds(report: Report, samples: Images, data: Images): void {
  const share = ({ data: values }: Images, inside: (v: number) => boolean): number => meanOf(values.map((v) => (inside(v) ? 1 : 0)));
  const beyond = share(samples, (v) => Math.abs(v) > BEYOND), theirs = share(data, (v) => Math.abs(v) > BEYOND);
  report.add({ what: "values of samples outside of [-1, 1]", found: percent(beyond), usual: `${percent(theirs)} of the data's; at most 5 %` }, beyond > theirs + 0.1 && {
    name: "samples-beyond", severity: "warning",
    change: "The last step gives x0 without clipping it, or adds noise to it: clip guesses of x0, and add no noise in the last step.",
  });
  for (const [end, name] of [[1, "white"], [-1, "black"]] as const) {
    const at = (v: number): boolean => v * end > 0.98;
    const [ours, usual] = [share(samples, at), share(data, at)];
    report.add({ what: `values of samples that are ${name}`, found: percent(ours), usual: `${percent(usual)} in the data` }, ours > usual + 0.25 && {
      name: `samples-${name}`, severity: "fault",
      change: "Samples run into the bound: x0 far beyond it on the way, guidance too strong, or weights that are no use.",
    });
  }
}

/** How samples differ from each other, and whether they lie where the data do. */
function variety(report: Report, samples: Images, data: Images): void {
  const [ours, theirs] = [samples, data].map(pixelMoments);
  const total = (v: Float64Array): number => meanOf(v);
  const ratio = total(ours.variance) / total(theirs.variance);
  const alike: Omit<Finding, "what" | "found" | "usual"> = {
    name: "samples-alike", severity: "fault",
    change: "Samples are nearly the same image: the network answers with the mean, the same noise is used for all of them, or their classes are one.",
  };
  const flat = meanOf(perImage(samples, (image) => (spreadOf(image) < 1e-3 ? 1 : 0)));
  report.add({ what: "variance from sample to sample, against the data's", found: `${shortNumber(ratio)} times`, usual: "0.7 .. 1.3 times" }, ratio < 0.4 && samples.count > 7 && alike);
  if (flat > 0) {
    report.add({ what: "samples of one colour", found: percent(flat), usual: "0 %" }, flat > 0.1 && {
      name: "samples-constant", severity: "fault", change: "Black, white or gray images: x0 runs into a bound at the start of the chain, values are written in another range than they are in, or weights are not finite.",
    });
  }
  // How far the mean of samples may be from the data's by chance is sqrt(variance / n).
  const distance = Math.sqrt(meanOf(ours.mean.map((m, i) => (m - theirs.mean[i]) ** 2)));
  const chance = Math.sqrt((total(ours.variance) / samples.count) + total(theirs.variance) / data.count);
  const deviation = Math.sqrt(total(theirs.variance));
  report.add({
    what: "the mean of all samples, pixel by pixel, against the data's", found: `${shortNumber(distance / deviation)} deviations`, usual: `${shortNumber(chance / deviation)} by chance; at most ${shortNumber(chance / deviation + PLACE)}`,
  }, distance > chance + PLACE * deviation && {
    name: "samples-place", severity: "warning",
    change: "Samples as a whole are not where the data are: mirrored, turned, shifted, of other classes than the data, or of another brightness.",
  });
}

const PLACE = 0.3;

/** Nearest of some means: its index. */
export function nearestMean(image: Float64Array, means: readonly Float64Array[]): number {
  let best = 0, least = Infinity;
  means.forEach((mean, k) => {
    let sum = 0;
    for (let i = 0; i < image.length; i++) sum += (image[i] - mean[i]) ** 2;
    if (sum < least) [best, least] = [k, sum];
  });
  return best;
}

/** The share of images whose nearest class mean is that of their own class. */
export function shareRecognised(images: Images, means: readonly Float64Array[]): number {
  return meanOf(Float64Array.from({ length: images.count }, (_, n) => (nearestMean(imageAt(images, n), means) === images.labels![n] ? 1 : 0)));
}
