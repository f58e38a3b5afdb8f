/** Trainings by name, as partial configurations that `trainConfig` completes: `fromnoise train --recipe NAME`. docs/recipes.md has their figures. */
import type { Guidance } from "../denoisers/guided.js";
import { smallUNet, type TrainConfigInput } from "./config.js";
import { pageUNet } from "./page-config.js";
import type { UNetFields } from "./model-fields.js";

/** A training by name. */
export interface Recipe {
  readonly name: string;
  /** For people: what it trains. */
  readonly summary: string;
  readonly config: TrainConfigInput;
  /** It is for images of one's own, which --data names. */
  readonly ownData?: true;
  /** How samples of its model are drawn, unless asked otherwise. */
  readonly sampling?: RecipeSampling;
}

/** How samples of a recipe's model are drawn. */
export interface RecipeSampling {
  readonly sampler: string;
  /** Of that sampler. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly guidance?: Guidance;
}

/** Levels of these widths, attention at the last `attending` of them. */
function levels(widths: readonly number[], attending = 1): UNetFields {
  const at = (level: number): "Attn" | "" => (level >= widths.length - attending ? "Attn" : "");
  return {
    block_out_channels: [...widths],
    down_block_types: widths.map((_, i) => `${at(i)}DownBlock2D` as const), up_block_types: widths.map((_, i) => `${at(widths.length - 1 - i)}UpBlock2D` as const),
  };
}

/**
 * v under the cosine schedule, levels of a batch spread evenly, small batches and a short second moment, for trainings of minutes
 * (docs/demo.md says what each brings); and forty times two averages to choose the final one of.
 */
function ours(steps: number, lr: number): TrainConfigInput {
  return {
    init: "paper", prediction: "v", schedule: { name: "cosine" }, timeSampling: "low-discrepancy",
    steps, batch: 16, optimizer: { lr, betas: [0.9, 0.99] }, lrSchedule: { name: "cosine", warmup: 100 },
    profiles: { every: Math.ceil(steps / 40) }, checkpointEvery: 500, keep: 1,
  };
}

const twentyFive: RecipeSampling = { sampler: "ddim", options: { steps: 25 } };
const fifty: RecipeSampling = { sampler: "ddim", options: { steps: 50 } };
const rgb = { in_channels: 3, out_channels: 3 } as const;

/** The U-Net of digits at their own 28x28: time and class scale and shift its normalisations. */
const digitsUNet = { ...smallUNet, resnet_time_scale_shift: "scale_shift" } satisfies UNetFields;

const digits: Recipe = {
  name: "digits", summary: "handwritten digits of 28x28 by class, in four minutes",
  config: { ...ours(3000, 3e-3), data: "digits", model: { ...digitsUNet, num_class_embeds: 10 } },
  sampling: twentyFive,
};

/** What `npm run demo` trains too. */
export const digitsGuided: Recipe = {
  name: "digits-guided", summary: "the same with labels hidden now and then, for guidance",
  config: { ...digits.config, timeSampling: "logit-normal", labelDrop: 0.1, model: { ...digitsUNet, num_class_embeds: 11, _null_class: true } },
  sampling: { ...twentyFive, guidance: 1.4 },
};

const digits16: Recipe = {
  name: "digits-16", summary: "digits of 16x16 by class, small enough for a page",
  config: { ...ours(6000, 3e-3), data: "digits", model: pageUNet },
  sampling: twentyFive,
};

const faces: Recipe = {
  name: "faces", summary: "faces of 32x32 in colour",
  config: { ...ours(5000, 1.5e-3), data: "faces", model: { ...smallUNet, ...rgb, sample_size: 32, ...levels([32, 64, 96]) } },
  sampling: twentyFive,
};

const pixelFaces: Recipe = {
  name: "pixel-faces", summary: "drawn faces of 16x16 in colour",
  config: { ...ours(4000, 1.5e-3), data: "pixel-faces", model: { ...smallUNet, ...rgb, sample_size: 16, ...levels([32, 64]) } },
  sampling: twentyFive,
};

const celeba64: Recipe = {
  name: "celeba-64", summary: "a folder of faces at 64x64", ownData: true,
  config: {
    ...ours(100000, 2e-4), flip: true, badImages: "skip",
    model: { ...smallUNet, ...rgb, sample_size: 64, layers_per_block: 2, norm_num_groups: 32, ...levels([64, 128, 192, 256], 2) },
    ema: { decay: 0.9995 }, profiles: { every: 0 }, checkpointEvery: 1000, keep: 2,
  },
  sampling: fifty,
};

/**
 * The defaults of denoising-diffusion-pytorch: of `Unet(dim = 64, dim_mults = (1, 2, 4, 8))`, GaussianDiffusion and Trainer, as versions
 * 1.8 have them; docs/lucidrains.md lays them side by side. `image_size` is left to the size of the data.
 */
const lucidrains: Recipe = {
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

/** The training that its README showed from 2021 to May 2023, of version 1.0: noise predicted under the cosine schedule, L1, 128 pixels. */
const lucidrainsCeleba: Recipe = {
  name: "lucidrains-celeba", summary: "the training of its README before version 1.6, on a folder of faces at 128x128", ownData: true,
  config: {
    ...lucidrains.config,
    model: { kind: "lucidrains", config: { era: "1.6", dim: 64, dim_mults: [1, 2, 4, 8], image_size: 128, channels: 3 } },
    schedule: { name: "cosine", timesteps: 1000 }, prediction: "eps", loss: "l1", weighting: "simple",
    steps: 700000, batch: 32, accumulate: 2, optimizer: { lr: 8e-5, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 },
  },
  sampling: { sampler: "ddim", options: { steps: 250 } },
};

/** All recipes. */
export const recipes: readonly Recipe[] = [digits, digitsGuided, digits16, faces, pixelFaces, celeba64, lucidrains, lucidrainsCeleba];

/** Their names. */
export const recipeNames: readonly string[] = recipes.map(({ name }) => name);
