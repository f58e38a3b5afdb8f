import { makeSchedule } from "@fromnoise/diffusion";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

/** Var(x_(t-1)) = gain^2 Var(x_t) + the variance of the step, with no noise after the last one. */
export const check: Check<typeof starter> = ({ stepVariance }) => {
  for (const [timesteps, wanted] of [[21, 0.4953], [50, 0.498], [200, 0.4995], [1000, 0.4999]]) {
    const { alphaBar, posteriorVariance, posteriorMeanCoef1, posteriorMeanCoef2 } = makeSchedule({ name: "scaled-linear", timesteps });
    let variance = 1;
    for (let t = timesteps - 1; t >= 0; t--) {
      const gain = (posteriorMeanCoef1[t] * Math.sqrt(alphaBar[t]) * 0.25) / (0.25 * alphaBar[t] + 1 - alphaBar[t]) + posteriorMeanCoef2[t];
      const step = { alphaBar: alphaBar[t], betaTilde: posteriorVariance[t], c1: posteriorMeanCoef1[t] };
      variance = gain ** 2 * variance + (t === 0 ? 0 : stepVariance(step, 0.5));
    }
    near(`T = ${timesteps}: the deviation of samples`, Math.sqrt(variance), wanted, 5e-5);
  }
};
