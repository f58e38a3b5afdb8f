import { smallUNet, trainConfig, trainDefaults } from "./config.js";
import type { UNetFields } from "./model-fields.js";

/** The network of `npm run demo`. */
export const demoUNet = {
  ...smallUNet, sample_size: 16, block_out_channels: [16, 32], num_class_embeds: 10,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
} satisfies UNetFields;

/**
 * What `npm run demo` trains: a class-conditional U-Net of 177,489 parameters on digits averaged to 16x16, for as many steps as fit
 * into four minutes on two cores. It predicts v under the cosine schedule: after 600 steps at 28x28 epsilon prediction under the
 * linear schedule still got the brightness of whole images wrong (the two were not compared at equal size and budget).
 */
export const demoConfig = trainConfig({
  ...trainDefaults,
  model: demoUNet,
  prediction: "v", schedule: { ...trainDefaults.schedule, name: "cosine" },
  steps: 1800, optimizer: { ...trainDefaults.optimizer, lr: 3e-3 }, lrSchedule: { name: "cosine", warmup: 50 },
  previewEvery: 0, checkpointEvery: 500, keep: 1,
});
