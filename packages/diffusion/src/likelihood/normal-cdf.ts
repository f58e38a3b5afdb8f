/** The distribution function of N(0, 1) on tensors, with its derivative. */
import { add, erf, exp, multiply, square, subtract, tanh, type Tensor } from "@fromnoise/tensor";

/** A distribution function of the standard normal, on tensors and on numbers. */
export interface NormalCdf {
  /** The probability of less than z. */
  value(z: Tensor): Tensor;
  /** Its derivative. */
  density(z: Tensor): Tensor;
}

/** Phi(z) = (1 + erf(z / sqrt 2)) / 2, phi(z) = e^(-z^2 / 2) / sqrt(2 pi). */
export const exactCdf: NormalCdf = {
  value: (z) => multiply(add(erf(multiply(z, Math.SQRT1_2)), 1), 0.5),
  density: (z) => multiply(exp(multiply(square(z), -0.5)), 1 / Math.sqrt(2 * Math.PI)),
};

const SLOPE = Math.sqrt(2 / Math.PI), CUBIC = 0.044715;

/** (1 + tanh u) / 2, u = sqrt(2 / pi) (z + 0.044715 z^3): what the code of improved-diffusion computes, off by up to 2e-4. */
export const tanhCdf: NormalCdf = {
  value: (z) => multiply(add(tanhOf(z), 1), 0.5),
  density: (z) => multiply(subtract(1, square(tanhOf(z))), multiply(add(multiply(square(z), 3 * CUBIC), 1), SLOPE / 2)),
};

function tanhOf(z: Tensor): Tensor {
  return tanh.forward(multiply(multiply(z, SLOPE), add(multiply(square(z), CUBIC), 1)));
}
