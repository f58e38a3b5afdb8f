import { ConfigError, concat, cos, matmul, multiply, reshape, sin, tensor, type Tensor } from "@fromnoise/tensor";
import { join, type Module } from "../parameters/module.js";
import { Parameter } from "../parameters/parameter.js";
import { forwardAt } from "./enter.js";

/** Standard deviation of the frequencies as they are drawn. */
const SCALE = 16;

/**
 * Features of the logarithm of a level of noise under frequencies that stay as drawn, N(0, 16^2) (Tancik et al. 2020; Song et al. 2021,
 * appendix C.2; diffusers' GaussianFourierProjection): y[n] = [sin(2 pi ln(t_n) w), cos(2 pi ln(t_n) w)], w = weight [C], y [N, 2 C].
 * There is no backward: neither the frequencies nor the levels get a gradient.
 */
export class LogFourier implements Module {
  private readonly weight: Parameter;
  readonly parameters: readonly Parameter[];

  constructor(readonly name: string, channels: number) {
    this.weight = new Parameter(join(name, "weight"), [channels], { kind: "vector", role: "embedding", spread: SCALE });
    this.parameters = [this.weight];
  }

  /** Levels are N host numbers above 0. Throws ConfigError for another. */
  forward(levels: ArrayLike<number>): [y: Tensor, cache: undefined] {
    const wrong = Array.from(levels).find((t) => !(t > 0 && t < Infinity));
    if (wrong !== undefined) {
      throw new ConfigError(`${this.name}: the time ${wrong} has no logarithm`, [
        "allowed  numbers > 0: a network with time_embedding_type fourier is told how much noise there is",
      ]);
    }
    return forwardAt(this, {}, () => {
      const w = this.weight.tensor;
      const t = tensor(Float64Array.from(levels, Math.log), { device: w.device, dtype: w.dtype, shape: [levels.length, 1] });
      const angle = multiply(matmul(t, reshape(w, [1, w.size])), 2 * Math.PI);
      return [concat([sin(angle), cos(angle)], 1), undefined];
    });
  }
}
