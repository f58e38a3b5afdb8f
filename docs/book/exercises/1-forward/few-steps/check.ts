import { scheduleFromBetas } from "@fromnoise/diffusion";
import type { Check } from "../../check.js";
import type * as starter from "./starter.js";

export const check: Check<typeof starter> = ({ betas }) => {
  for (const timesteps of [30, 100, 300, 1000, 4000]) {
    const { T, sqrtAlphaBar } = scheduleFromBetas(betas(timesteps));
    if (T !== timesteps) throw new Error(`T = ${timesteps}: there are ${T} betas`);
    const left = sqrtAlphaBar[T - 1];
    if (!(left >= 0.001 && left <= 0.01)) throw new Error(`T = ${timesteps}: sqrt(alphaBar) ends at ${left.toFixed(4)}, wanted 0.001 to 0.01`);
  }
};
