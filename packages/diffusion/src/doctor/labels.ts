/** Whether the network hears the class, and whether samples are of the class that was asked for. */
import { errorsOf, inOwnUnits, outputOf, x0In } from "./ask.js";
import { percent, Report, shortNumber } from "./finding.js";
import { imagesIn, imagesOf, levelsAcross, noiseFor, type Patient } from "./patient.js";
import { shareRecognised } from "./samples.js";
import { imageAt, meanOf, spreadOf } from "./statistics.js";

const IMAGES = 64;

export async function examineLabels(patient: Patient): Promise<Report> {
  const report = new Report();
  const { model: { network, process, prediction }, heldOut, seed } = patient;
  const { classes } = network.spec;
  if (classes === undefined || heldOut.label === undefined) return report;
  const images = imagesOf(heldOut, IMAGES);
  // With much noise the class is news; with little the image shows it.
  const levels = levelsAcross(process, 8).slice(4, 7);
  const gains = new Float64Array(images.count);
  let [right, wrong] = [0, 0];
  for (const [k, at] of levels.entries()) {
    const asked = { images, eps: noiseFor(images, seed, 300 + k), at };
    const errorWith = async (labels: readonly number[]): Promise<Float64Array> => errorsOf(x0In(await outputOf(patient, network, asked, { labels }), asked, prediction), images);
    const own = await errorWith(images.labels!), other = await errorWith(images.labels!.map((label) => (label + 1 + ((k + seed) % (classes - 1))) % classes));
    own.forEach((v, n) => (gains[n] += inOwnUnits(at, prediction) * (other[n] - v)));
    right += meanOf(own) * inOwnUnits(at, prediction);
    wrong += meanOf(other) * inOwnUnits(at, prediction);
  }
  const gain = wrong / right - 1, z = meanOf(gains) / (spreadOf(gains) / Math.sqrt(gains.length));
  const renamed = gain < 0 && z < -3;
  report.add({ what: "error with a wrong class, above that with the right one", found: `${percent(gain)}, ${shortNumber(z)} standard errors`, usual: "3 % and more where there is much noise" }, !(gain > GAIN && z > 3) && {
    name: renamed ? "class-renamed" : "class-unheard", severity: "fault",
    change: renamed ? "A wrong class serves better than the right one: classes are numbered otherwise in training than here."
      : "The class tells the network nothing: labels do not belong to their images in training (shuffled apart?), their embedding is not added, or training hid them.",
  });
  return report;
}

const GAIN = 0.01;

/** The share of samples that are nearest to the mean of their own class. */
export function examineRecognition({ model: { network: { spec: { classes } } }, training: data, heldOut, samples }: Patient): Report {
  const report = new Report();
  if (classes === undefined || data.label === undefined || samples?.labels === undefined) return report;
  const drawn = imagesIn(samples), training = imagesOf(data, 2000), held = imagesOf(heldOut, 500);
  const means = Array.from({ length: classes }, () => new Float64Array(training.size)), counts = new Array<number>(classes).fill(0);
  for (let n = 0; n < training.count; n++) {
    const label = training.labels![n];
    counts[label]++;
    imageAt(training, n).forEach((v, i) => (means[label][i] += v));
  }
  if (counts.some((count) => count === 0)) return report;
  means.forEach((mean, k) => mean.forEach((v, i) => (mean[i] = v / counts[k])));
  const [found, usual] = [shareRecognised(drawn, means), shareRecognised(held, means)];
  const chance = 1 / classes;
  report.add({ what: "samples nearest to the mean of the class that was asked for", found: percent(found), usual: `${percent(usual)} of held-out images, ${percent(chance)} by chance` }, usual > 2 * chance && found < (usual + chance) / 2 && {
    name: "class-wrong", severity: "fault",
    change: "Samples are not of the class that was asked for: labels are shuffled or numbered otherwise, or sampling does not pass them.",
  });
  return report;
}
