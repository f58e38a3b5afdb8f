/** Averaged weights against raw ones, and whether weights lie where the loss is low or are still being thrown about. */
import { clone, Random, tensor } from "@fromnoise/tensor";
import { Adam, Grads, type Network } from "@fromnoise/nn";
import { mseLoss } from "../losses/mse.js";
import { randomDraws, trainingStep, type TrainingBatch } from "../train/training-step.js";
import { percent, Report, shortNumber } from "./finding.js";
import { askEverywhere, lossOver } from "./loss-by-level.js";
import { isTrainable } from "./layers.js";
import { imagesOf, type Patient } from "./patient.js";

/** The values of a network's parameters side by side. */
async function valuesOf({ parameters }: Network): Promise<Map<string, ArrayLike<number>>> {
  const all = new Map<string, ArrayLike<number>>();
  for (const p of parameters) all.set(p.name, await p.tensor.data());
  return all;
}

export async function examineWeights(patient: Patient): Promise<Report> {
  const report = new Report();
  const { model: { network }, raw } = patient;
  const values = await valuesOf(network);
  const broken = [...values].find(([, data]) => !Array.from(data).every(Number.isFinite));
  if (broken !== undefined) {
    report.add({ what: "weights", found: `${broken[0]} is not finite`, usual: "finite numbers" }, {
      name: "weights-not-finite", severity: "fault", change: "Training went on after its loss was no number: go back to the last good checkpoint with a smaller learning rate.",
    });
    return report;
  }
  const zero = [...values].filter(([, data]) => Array.from(data).every((v) => v === 0)).map(([name]) => name);
  if (zero.length > 0) {
    report.add({ what: "parameters that are all zero", found: zero.slice(0, 3).join(", ") + (zero.length > 3 ? ` and ${zero.length - 3} more` : ""), usual: "none once training has begun" }, {
      name: "zero-weights", severity: zero.some((name) => name.endsWith("weight")) ? "fault" : "warning", change: "They were never trained, or not loaded: look whether gradients reach them, and whether the file has them.",
    });
  }
  if (raw !== undefined) await compare(report, patient, values, raw);
  return report;
}

async function compare(report: Report, patient: Patient, averaged: ReadonlyMap<string, ArrayLike<number>>, raw: Network): Promise<void> {
  let [difference, size] = [0, 0];
  for (const [name, data] of await valuesOf(raw)) {
    const other = averaged.get(name);
    for (let i = 0; i < data.length; i++) {
      difference += (data[i] - other![i]) ** 2;
      size += data[i] ** 2;
    }
  }
  const distance = Math.sqrt(difference / size);
  report.add({ what: "averaged weights, away from the raw ones", found: percent(distance), usual: "1 .. 30 % while the learning rate is not near 0" }, distance === 0 && {
    name: "no-average", severity: "warning",
    change: "The averaged weights are the raw ones: samples of weights that are still being moved vary in brightness and colour from step to step. Average them (EMA of decay 0.99 .. 0.9999, less than the last tenth of training).",
  });
  if (distance === 0) return;
  const ours = lossOver(await askEverywhere(patient)), theirs = lossOver(await askEverywhere(patient, raw));
  const ratio = ours / theirs;
  report.add({ what: "loss with averaged weights, against raw ones", found: `${shortNumber(ratio)} times`, usual: "0.7 .. 1.02 times" }, !(ratio < LAGS) && {
    name: "average-lags", severity: ratio > 1.5 ? "fault" : "warning",
    change: "The average is behind the weights: its decay is too near 1 for so few steps, or it started from the random weights (samples of it are noise). Sample the raw weights, take a smaller decay, or one that warms up.",
  });
}

const LAGS = 1.05;

/** Steps of the trial, images in each, and the largest step of a weight. */
const STEPS = 24, BATCH = 32, RATE = 2e-4;

/**
 * Whether the weights lie at the bottom of where they are: a few steps of Adam at a small, falling rate on training images, then the error on held-out
 * ones. Weights that training's steps still throw about, neither averaged nor led to rest, lose a good part of their error so; the network is
 * left as it was.
 */
export async function examineRest(patient: Patient): Promise<Report> {
  const report = new Report();
  const { model: { network, process, prediction }, training, device, seed } = patient;
  if (!isTrainable(network)) return report;
  const before = lossOver(await askEverywhere(patient));
  const trial = copyOf(network);
  try {
    const optimizer = new Adam(trial);
    const draws = randomDraws({ levels: new Random(seed, 1), noise: new Random(seed, 2), selfCondition: new Random(seed, 3) });
    const { data, labels, size, count } = imagesOf(training, STEPS * BATCH);
    for (let step = 0; step < STEPS; step++) {
      const n = Math.min(BATCH, count), indices = Array.from({ length: n }, (_, k) => (k * Math.floor(count / n) + step) % count);
      const batch: TrainingBatch = {
        x0: tensor(Float64Array.from(indices.flatMap((i) => Array.from(data.subarray(i * size, (i + 1) * size)))), { device, shape: [n, ...training.shape], dtype: trial.parameters[0].tensor.dtype }),
        labels: network.spec.classes === undefined ? undefined : indices.map((i) => labels![i]),
      };
      const grads = new Grads(device);
      const made = trainingStep({ network: trial, process, loss: mseLoss({ prediction }), draws }, batch, grads);
      optimizer.step(grads, { lr: RATE * (1 - step / STEPS) });
      await device.sync();
      for (const t of [batch.x0, made.loss, made.perImage]) t.dispose();
      grads.clear();
    }
    optimizer.dispose();
    const gain = 1 - lossOver(await askEverywhere(patient, trial)) / before;
    report.add({ what: `loss that ${STEPS} small steps of training take away`, found: percent(gain), usual: "below 2 % of weights that were averaged or led to rest" }, gain > REST && {
      name: "restless-weights", severity: "warning",
      change: "The weights are those of one step of a training that still throws them about: average them (EMA), let the learning rate fall to 0 at the end, or train longer.",
    });
  } finally {
    for (const p of trial.parameters) p.dispose();
  }
  return report;
}

const REST = 0.025;

/** A network of the same values. */
function copyOf(network: Network): Network {
  const copy = network.create();
  copy.parameters.forEach((p, i) => {
    const { tensor: from } = network.parameters[i];
    p.tensor = from.device.keep(clone(from));
  });
  return copy;
}
