import { ConfigError, clone, emaUpdate, type Tensor } from "@fromnoise/tensor";
import type { Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";

export interface EmaOptions {
  /** Decay once warmed up; default 0.9999 (Ho et al. 2020). */
  readonly decay?: number;
  /**
   * How the decay grows with the number n = 1, 2, ... of the update, s = n - 1:
   *  - "none"   decay from the first update on;
   *  - "ratio"  min(decay, (1 + s) / (10 + s)), 0 at s = 0 (diffusers' and TensorFlow's);
   *  - "power"  min(decay, 1 - (1 + s / invGamma)^-power), 0 at s = 0 (diffusers' use_ema_warmup).
   * Default "ratio": the average forgets the random start, which a constant 0.9999 keeps for tens of thousands of steps.
   */
  readonly warmup?: "none" | "ratio" | "power";
  /** Default 1. */
  readonly invGamma?: number;
  /** Default 3/4; 2/3 suits runs of a million steps. */
  readonly power?: number;
}

/**
 * Exponential moving average of a module's parameters: shadow = decay shadow + (1 - decay) p after each optimiser step. It starts
 * as a copy of the parameters. Samples drawn with it are far better than with the parameters themselves.
 */
export class Ema {
  /** The averages: what a checkpoint keeps beside `updates`. */
  readonly shadow: ReadonlyMap<Parameter, Tensor>;
  /** Number of updates done, n. Set it when a checkpoint is loaded. */
  updates = 0;
  private readonly options: Required<EmaOptions>;
  private inUse = false;

  constructor(module: Module, { decay = 0.9999, warmup = "ratio", invGamma = 1, power = 0.75 }: EmaOptions = {}) {
    if (!(decay >= 0 && decay <= 1)) throw new ConfigError(`EMA decay is ${decay}`, ["allowed  0 .. 1"]);
    this.options = { decay, warmup, invGamma, power };
    this.shadow = new Map(module.parameters.map((p) => [p, p.tensor.device.keep(clone(p.tensor))]));
  }

  /** The decay of update n = 1, 2, .... */
  decayAt(n: number): number {
    const { decay, warmup, invGamma, power } = this.options;
    const s = n - 1;
    if (warmup === "none") return decay;
    if (s <= 0) return 0;
    return Math.min(decay, warmup === "ratio" ? (1 + s) / (10 + s) : 1 - (1 + s / invGamma) ** -power);
  }

  /** Moves the averages towards the parameters: call it after each optimiser step. Throws ConfigError inside `use`. */
  update(): void {
    if (this.inUse) throw new ConfigError("EMA: update inside use()", ["the parameters are the averages there"]);
    const decay = this.decayAt(++this.updates);
    emaUpdate([...this.shadow].map(([p, target]) => ({ target, source: p.tensor })), decay);
  }

  /**
   * Runs fn with the averages in the place of the parameters and puts these back, also when fn fails. Nothing is copied.
   * Throws ConfigError when another `use` is running.
   */
  async use<R>(fn: () => R | Promise<R>): Promise<R> {
    if (this.inUse) throw new ConfigError("EMA: use() inside use()", ["wait for the first one to end"]);
    const own = new Map([...this.shadow.keys()].map((p) => [p, p.tensor]));
    this.inUse = true;
    for (const [p, shadow] of this.shadow) p.tensor = shadow;
    try {
      return await fn();
    } finally {
      for (const [p, t] of own) p.tensor = t;
      this.inUse = false;
    }
  }

  /** Frees the averages. */
  dispose(): void {
    for (const t of this.shadow.values()) t.dispose();
  }
}
