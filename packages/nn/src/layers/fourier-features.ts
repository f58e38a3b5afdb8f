import { concat, cos, matmul, multiply, reshape, sin, slice, subtract, tensor, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join, type Module } from "../parameters/module.js";
import { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";

/** Whether the frequencies are trained. */
export interface FourierFeaturesOptions {
  /** False: random features, whose frequencies stay as drawn (Tancik et al. 2020). Default true. */
  readonly learned?: boolean;
}

/** The times and their angles. */
export interface FourierFeaturesCache {
  /** [N, 1]: the timesteps. */
  t: Tensor;
  /** [N, half]: 2 pi t w. */
  angle: Tensor;
}

/**
 * Features of a timestep under frequencies w drawn from N(0, 1) and, unless `learned` is false, trained (lucidrains' embedding):
 * y[n] = [t_n, sin(2 pi t_n w), cos(2 pi t_n w)], w = weights [half], y [N, 1 + 2 half].
 */
export class FourierFeatures implements Module {
  readonly weights: Parameter;
  private readonly learned: boolean;

  constructor(readonly name: string, half: number, { learned = true }: FourierFeaturesOptions = {}) {
    this.weights = new Parameter(join(name, "weights"), [half], { kind: "vector", role: "embedding" });
    this.learned = learned;
  }

  get parameters(): Parameter[] {
    return [this.weights];
  }

  /** Width of the features. */
  get width(): number {
    return 1 + 2 * this.weights.shape[0];
  }

  /** Timesteps are N host numbers, not only whole ones. */
  forward(timesteps: ArrayLike<number>): [y: Tensor, cache: FourierFeaturesCache] {
    return forwardAt(this, {}, () => {
      const w = this.weights.tensor;
      const t = tensor(Float64Array.from(timesteps), { device: w.device, dtype: w.dtype, shape: [timesteps.length, 1] });
      const angle = multiply(matmul(t, reshape(w, [1, w.size])), 2 * Math.PI);
      return [concat([t, sin(angle), cos(angle)], 1), { t, angle }];
    });
  }

  /** dangle = dsin cos(angle) - dcos sin(angle), dw = 2 pi t' dangle. There is no gradient for the timesteps. */
  backward(dy: Tensor, cache: FourierFeaturesCache, grads: Grads): void {
    backwardAt(this, dy, cache, grads, () => {
      if (!this.learned) return;
      const { t, angle } = cache;
      const [n, half] = angle.shape;
      const dsin = slice(dy, [0, 1], [n, 1 + half]);
      const dcos = slice(dy, [0, 1 + half], [n, 1 + 2 * half]);
      const dangle = subtract(multiply(dsin, cos(angle)), multiply(dcos, sin(angle)));
      grads.add(this.weights, reshape(multiply(matmul(t, dangle, { transposeA: true }), 2 * Math.PI), [half]));
    });
  }
}
