import { mse, multiply, openDevice, Random, randomNormal } from "@fromnoise/tensor";
import { discreteProcess, exactDenoiser, qSample } from "@fromnoise/diffusion";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

/** Held against the exact denoiser on 20,000 draws: 0.03 is three standard errors of their mean at the most. */
export const check: Check<typeof starter> = async ({ floor }) => {
  const device = await openDevice("reference"), random = new Random(1);
  try {
    const process = discreteProcess({ name: "cosine", timesteps: 100 });
    for (const sdData of [0.3, 1]) {
      for (const t of [5, 40, 80]) {
        const at = process.at(t), shape = [20_000, 1], f64 = { device, dtype: "f64" } as const;
        const x0 = multiply(randomNormal(shape, random, f64), sdData), eps = randomNormal(shape, random, f64);
        const best = exactDenoiser({ weights: [1], means: [[0]], sd: sdData })(qSample(x0, at, eps), at).eps;
        near(`sdData ${sdData}, t = ${t}`, floor(at.alpha, at.sigma, sdData), await mse.forward(best, eps).item(), 0.03);
      }
    }
  } finally {
    await device.dispose();
  }
};
