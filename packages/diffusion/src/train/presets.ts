/** Settings of other programs, as partial configurations that `trainConfig` completes: `fromnoise train --preset NAME`. */
import type { TrainConfigInput } from "./config.js";

export interface Preset {
  readonly name: string;
  /** For people: whose settings. */
  readonly summary: string;
  readonly config: TrainConfigInput;
}

/**
 * The defaults of denoising-diffusion-pytorch: of `Unet(dim = 64, dim_mults = (1, 2, 4, 8))`, GaussianDiffusion and Trainer, as versions
 * 1.8 have them; docs/lucidrains.md lays them side by side. `image_size` is left to the size of the data.
 */
const lucidrains: Preset = {
  name: "lucidrains",
  summary: "denoising-diffusion-pytorch's network and training",
  config: {
    holdOut: 0, flip: true,
    model: { kind: "lucidrains", config: { era: "1.8", dim: 64, dim_mults: [1, 2, 4, 8] } },
    schedule: { name: "sigmoid", timesteps: 1000 }, prediction: "v", loss: "mse", weighting: "snr",
    steps: 100000, batch: 16, accumulate: 1,
    optimizer: { lr: 1e-4, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 }, gradClip: 1,
    lrSchedule: { name: "constant", warmup: 0 },
    ema: { decay: 0.995, warmup: "ema-pytorch", power: 2 / 3, invGamma: 1, every: 10, start: 100 },
    checkpointEvery: 1000, previewEvery: 1000, previewImages: 25,
  },
};

/** All presets. */
export const presets: readonly Preset[] = [lucidrains];
