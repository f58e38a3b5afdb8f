import { adamUpdate, openDevice, tensor } from "@fromnoise/tensor";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

export const check: Check<typeof starter> = async ({ adamStep }) => {
  const device = await openDevice("reference");
  try {
    const f64 = { device, dtype: "f64" } as const;
    const [p, m, v] = [1, 0, 0].map((value) => tensor([value], f64));
    const moments = { m: 0, w: 0 };
    let mine = 1;
    for (const [i, gradient] of [0.5, 0.4, -0.1, 0.3, 0.02].entries()) {
      const k = i + 1, lr = 0.1, g = tensor([gradient], f64);
      mine = adamStep(mine, gradient, moments, k, lr);
      const corrections = { correction1: 1 - 0.9 ** k, correction2: 1 - 0.999 ** k };
      adamUpdate([{ p, m, v, g }], { lr, beta1: 0.9, beta2: 0.999, eps: 1e-8, ...corrections, weightDecay: 0, gradScale: 1 });
      near(`the parameter after step ${k}`, mine, (await p.data())[0], 1e-12);
    }
  } finally {
    await device.dispose();
  }
};
