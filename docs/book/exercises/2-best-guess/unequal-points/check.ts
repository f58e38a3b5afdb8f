import { openDevice, tensor } from "@fromnoise/tensor";
import { exactDenoiser } from "@fromnoise/diffusion";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

export const check: Check<typeof starter> = async ({ bestGuess }) => {
  const device = await openDevice("reference");
  try {
    const denoise = exactDenoiser({ weights: [0.25, 0.75], means: [[-1], [1]], sd: 0 });
    for (const [alpha, sigma] of [[0.99, 0.14], [0.6, 0.8], [1e-3, 1]]) {
      const points = [-2, -0.3, 0, 0.2, 1.5];
      const xt = tensor(points, { device, dtype: "f64", shape: [points.length, 1] });
      const x0 = await denoise(xt, { time: 0, alpha, sigma }).x0.data();
      points.forEach((x, i) => near(`x_t ${x} at alpha ${alpha}`, bestGuess(x, alpha, sigma), x0[i], 1e-9));
    }
  } finally {
    await device.dispose();
  }
};
