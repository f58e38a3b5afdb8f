/** The divergence of the noise that a denoiser guesses, sum over j of d eps_j / d x_j: by it densities change along the flow. */
import { add, multiply, reshape, slice, subtract, sum, tensor, type Tensor } from "@fromnoise/tensor";
import { Grads, type Given } from "@fromnoise/nn";
import type { Denoiser, DiffusionModel } from "../denoisers/denoiser.js";
import { predictionCoefficients, predictionOf } from "../denoisers/prediction.js";
import type { NoiseLevel } from "../process/level.js";
import { combine } from "../process/q-sample.js";

/** eps [N, ...] at x [N, ...], and its divergence, [N]. */
export type Divergence = (x: Tensor, at: NoiseLevel) => { readonly eps: Tensor; readonly divergence: Tensor };

/**
 * Of a network, exactly: one forward, and for each of the D elements of a sample one backward of dy = 1 there and 0 elsewhere,
 * whose dx at that element is a diagonal element of the Jacobian. With eps = a x + b F(c x), div eps = a D + b c tr F'. Guesses are
 * not clipped. Meant for points; for images D backwards are many. Throws what the network and predictionCoefficients throw.
 */
export function networkDivergence(
  { network, prediction }: Pick<DiffusionModel, "network" | "prediction">, given: Given = {},
): Divergence {
  const { inputScale } = predictionOf(prediction);
  return (x, at) => x.device.scope(() => {
    const { device, dtype, shape: [n] } = x;
    const D = x.size / n, C = x.shape[x.rank - 1], outputs = network.spec.outputs;
    const c = inputScale?.(at) ?? 1, [a, b] = predictionCoefficients(at, prediction, "eps");
    const [output, cache] = network.forward(multiply(x, c), new Array<number>(n).fill(at.time), given);
    const said = outputs === C ? output : slice(output, output.shape.map(() => 0), [...output.shape.slice(0, -1), C]);
    const grads = new Grads(device);
    const traces = Array.from({ length: D }, (_, j) => device.scope(() => {
      const one = new Float64Array(output.size);
      const place = Math.floor(j / C) * outputs + j % C;
      for (let i = 0; i < n; i++) one[i * (output.size / n) + place] = 1;
      const dx = network.backward(tensor(one, { device, dtype, shape: output.shape }), cache, grads);
      grads.clear();
      return slice(reshape(dx, [n, D]), [0, j], [n, j + 1]);
    }));
    const trace = reshape(traces.reduce((total, part) => add(total, part)), [n]);
    return { eps: combine(a, x, b, said), divergence: add(multiply(trace, b * c), a * D) };
  });
}

/** Of any denoiser, by centred differences of width 2 h in each of the D elements: its error is of order h^2. */
export function numericDivergence(denoise: Denoiser, h = 1e-4): Divergence {
  return (x, at) => x.device.scope(() => {
    const { device, dtype, shape, size } = x;
    const n = shape[0], D = size / n;
    const parts = Array.from({ length: D }, (_, j) => device.scope(() => {
      const step = tensor(Float64Array.from({ length: size }, (_element, i) => (i % D === j ? h : 0)), { device, dtype, shape });
      const change = subtract(denoise(add(x, step), at).eps, denoise(subtract(x, step), at).eps);
      return sum(multiply(reshape(change, [n, D]), reshape(multiply(step, 1 / (2 * h * h)), [n, D])), { axes: 1 });
    }));
    return { eps: denoise(x, at).eps, divergence: parts.reduce((total, part) => add(total, part)) };
  });
}
