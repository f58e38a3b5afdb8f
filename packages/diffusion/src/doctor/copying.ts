/** Whether samples are copies of training images. */
import { copies, COPY_RATIO } from "../evaluate/copies.js";
import { nearest } from "../evaluate/nearest.js";
import type { Rows } from "../evaluate/rows.js";
import { percent, Report } from "./finding.js";
import { imagesIn, imagesOf, type Images, type Patient } from "./patient.js";

/** Training images among which copies are looked for. */
const MOST = 4000;

export function examineCopying({ samples, training, heldOut }: Patient): Report {
  const report = new Report();
  if (samples === undefined) return report;
  const drawn = imagesIn(samples);
  if (!drawn.data.every(Number.isFinite)) return report;
  const among = imagesOf(training, MOST);
  const share = (images: Images): number => {
    const near = nearest(rows(images), rows(among));
    const found = rows({ ...images, data: gathered(among, near.indices) });
    return copies(near, nearest(found, rows(among), { distinct: true }).distances, COPY_RATIO).share;
  };
  const found = share(drawn), usual = heldOut === training ? 0 : share(imagesOf(heldOut, drawn.count));
  const seen = among.count < training.count ? ` (of ${among.count} of them)` : "";
  report.add({ what: `samples that copy a training image${seen}`, found: percent(found), usual: `${percent(usual)} of held-out images` }, found > usual + COPIED && {
    name: "copies", severity: "fault",
    change: "The model gives back its training images: far more data, fewer steps, a smaller network, or augmentation.",
  });
  return report;
}

const COPIED = 0.05;

function rows({ count, size, data }: Images): Rows {
  return { shape: [count, size], data };
}

function gathered({ size, data }: Images, indices: ArrayLike<number>): Float64Array {
  const found = new Float64Array(indices.length * size);
  Array.from(indices).forEach((i, k) => found.set(data.subarray(i * size, (i + 1) * size), k * size));
  return found;
}
