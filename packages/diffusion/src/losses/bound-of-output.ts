/** The variational bound as a function of what a network says: the common part of the losses that minimise it. */
import { concat, ConfigError, formatShape, multiply, sameShape, ShapeError, split, type Tensor } from "@fromnoise/tensor";
import { convertPrediction, predictionCoefficients, predictionOf } from "../denoisers/prediction.js";
import { readVariance } from "../denoisers/variance.js";
import { boundTerm } from "../likelihood/bound-term.js";
import { discretised } from "../likelihood/decoder.js";
import { stepGaussian } from "../likelihood/step-gaussian.js";
import { stepsBack, type StepBack } from "../likelihood/steps-back.js";
import type { Gaussian } from "../likelihood/gaussian.js";
import { perImage } from "../process/q-sample.js";
import { isLearned } from "../process/schedules.js";
import type { LossOptions, LossTerms } from "./loss.js";

/** Gradients by what a network says: the prediction, and where it says one the variance. */
export interface SaidGradients { readonly said: Tensor; readonly v: Tensor | undefined }

export interface BoundOfOutput {
  /** 2 where the network says a variance too. */
  readonly heads: number;
  /** The prediction and the v of an output. Throws ShapeError for an output of another size. */
  parts(output: Tensor, terms: LossTerms): [said: Tensor, v: Tensor | undefined];
  /** T L_t of every image in bits per dimension, [N]: its mean over uniform t is the bound but for the prior term. */
  forward(output: Tensor, terms: LossTerms): Tensor;
  /** Gradients of what the network says; dy [N]. */
  backward(dy: Tensor, output: Tensor, terms: LossTerms): SaidGradients;
}

/**
 * With x0 = a x_t + b F and m = c x0 + d x_t, the mean of equation 7 of Ho et al. 2020, dF = b c dm; with l = f large + (1 - f)
 * small, f = (v + 1) / 2, dv = (large - small) / 2 dl, and dv = dl where v is l itself.
 * Throws ConfigError without a process of T steps.
 */
export function boundOfOutput(
  name: string, { prediction: given, process, variance: kind = "learned-range", decoder = discretised() }: LossOptions,
): BoundOfOutput {
  const prediction = predictionOf(given);
  if (process === undefined) {
    throw new ConfigError(`${name} loss: there is no process`, ["allowed  the process that noises, of T steps"]);
  }
  const all = stepsBack(`${name} loss`, process);
  const learned = isLearned(kind) ? kind : undefined;
  const heads = learned === undefined ? 1 : 2;

  const stepsOf = ({ levels }: LossTerms): StepBack[] => levels.map(({ index, alpha }) => {
    if (index !== undefined) return all[index];
    throw new ConfigError(`${name} loss: a level of noise is no step of the process`, [`level    alpha ${alpha}`]);
  });

  const parts = (output: Tensor, { x0 }: LossTerms): [said: Tensor, v: Tensor | undefined] => {
    const shape = [...x0.shape.slice(0, -1), heads * x0.shape[x0.rank - 1]];
    if (!sameShape(output.shape, shape)) {
      throw new ShapeError(`${name} loss: x0 and output differ in shape`, [
        `x0       ${formatShape(x0.shape)}`, `output   ${formatShape(output.shape)}   expected ${formatShape(shape)}`,
      ]);
    }
    const [said, v] = heads === 1 ? [output] : split(output, 2, -1);
    return [said, v];
  };

  const stepOf = (output: Tensor, terms: LossTerms, steps: readonly StepBack[]): Gaussian => {
    const [said, v] = parts(output, terms);
    const x0 = convertPrediction(said, terms.xt, terms.levels, prediction, "x0");
    const variance = v === undefined || learned === undefined ? undefined : readVariance(v, learned);
    return stepGaussian({ x0, variance }, terms.xt, steps, kind, decoder);
  };

  return {
    heads, parts,
    forward: (output, terms) => output.device.scope(() => {
      const steps = stepsOf(terms);
      return multiply(boundTerm.forward(stepOf(output, terms, steps), { ...terms, steps }, decoder), all.length);
    }),
    backward: (dy, output, terms) => output.device.scope(() => {
      const steps = stepsOf(terms);
      const p = stepOf(output, terms, steps);
      const { mean, logVariance } = boundTerm.backward(multiply(dy, all.length), p, { ...terms, steps }, decoder);
      const byF = steps.map(({ posterior }, n) => predictionCoefficients(terms.levels[n], prediction, "x0")[1] * posterior.x0);
      const byV = steps.map(({ logSmall, logLarge }) => (learned === "learned" ? 1 : (logLarge - logSmall) / 2));
      return {
        said: multiply(mean, perImage(byF, mean)),
        v: learned === undefined ? undefined : multiply(logVariance, perImage(byV, mean)),
      };
    }),
  };
}

/** The gradient of the output from those of its parts. */
export function joined({ said, v }: SaidGradients): Tensor {
  return v === undefined ? said : concat([said, v], -1);
}
