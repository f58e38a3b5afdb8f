import { openDevice, tensor } from "@fromnoise/tensor";
import { ddim, discreteProcess, lastOf, readPrediction, runSampler } from "@fromnoise/diffusion";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

/** One step of the library's sampler, with a denoiser that says eps = 0.7 and noise that is told. */
export const check: Check<typeof starter> = async ({ ddimStep }) => {
  const device = await openDevice("reference");
  try {
    const process = discreteProcess({ name: "cosine", timesteps: 100 });
    const f64 = { device, dtype: "f64" } as const, xt = 0.4, eps = 0.7, z = -1.3;
    for (const eta of [0, 0.5, 1]) {
      const path = [process.at(60), process.at(20)], [from, to] = path;
      const next = await lastOf(runSampler(ddim, {
        denoise: (x, at) => readPrediction(tensor([[eps]], f64), x, at, "eps"),
        process, path, options: { eta }, shape: [1, 1], start: tensor([[xt]], f64), noise: () => tensor([[z]], f64), ...f64,
      }));
      const x0 = (xt - from.sigma * eps) / from.alpha;
      near(`eta ${eta}`, ddimStep(x0, eps, z, from, to, eta), (await next.data())[0], 1e-9);
    }
  } finally {
    await device.dispose();
  }
};
