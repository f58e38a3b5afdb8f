/** Whether the network's answer depends on what it should depend on, and on nothing else. */
import { meanOf } from "./statistics.js";
import { outputOf } from "./ask.js";
import { percent, Report } from "./finding.js";
import { firstOf, imagesOf, levelsAcross, noiseFor, type Patient } from "./patient.js";
import { relativeChange } from "./time.js";

const IMAGES = 8;

/** Asked twice; asked image by image; asked about other images. */
export async function examineAnswers(patient: Patient): Promise<Report> {
  const report = new Report();
  const { model: { network, process }, heldOut, seed } = patient;
  const levels = levelsAcross(process, 5), at = levels[levels.length >> 1];
  const images = imagesOf(heldOut, IMAGES), eps = noiseFor(images, seed, 200);
  const asked = { images, eps, at };
  const said = await outputOf(patient, network, asked), again = await outputOf(patient, network, asked);
  const random = relativeChange(said, again);
  report.add({ what: "answers to one question, asked twice: difference", found: percent(random), usual: "0 %" }, random > SAME && {
    name: "random-answers", severity: "fault",
    change: "Something in the network draws numbers when it is sampled: dropout that is left on; switch the network to inference.",
  });
  const alone = firstOf(images, 1);
  const single = await outputOf(patient, network, { images: alone, eps: eps.subarray(0, alone.size), at });
  const others = relativeChange(single, said.subarray(0, alone.size));
  report.add({ what: "answer for an image alone and in a batch: difference", found: percent(others), usual: "0 %, rounding apart" }, others > SAME && random <= SAME && {
    name: "batch-answers", severity: "fault",
    change: "What the network says of an image depends on the others of its batch: statistics of a batch (batch normalisation in training mode) are used where each image must stand alone.",
  });
  const spread = Math.sqrt(meanOf(said.map((v, i) => (v - meanAt(said, i % images.size, images.size)) ** 2)) / meanOf(said.map((v) => v * v)));
  report.add({ what: "change of the output with the image", found: percent(spread), usual: "10 % and more" }, !(spread >= 0.01) && {
    name: "no-input", severity: "fault", change: "The network says the same of every image: its input is lost on the way, a layer is dead, or its weights are zero.",
  });
  return report;
}

const SAME = 1e-3;

function meanAt(values: Float64Array, i: number, size: number): number {
  let sum = 0;
  for (let j = i; j < values.length; j += size) sum += values[j];
  return (sum * size) / values.length;
}
