import { ConfigError, add, assign, multiply, subtract, zerosLike, type Tensor } from "@fromnoise/tensor";
import { assertGrads, type Grads } from "../parameters/grads.js";
import type { Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import type { TensorsByParameter } from "../parameters/state-dict.js";
import type { Optimizer, OptimizerStep } from "./optimizer.js";

/** Learning rate, momentum and weight decay. */
export interface SgdOptions {
  /** Learning rate; default 1e-2. `step` can be given another one. */
  readonly lr?: number;
  /** Decay of the velocity; default 0, plain gradient descent. */
  readonly momentum?: number;
  /** Added to the gradient: weightDecay p; default 0. */
  readonly weightDecay?: number;
  /** Steps along the velocity that the next gradient will find (Nesterov 1983); needs momentum. Default false. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent with momentum, as PyTorch: with g' = gradScale g + weightDecay p,
 * velocity = momentum velocity + g', p = p - lr velocity; with Nesterov p = p - lr (g' + momentum velocity).
 * Source: Sutskever et al. (2013), section 2. The module needs its values before the optimiser is made. Throws ConfigError for
 * nesterov without momentum.
 */
export class Sgd implements Optimizer {
  readonly name = "sgd";
  readonly state: { readonly velocity: TensorsByParameter };
  steps = 0;
  private readonly parameters: readonly Parameter[];
  private readonly velocity: ReadonlyMap<Parameter, Tensor>;
  private readonly options: Required<SgdOptions>;

  constructor(module: Module, { lr = 1e-2, momentum = 0, weightDecay = 0, nesterov = false }: SgdOptions = {}) {
    if (nesterov && momentum === 0) {
      throw new ConfigError("SGD: nesterov without momentum", ["pass     { momentum: 0.9, nesterov: true }"]);
    }
    this.options = { lr, momentum, weightDecay, nesterov };
    this.parameters = module.parameters;
    const moving = momentum === 0 ? [] : module.parameters;
    this.velocity = new Map(moving.map((p) => [p, p.tensor.device.keep(zerosLike(p.tensor))]));
    this.state = { velocity: this.velocity };
  }

  step(grads: Grads, { lr = this.options.lr, gradScale = 1 }: OptimizerStep = {}): void {
    assertGrads("Sgd.step: there are no gradients", grads);
    this.steps++;
    for (const p of this.parameters) {
      const g = grads.get(p);
      if (g !== undefined) grads.device.scope(() => this.move(p, gradScale === 1 ? g : multiply(g, gradScale), lr));
    }
  }

  private move(p: Parameter, g: Tensor, lr: number): void {
    const { momentum, weightDecay, nesterov } = this.options;
    const slope = weightDecay === 0 ? g : add(g, multiply(p.tensor, weightDecay));
    const velocity = this.velocity.get(p);
    let direction = slope;
    if (velocity !== undefined) {
      assign(velocity, add(multiply(velocity, momentum), slope));
      direction = nesterov ? add(slope, multiply(velocity, momentum)) : velocity;
    }
    assign(p.tensor, subtract(p.tensor, multiply(direction, lr)));
  }

  dispose(): void {
    for (const t of this.velocity.values()) t.dispose();
  }
}
