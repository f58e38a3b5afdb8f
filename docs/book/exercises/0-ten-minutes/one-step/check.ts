import { openDevice, tensor } from "@fromnoise/tensor";
import { ddim, discreteProcess, pathOf, readPrediction, runSampler } from "@fromnoise/diffusion";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

/** The best guess for data N(1/2, 1/4). */
const guess = (x: number, { alpha, sigma }: { alpha: number; sigma: number }): number =>
  0.5 + (alpha * 0.25 * (x - alpha * 0.5)) / (alpha * alpha * 0.25 + sigma * sigma);

export const check: Check<typeof starter> = async ({ sample }) => {
  const device = await openDevice("reference"), f64 = { device, dtype: "f64" } as const;
  try {
    const process = discreteProcess({ name: "cosine", timesteps: 100 });
    const path = pathOf(ddim, process, { steps: 10 });
    for (const x of [-1.5, 0.2, 2]) {
      let at = x;
      const steps = runSampler(ddim, {
        // one number a step, known to the host because the sampler is a map: x is carried beside it
        denoise: (xt, level) => readPrediction(tensor([[guess(at, level)]], f64), xt, level, "x0"),
        process, path, shape: [1, 1], start: tensor([[x]], f64), ...f64,
      });
      for await (const { next } of steps) at = (await next.data())[0];
      near(`from x = ${x}`, sample(x, path, guess), at, 1e-9);
    }
  } finally {
    await device.dispose();
  }
};
