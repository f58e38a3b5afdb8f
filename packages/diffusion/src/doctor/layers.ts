/** Layer by layer: what comes out of each, and which gradients reach its parameters. */
import { Random, tensor, type Tensor } from "@fromnoise/tensor";
import { Grads, tapLayers, type Network } from "@fromnoise/nn";
import { mseLoss } from "../losses/mse.js";
import { randomDraws, trainingStep } from "../train/training-step.js";
import { Report, shortNumber } from "./finding.js";
import { imagesOf, type Patient } from "./patient.js";
import { median } from "./statistics.js";

const IMAGES = 16;

/** What came out of a layer in one micro-batch. */
interface Output { readonly name: string; readonly largest: number; readonly varies: boolean }

/** Whether a network can be trained by the error of what it says: of two heads the second is learnt by other losses. */
export function isTrainable({ parameters, spec: { outputs, sample } }: Network): boolean {
  return parameters.length > 0 && outputs === sample.at(-1);
}

/** One micro-batch of training, forward and backward, without a step. */
export async function examineLayers({ model: { network, process, prediction }, training, device, seed }: Patient): Promise<Report> {
  const report = new Report();
  if (!isTrainable(network)) return report;
  const { data, labels, count } = imagesOf(training, IMAGES);
  const dtype = network.parameters[0]?.tensor.dtype ?? "f32";
  const grads = new Grads(device);
  const outputs: { name: string; values: Tensor }[] = [];
  const x0 = tensor(data, { device, dtype, shape: [count, ...training.shape] });
  const draws = randomDraws({ levels: new Random(seed, 5), noise: new Random(seed, 6), selfCondition: new Random(seed, 7) });
  try {
    const made = tapLayers(({ name, kind, tensor: values }) => {
      if (kind === "out" && name !== "" && values.shape[0] === count) outputs.push({ name, values: device.keep(values) });
    }, () => trainingStep({ network, process, loss: mseLoss({ prediction }), draws }, { x0, labels: network.spec.classes === undefined ? undefined : labels }, grads));
    for (const t of [made.loss, made.perImage]) t.dispose();
    const seen = await Promise.all(outputs.map(async ({ name, values }) => outputFacts(name, await values.data(), count)));
    const dead = seen.filter(({ varies }) => !varies).map(({ name }) => name);
    report.add({ what: "layers that say the same of every image", found: dead.length === 0 ? `none of ${seen.length}` : someOf(dead), usual: "none" }, dead.length > 0 && {
      name: "dead-layers", severity: "fault", change: "Nothing passes through them: weights that are zero, activations that are all off (a learning rate that was too high), or an input that is lost before.",
    });
    const largest = seen.reduce((a, b) => (b.largest > a.largest || Number.isNaN(b.largest) ? b : a), { name: "", largest: 0, varies: true });
    report.add({ what: "largest value out of a layer", found: `${shortNumber(largest.largest)} (${largest.name})`, usual: "below 1000" }, !(largest.largest < HUGE) && {
      name: "exploding-layers", severity: "fault", change: "Activations grow from layer to layer: normalise them, or start anew with a smaller learning rate and clipped gradients.",
    });
    await gradients(report, network, grads);
  } finally {
    for (const { values } of outputs) values.dispose();
    grads.clear();
    x0.dispose();
  }
  return report;
}

const HUGE = 1e4;

function someOf(names: readonly string[]): string {
  return names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : "");
}

/** The largest value, and whether images differ in it at all: within rounding of it. */
function outputFacts(name: string, values: ArrayLike<number>, count: number): Output {
  const size = values.length / count;
  let [largest, difference] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    largest = Math.max(largest, Math.abs(values[i]));
    if (Number.isNaN(values[i])) largest = NaN;
    difference = Math.max(difference, Math.abs(values[i] - values[i % size]));
  }
  return { name, largest, varies: difference > 1e-6 * largest };
}

/** The gradient of every weight, against the weight. */
async function gradients(report: Report, network: Network, grads: Grads): Promise<void> {
  const found: { name: string; gradient: number; ratio: number }[] = [];
  for (const p of network.parameters) {
    const values = await p.tensor.data(), gradient = await grads.get(p)?.data();
    const norm = (v: ArrayLike<number> | undefined): number => Math.sqrt(Array.from(v ?? []).reduce((sum, x) => sum + x * x, 0));
    found.push({ name: p.name, gradient: norm(gradient), ratio: norm(gradient) / Math.max(norm(values), 1e-12) });
  }
  const total = Math.hypot(...found.map(({ gradient }) => gradient));
  report.add({ what: "norm of the gradient of one micro-batch", found: shortNumber(total), usual: "0.01 .. 5" }, !(total < 100) && {
    name: "large-gradient", severity: "warning", change: "Training is not at rest here, or the network is not the one that was trained: look at the loss by level.",
  });
  const none = found.filter(({ gradient }) => gradient === 0).map(({ name }) => name);
  report.add({ what: "parameters without gradient", found: none.length === 0 ? `none of ${found.length}` : someOf(none), usual: "none" }, none.length > 0 && {
    name: "no-gradient", severity: none.length > found.length / 10 ? "fault" : "warning",
    change: "Training cannot move them: a layer behind them is dead or zero, their output is not used, or a backward forgets them.",
  });
  const weights = found.filter(({ name, gradient }) => name.endsWith("weight") && gradient > 0);
  if (weights.length < 3) return;
  const middle = median(weights.map(({ ratio }) => ratio));
  const most = weights.reduce((a, b) => (b.ratio > a.ratio ? b : a)), least = weights.reduce((a, b) => (b.ratio < a.ratio ? b : a));
  report.add({
    what: "gradients against weights, largest and least layer", found: `${shortNumber(most.ratio / middle)} (${most.name}) and ${shortNumber(least.ratio / middle)} times the median (${least.name})`,
    usual: "1/1000 .. 1000 times",
  });
}
