import { predictionCoefficients } from "@fromnoise/diffusion";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

export const check: Check<typeof starter> = ({ epsFromV }) => {
  for (const at of [{ alpha: 0.8, sigma: 0.6 }, { alpha: 0, sigma: 1 }, { alpha: 1, sigma: 3 }, { alpha: 0.7, sigma: 0.3 }]) {
    const [a, b] = predictionCoefficients(at, "v", "eps");
    for (const [xt, v] of [[0.3, -1.1], [2, 0.4]]) {
      near(`x_t ${xt}, v ${v} at alpha ${at.alpha}, sigma ${at.sigma}`, epsFromV(xt, v, at.alpha, at.sigma), a * xt + b * v, 1e-12);
    }
  }
};
