/**
 * One level of noise in the words of five papers. All of them say how much noise there is for how much signal; lambda, the logarithm of
 * the signal-to-noise ratio, is what they are converted by.
 */

export interface Convention {
  readonly key: string;
  /** Whose, and what of theirs. */
  readonly name: string;
  readonly symbol: string;
  /** Their x at this level, up to a factor the same as everyone's. */
  readonly mix: string;
  /** The open interval in which their number lies. */
  readonly range: readonly [low: number, high: number];
  readonly toLambda: (value: number) => number;
  readonly fromLambda: (lambda: number) => number;
}

/** 1 / (1 + e^-x). */
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const logit = (p: number): number => Math.log(p) - Math.log1p(-p);

export const conventions: readonly Convention[] = [
  {
    key: "alphaBar", name: "Ho, Jain, Abbeel 2020 (and here)", symbol: "alphaBar_t", mix: "sqrt(alphaBar) x0 + sqrt(1 - alphaBar) eps",
    range: [0, 1], toLambda: logit, fromLambda: sigmoid,
  },
  {
    key: "ddimAlpha", name: "Song, Meng, Ermon 2021 (DDIM)", symbol: "alpha_t", mix: "sqrt(alpha) x0 + sqrt(1 - alpha) eps",
    range: [0, 1], toLambda: logit, fromLambda: sigmoid,
  },
  {
    key: "vpAlpha", name: "Salimans, Ho 2022; alpha of a level here", symbol: "alpha_t", mix: "alpha x0 + sigma eps, alpha^2 + sigma^2 = 1",
    range: [0, 1], toLambda: (alpha) => 2 * Math.log(alpha) - Math.log1p(-alpha * alpha), fromLambda: (lambda) => Math.sqrt(sigmoid(lambda)),
  },
  {
    key: "vpSigma", name: "Salimans, Ho 2022; sigma of a level here", symbol: "sigma_t", mix: "alpha x0 + sigma eps, alpha^2 + sigma^2 = 1",
    range: [0, 1], toLambda: (sigma) => Math.log1p(-sigma * sigma) - 2 * Math.log(sigma), fromLambda: (lambda) => Math.sqrt(sigmoid(-lambda)),
  },
  {
    key: "edmSigma", name: "Karras et al. 2022 (EDM)", symbol: "sigma", mix: "x0 + sigma eps",
    range: [0, Infinity], toLambda: (sigma) => -2 * Math.log(sigma), fromLambda: (lambda) => Math.exp(-lambda / 2),
  },
  {
    key: "flowTime", name: "flow, noise at time 1 (Liu, Gong, Liu 2023; Esser et al. 2024; here)", symbol: "t", mix: "(1 - t) x0 + t eps",
    range: [0, 1], toLambda: (t) => -2 * logit(t), fromLambda: (lambda) => sigmoid(-lambda / 2),
  },
  {
    key: "flowTimeFromNoise", name: "flow, data at time 1 (Lipman et al. 2023)", symbol: "t", mix: "t x0 + (1 - t) eps",
    range: [0, 1], toLambda: (t) => 2 * logit(t), fromLambda: (lambda) => sigmoid(lambda / 2),
  },
  {
    key: "lambda", name: "log-SNR (Kingma et al. 2021)", symbol: "lambda", mix: "ln(signal / noise), in power",
    range: [-Infinity, Infinity], toLambda: (lambda) => lambda, fromLambda: (lambda) => lambda,
  },
];

/** A value of one convention in all of them. Throws RangeError for a name that is none, and for a value outside its open interval. */
export function convertNotation(key: string, value: number): Readonly<Record<string, number>> {
  const from = conventions.find((one) => one.key === key);
  if (from === undefined) throw new RangeError(`${key} is no convention; allowed: ${conventions.map((one) => one.key).join(", ")}`);
  const [low, high] = from.range;
  if (!(value > low && value < high)) throw new RangeError(`${from.symbol} is ${value}; allowed: between ${low} and ${high}`);
  const lambda = from.toLambda(value);
  return Object.fromEntries(conventions.map((one) => [one.key, one === from ? value : one.fromLambda(lambda)]));
}
