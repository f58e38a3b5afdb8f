/** What the network says at levels from little noise to much, against guesses that need no network. */
import { ConfigError } from "@fromnoise/tensor";
import { meanOf, pixelMoments, spreadOf, type PixelMoments } from "./statistics.js";
import { predictionOf, predictions, type Prediction } from "../denoisers/prediction.js";
import { errorsOf, inOwnUnits, noised, outputOf, x0In, type Noised } from "./ask.js";
import { percent, Report, shortNumber } from "./finding.js";
import { imagesOf, levelName, levelsAcross, noiseFor, type Images, type Patient } from "./patient.js";
import type { NoiseLevel } from "../process/level.js";
import type { Network } from "@fromnoise/nn";

/** At one level, of held-out images. */
interface AtLevel {
  readonly at: NoiseLevel;
  readonly asked: Noised;
  readonly output: Float64Array;
  readonly guess: Float64Array;
  /** Mean squared error of x0: the network's, of the best linear guess pixel by pixel, of the data's mean. */
  readonly error: number;
  readonly linear: number;
  /** What an error of x0 is in units of the network's own output, and that output's power. */
  readonly factor: number;
  readonly power: number;
  /** Least squares of the target on the output: 1 for an output that is a mean of targets. */
  readonly slope: number;
  /** Image by image, and of the model's own network on images of training with the same noise. */
  readonly errors: Float64Array;
  readonly trained: Float64Array;
}

/** Levels and images that are asked. */
export const LEVELS = 10, IMAGES = 48;

/** The best guess of x0 from x_t that takes every number by itself: m + alpha v / (alpha^2 v + sigma^2) (x_t - alpha m). */
function linearGuess(asked: Noised, { mean, variance }: PixelMoments): Float64Array {
  const { alpha, sigma } = asked.at, { size } = asked.images;
  return noised(asked).map((x, i) => {
    const m = mean[i % size], v = variance[i % size];
    return m + ((alpha * v) / (alpha * alpha * v + sigma * sigma)) * (x - alpha * m);
  });
}

async function askAt(patient: Patient, network: Network, at: NoiseLevel, k: number, sets: { held: Images; trained: Images; moments: PixelMoments }): Promise<AtLevel> {
  const { model: { prediction }, seed } = patient;
  const eps = noiseFor(sets.held, seed, k);
  const asked = { images: sets.held, eps, at }, other = { images: sets.trained, eps: eps.subarray(0, sets.trained.data.length), at };
  const output = await outputOf(patient, network, asked);
  const guess = x0In(output, asked, prediction);
  const errors = errorsOf(guess, sets.held);
  const trained = network === patient.model.network ? errorsOf(x0In(await outputOf(patient, network, other), other, prediction), sets.trained) : errors;
  const linear = meanOf(errorsOf(linearGuess(asked, sets.moments), sets.held));
  const [p, q] = predictionOf(prediction).pair(at);
  const target = sets.held.data.map((x0, i) => p * x0 + q * eps[i]);
  const dot = (x: Float64Array, y: Float64Array): number => meanOf(x.map((v, i) => v * y[i]));
  return {
    at, asked, output, guess, errors, trained, error: meanOf(errors), linear, factor: inOwnUnits(at, prediction), power: dot(target, target), slope: dot(target, output) / dot(output, output),
  };
}

/** What was asked of a patient's networks: several examinations read it. */
const known = new WeakMap<Patient, Map<Network, Promise<readonly AtLevel[]>>>();

/** Asks a network at every level, once. */
export function askEverywhere(patient: Patient, network = patient.model.network): Promise<readonly AtLevel[]> {
  const answers = known.get(patient) ?? new Map<Network, Promise<readonly AtLevel[]>>();
  known.set(patient, answers);
  const answer = answers.get(network) ?? askAll(patient, network);
  answers.set(network, answer);
  return answer;
}

async function askAll(patient: Patient, network: Network): Promise<AtLevel[]> {
  const { model: { process }, training, heldOut } = patient;
  const held = imagesOf(heldOut, IMAGES), moments = pixelMoments(imagesOf(training, 1024));
  const trained = imagesOf(training, held.count);
  const all: AtLevel[] = [];
  for (const [k, at] of levelsAcross(process, LEVELS).entries()) all.push(await askAt(patient, network, at, k, { held, trained, moments }));
  return all;
}

/** The loss over all levels: mean squared error of the network's own output. */
export function lossOver(all: readonly Pick<AtLevel, "factor" | "error">[]): number {
  return meanOf(all.map(({ factor, error }) => factor * error));
}

export async function examineLoss(patient: Patient): Promise<Report> {
  const report = new Report();
  const all = await askEverywhere(patient);
  const { model: { prediction } } = patient;
  const { name } = predictionOf(prediction);
  const excesses = all.map(({ error, linear, factor, power }) => (factor * (error - linear)) / power);
  for (const { at, error, linear, factor } of all) {
    report.add({
      what: `error of ${name} at ${levelName(at)}`, found: `${shortNumber(factor * error)} (of x0 ${shortNumber(error)})`, usual: `below ${shortNumber(factor * linear)}, that of a guess from mean and variance of the data`,
    });
  }
  const worst = excesses.reduce((k, excess, i) => (excess > excesses[k] || Number.isNaN(excess) ? i : k), 0);
  const worse = excesses.filter((excess) => !(excess <= EXCESS)).length;
  report.add({
    what: "levels where a guess from mean and variance of the data is better than the network",
    found: worse === 0 ? `none of ${all.length}` : `${worse} of ${all.length}, most at ${levelName(all[worst].at)}: error of ${name} ${shortNumber(all[worst].factor * all[worst].error)} against ${shortNumber(all[worst].factor * all[worst].linear)}`,
    usual: "none",
  }, worse > 0 && {
    name: "worse-than-mean", severity: excesses[worst] > 0.2 || Number.isNaN(excesses[worst]) ? "fault" : "warning",
    change: "The network is no use at these levels of noise: it was trained on other levels, another target or other data than it is asked for, its time or its input is scaled otherwise, or training broke.",
  });
  const middle = all.filter(({ linear, factor, power }) => (factor * linear) / power > WORTH);
  const skill = 1 - meanOf(middle.map(({ error, linear }) => Math.min(error / linear, 2)));
  report.add({ what: "error spared against a guess from mean and variance", found: percent(skill), usual: "30 % and more, over the levels where there is something to spare" }, skill < SKILL && {
    name: "not-learnt", severity: "fault",
    change: "The loss is flat at what the mean and variance of the data give: the network does not use its input. Check the learning rate (ten times smaller, ten times larger), that gradients reach every layer, and train longer.",
  });
  slopes(report, all);
  readings(report, all, prediction);
  bias(report, all);
  overfit(report, all);
  return report;
}

const EXCESS = 0.03, SKILL = 0.12, WORTH = 0.05;

/** An output that is a mean of targets explains them with slope 1. */
function slopes(report: Report, all: readonly AtLevel[]): void {
  const far = all.reduce((worst, one) => (Math.abs(one.slope - 1) > Math.abs(worst.slope - 1) || Number.isNaN(one.slope) ? one : worst));
  report.add({ what: "scale of the output: slope of the target on it", found: `${shortNumber(far.slope)} at ${levelName(far.at)}`, usual: "1, within 0.1, at every level" }, !(Math.abs(far.slope - 1) <= SLOPE) && {
    name: "output-scale", severity: far.slope < 0.5 || far.slope > 2 ? "fault" : "warning",
    change: far.slope < 0 ? "The output has the wrong sign: what is read is the negative of what was trained." : "The output is too large or too small by this factor: it is read as another prediction than was trained, its input or its time is scaled otherwise, or it was not trained long enough.",
  });
}

const SLOPE = 0.25;

/** What the outputs would say if they were read as other predictions, or with the opposite sign. */
function readings(report: Report, all: readonly AtLevel[], prediction: Patient["model"]["prediction"]): void {
  const own = predictionOf(prediction);
  const negative = ({ name, pair }: Prediction): Prediction => ({
    name: `the negative of ${name}`, pair: (at) => { const [p, q] = pair(at); return [-p, -q]; },
  });
  const others = [...Object.values(predictions as Readonly<Record<string, Prediction>>).filter(({ name }) => name !== own.name)];
  const candidates = [...others, ...[own, ...others].map(negative)];
  // At the noisiest levels the x0 of a sound eps is far off too, so no level counts more than MOST times the guess without a network.
  const errorAs = (candidate: Prediction): number => {
    try {
      return meanOf(all.map(({ output, asked, linear }) => Math.min(meanOf(errorsOf(x0In(output, asked, candidate), asked.images)) / linear, MOST)));
    } catch (error) {
      if (error instanceof ConfigError) return MOST;                   // it says nothing at some level
      throw error;
    }
  };
  const read = errorAs(own);
  const best = candidates.map((candidate) => ({ name: candidate.name, error: errorAs(candidate) })).reduce((a, b) => (b.error < a.error ? b : a));
  report.add({
    what: `error of x0 with the output read as ${own.name}, in errors of a guess without a network`, found: `${shortNumber(read)}; read as ${best.name} ${shortNumber(best.error)}`, usual: "less than read as anything else",
  }, !(read <= OTHERWISE * best.error) && {
    name: "read-otherwise", severity: "fault", change: `The network was trained to predict ${best.name}: read it so (the prediction of the model, or of the sampler).`,
  });
}

const MOST = 4, OTHERWISE = 1.4;

/** The mean of what is wrong with the output, channel by channel, in its own units: it does not average out over a chain. */
function bias(report: Report, all: readonly AtLevel[]): void {
  const { images } = all[0].asked;
  const { count, size, channels } = images;
  const found = all.flatMap(({ at, guess, factor, power }) => Array.from({ length: channels }, (_, k) => {
    const means = Float64Array.from({ length: count }, (__, n) => {
      let sum = 0;
      for (let i = n * size + k; i < (n + 1) * size; i += channels) sum += guess[i] - images.data[i];
      return (Math.sqrt(factor / power) * sum * channels) / size;
    });
    return { at, mean: meanOf(means), error: spreadOf(means) / Math.sqrt(count) };
  }));
  const far = found.reduce((a, b) => (Math.abs(b.mean) > Math.abs(a.mean) ? b : a));
  report.add({
    what: "mean error of a channel of the output, against its size", found: `${shortNumber(far.mean)} at ${levelName(far.at)}, ${shortNumber(Math.abs(far.mean) / far.error)} standard errors`, usual: "within 0.03",
  }, Math.abs(far.mean) - 2 * far.error > BIAS && {
    name: "bias", severity: "warning",
    change: "Every step of a chain adds it to brightness and colour: average the weights (EMA), lower the learning rate at the end, or look whether training and sampling see the data in one range.",
  });
}

const BIAS = 0.04;

/** Images that were trained on, against those that were not, level by level. */
function overfit(report: Report, all: readonly AtLevel[]): void {
  const logs = all.map(({ errors, trained }) => Math.log(meanOf(errors) / meanOf(trained)));
  const ratio = Math.exp(meanOf(logs));
  const error = Math.hypot(...all.map(({ errors, trained }) => Math.hypot(spreadOf(errors) / meanOf(errors), spreadOf(trained) / meanOf(trained)) / Math.sqrt(errors.length))) / all.length;
  report.add({ what: "error on held-out images, against training's", found: `${shortNumber(ratio)} +- ${shortNumber(error)} times`, usual: "0.95 .. 1.05 times" }, ratio - 2 * error > OVERFIT && {
    name: "overfit", severity: ratio > 1.5 ? "fault" : "warning",
    change: "The network knows its training images: stop earlier, take more data or mirror them, a smaller network or dropout.",
  });
}

const OVERFIT = 1.1;
