import { ConfigError, clone, emaUpdate, elementary } from "@fromnoise/tensor";
import type { Network } from "../networks/network.js";
import { disposeParameters, type Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";

/** The ways in which the decay may grow. */
export const EMA_WARMUPS = ["none", "ratio", "power", "ema-pytorch"] as const;
/** How the decay of an average grows at the start: see `Ema`. */
export type EmaWarmup = (typeof EMA_WARMUPS)[number];

/** Decay of an average, and how it begins. */
export interface EmaOptions {
  /** Decay once warmed up; default 0.9999 (Ho et al. 2020). */
  readonly decay?: number;
  /**
   * How the decay grows with the number n = 1, 2, ... of the update, s = n - 1 - start:
   *  - "none"   decay from the first update on;
   *  - "ratio"  min(decay, (1 + s) / (10 + s)), 0 at s = 0 (diffusers' and TensorFlow's);
   *  - "power"  min(decay, 1 - (1 + s / invGamma)^-power), 0 at s = 0 (diffusers' use_ema_warmup, ema-pytorch from 0.6.4 on);
   *  - "ema-pytorch"  the same, and 0 for s <= every, so that the first move after the start is a copy too: ema-pytorch before that,
   *    with which lucidrains' program ran at the time of its versions 1.
   * Default "ratio": the average forgets the random start, which a constant 0.9999 keeps for tens of thousands of steps.
   */
  readonly warmup?: EmaWarmup;
  /** Default 1. */
  readonly invGamma?: number;
  /** Default 3/4; 2/3 suits runs of a million steps, and is lucidrains'. */
  readonly power?: number;
  /** Only every so many updates does the average move, from the first one on; default 1 (lucidrains: 10). */
  readonly every?: number;
  /** In the first so many updates the average is a copy; default 0 (lucidrains: 100). */
  readonly start?: number;
}

/**
 * Exponential moving average of a network's parameters: average = decay average + (1 - decay) p after each optimiser step. It is a
 * network of its own, which starts as a copy: samples drawn with it are far better than with the network itself, and may be drawn
 * while that one is trained. Throws ConfigError for options out of range, and for a network whose `create` makes another one.
 */
export class Ema<N extends Module = Network> {
  /** The average. */
  readonly network: N;
  /** @internal The parameter of `network` that is the average of a parameter. */
  readonly averageOf: ReadonlyMap<Parameter, Parameter>;
  /** Number of updates done, n, whether or not they moved the average. Set it when a checkpoint is loaded. */
  updates = 0;
  private readonly options: Required<EmaOptions>;

  /** `source.create()` makes another module of its kind, without values. */
  constructor(source: N & { create(): N }, options: EmaOptions = {}) {
    const { decay = 0.9999, warmup = "ratio", invGamma = 1, power = 0.75, every = 1, start = 0 } = options;
    if (!(decay >= 0 && decay <= 1)) throw new ConfigError(`EMA decay is ${decay}`, ["allowed  0 .. 1"]);
    if (!Number.isInteger(every) || every < 1) throw new ConfigError(`EMA every is ${every}`, ["allowed  integers from 1"]);
    if (!(invGamma > 0)) throw new ConfigError(`EMA invGamma is ${invGamma}`, ["allowed  numbers > 0"]);
    if (!(power > 0)) throw new ConfigError(`EMA power is ${power}`, ["allowed  numbers > 0"]);
    if (!Number.isInteger(start) || start < 0) throw new ConfigError(`EMA start is ${start}`, ["allowed  integers from 0"]);
    this.options = { decay, warmup, invGamma, power, every, start };
    this.network = source.create();
    checkSame(source, this.network);
    const { parameters } = this.network;
    this.averageOf = new Map(source.parameters.map((p, i) => [p, parameters[i]]));
    for (const [{ tensor }, average] of this.averageOf) average.tensor = tensor.device.keep(clone(tensor));
  }

  /** The decay of update n = 1, 2, ...: 0 makes a copy. */
  decayAt(n: number): number {
    const { decay, warmup, invGamma, power, every, start } = this.options;
    const s = n - 1 - start;
    if (s < 0) return 0;
    if (warmup === "none") return decay;
    if (s === 0 || (warmup === "ema-pytorch" && s <= every)) return 0;
    return Math.min(decay, warmup === "ratio" ? (1 + s) / (10 + s) : 1 - elementary.power(1 + s / invGamma, -power));
  }

  /**
   * Moves the average towards the parameters, where it is its turn: call it after each optimiser step, or give it to Adam's step, which
   * then does both in one pass.
   */
  update(): void {
    const decay = this.turn();
    if (decay !== undefined) emaUpdate(Array.from(this.averageOf, ([p, { tensor: target }]) => ({ target, source: p.tensor })), decay);
  }

  /** @internal Counts an update: the decay by which the average moves in it, undefined where it is not its turn. */
  turn(): number | undefined {
    const n = ++this.updates;
    return (n - 1) % this.options.every === 0 ? this.decayAt(n) : undefined;
  }

  /** Frees the average. */
  dispose(): void {
    disposeParameters(this.network);
  }
}

function checkSame(source: Module, created: Module): void {
  const [names, others] = [source, created].map(({ parameters }) => parameters.map(({ name }) => name).join(", "));
  const shared = created.parameters.some((p) => source.parameters.includes(p));
  if (names === others && !shared) return;
  const problem = shared ? "shares its parameters" : "has other parameters";
  throw new ConfigError(`EMA: what create() makes ${problem}`, [`network  ${names}`, `created  ${others}`]);
}
