import {
  adamEmaUpdate, adamUpdate, elementary, emaUpdate, zerosLike, type AdamEmaTensors, type AdamTensors, type Tensor,
} from "@fromnoise/tensor";
import { assertGrads, type Grads } from "../parameters/grads.js";
import type { Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import type { TensorsByParameter } from "../parameters/state-dict.js";
import type { Ema } from "./ema.js";
import type { Optimizer, OptimizerStep } from "./optimizer.js";

/** Learning rate, decays of both moments, what is added to the root, and weight decay. */
export interface AdamOptions {
  /** Learning rate; default 1e-3. `step` can be given another one. */
  readonly lr?: number;
  /** Decay of the mean of gradients; default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients; default 0.999. */
  readonly beta2?: number;
  /** Added to the denominator; default 1e-8. */
  readonly eps?: number;
  /** Decoupled weight decay: each step also multiplies p by 1 - lr weightDecay; default 0 (AdamW: 0.01). */
  readonly weightDecay?: number;
}

export interface AdamStep extends OptimizerStep {
  /** An average that follows: as `update()` of it after the step, to the bit, but in one pass over the parameters. */
  readonly average?: Pick<Ema<Module>, "turn" | "averageOf">;
}

/**
 * Adam (Kingma, Ba 2014, algorithm 1), with g' = gradScale g, t = 1, 2, ...:
 * m = beta1 m + (1 - beta1) g', v = beta2 v + (1 - beta2) g'^2,
 * p = p (1 - lr weightDecay) - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps).
 * The module needs its values before the optimiser is made.
 */
export class Adam implements Optimizer {
  readonly name = "adam";
  /** First and second moments. */
  readonly m: ReadonlyMap<Parameter, Tensor>;
  readonly v: ReadonlyMap<Parameter, Tensor>;
  readonly state: { readonly m: TensorsByParameter; readonly v: TensorsByParameter };
  /** t. */
  steps = 0;
  private readonly options: Required<AdamOptions>;

  constructor(module: Module, { lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 }: AdamOptions = {}) {
    this.options = { lr, beta1, beta2, eps, weightDecay };
    const zeros = (p: Parameter): [Parameter, Tensor] => [p, p.tensor.device.keep(zerosLike(p.tensor))];
    this.m = new Map(module.parameters.map(zeros));
    this.v = new Map(module.parameters.map(zeros));
    this.state = { m: this.m, v: this.v };
  }

  /** Updates every parameter that has a gradient; the others stay as they are. Then moves the average, if there is one. */
  step(grads: Grads, { lr = this.options.lr, gradScale = 1, average }: AdamStep = {}): void {
    assertGrads("Adam.step: there are no gradients", grads);
    const { beta1, beta2, eps, weightDecay } = this.options;
    const t = ++this.steps;
    const [correction1, correction2] = [beta1, beta2].map((beta) => 1 - elementary.integerPower(beta, t));
    const scalars = { lr, beta1, beta2, eps, correction1, correction2, weightDecay, gradScale };
    const decay = average?.turn();
    const averageOf = decay === undefined ? undefined : average!.averageOf;
    const alone: AdamTensors[] = [], followed: AdamEmaTensors[] = [];
    for (const [p, m] of this.m) {
      const g = grads.get(p), target = averageOf?.get(p)?.tensor;
      if (g === undefined) continue;
      if (target === undefined) alone.push({ p: p.tensor, m, v: this.v.get(p)!, g });
      else followed.push({ p: p.tensor, m, v: this.v.get(p)!, g, target });
    }
    adamUpdate(alone, scalars);
    if (averageOf === undefined) return;
    adamEmaUpdate(followed, scalars, decay!);
    if (followed.length === averageOf.size) return;
    const stayed = [...averageOf].filter(([p]) => !this.m.has(p) || grads.get(p) === undefined);
    emaUpdate(stayed.map(([{ tensor: source }, { tensor: target }]) => ({ target, source })), decay!);
  }

  dispose(): void {
    for (const t of [...this.m.values(), ...this.v.values()]) t.dispose();
  }
}

/** Adam with decoupled weight decay (Loshchilov, Hutter 2017, algorithm 2), 0.01 unless set. */
export class AdamW extends Adam {
  constructor(module: Module, options: AdamOptions = {}) {
    super(module, { weightDecay: 0.01, ...options });
  }
}
