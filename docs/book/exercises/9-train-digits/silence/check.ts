import { mse, openDevice, Random, randomNormal, stack, tensor, zerosLike } from "@fromnoise/tensor";
import { predictionTarget } from "@fromnoise/diffusion";
import { openDataset } from "@fromnoise/diffusion/node";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

/** 500 digits, whose own mean and variance are told; 0.02 is more than three standard errors of their 392,000 pixels. */
export const check: Check<typeof starter> = async ({ lossOfSilence }) => {
  const device = await openDevice("reference"), digits = openDataset("digits");
  try {
    const images = Array.from({ length: 500 }, (_, i) => digits.sample(17 * i));
    const x0 = stack(images.map((image) => tensor(image, { device, dtype: "f64", shape: digits.shape })));
    const eps = randomNormal(x0.shape, new Random(1), { device, dtype: "f64" });
    const pixels = Array.from(await x0.data());
    const mean = pixels.reduce((sum, x) => sum + x, 0) / pixels.length;
    const variance = pixels.reduce((sum, x) => sum + (x - mean) ** 2, 0) / pixels.length;
    for (const alphaBar of [0.95, 0.5, 0.1]) {
      const at = { alpha: Math.sqrt(alphaBar), sigma: Math.sqrt(1 - alphaBar) };
      for (const target of ["eps", "x0", "v"] as const) {
        const wanted = predictionTarget(x0, eps, at, target);
        near(`${target} at alphaBar ${alphaBar}`, lossOfSilence(target, alphaBar, mean, variance), await mse.forward(wanted, zerosLike(wanted)).item(), 0.02);
      }
    }
  } finally {
    await device.dispose();
  }
};
