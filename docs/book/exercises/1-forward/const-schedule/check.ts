import { makeSchedule } from "@fromnoise/diffusion";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

export const check: Check<typeof starter> = ({ stepsToEqualNoise }) => {
  for (const beta of [0.001, 0.01, 0.02, 0.05]) {
    const { snr } = makeSchedule({ name: "const", timesteps: 1000, betaEnd: beta });
    near(`beta ${beta}`, stepsToEqualNoise(beta), snr.findIndex((ratio) => ratio < 1) + 1, 0);
  }
};
