import { openDevice, type Tensor } from "@fromnoise/tensor";
import { ancestral, ddim, discreteProcess, exactDenoiser, guided, lastOf, runSampler, type AnySampler, type Denoiser } from "@fromnoise/diffusion";
import { near, type Check } from "../../check.js";
import type * as starter from "./starter.js";

/** Counts the questions to the exact denoiser of one Gaussian in place of the network. */
export const check: Check<typeof starter> = async ({ questions }) => {
  const device = await openDevice("reference"), process = discreteProcess({ name: "cosine", timesteps: 1000 });
  try {
    for (const [name, sampler] of [["ddim", ddim as AnySampler], ["ancestral", ancestral as AnySampler]] as const) {
      for (const isGuided of [false, true]) {
        let asked = 0;
        const exact = exactDenoiser({ weights: [1], means: [[0]], sd: 1 });
        const counted: Denoiser = (xt, at) => {
          asked++;
          return exact(xt, at);
        };
        const denoise = isGuided ? guided(counted, counted, { scale: 2 }) : counted;
        const last: Tensor = await lastOf(runSampler(sampler, { denoise, process, options: { steps: 8 }, shape: [1, 1], device }));
        last.dispose();
        near(`${name}, 8 steps, ${isGuided ? "guided" : "not guided"}: questions`, questions(name, 8, isGuided), asked, 0);
      }
    }
  } finally {
    await device.dispose();
  }
};
