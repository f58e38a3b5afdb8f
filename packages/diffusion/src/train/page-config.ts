import { smallUNet, trainConfig, trainDefaults } from "./config.js";
import type { UNetFields } from "./model-fields.js";

/** A U-Net of 177,489 parameters for digits of 16x16 by class: small enough to be sent to a page, and to be trained in one. */
export const pageUNet = {
  ...smallUNet, sample_size: 16, block_out_channels: [16, 32], num_class_embeds: 10,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
} satisfies UNetFields;

/** What the page of the site trains, and what the bench calls the demo's step: that network on digits averaged to 16x16. */
export const pageConfig = trainConfig({
  ...trainDefaults,
  model: pageUNet,
  prediction: "v", schedule: { ...trainDefaults.schedule, name: "cosine" },
  steps: 1800, optimizer: { ...trainDefaults.optimizer, lr: 3e-3 }, lrSchedule: { name: "cosine", warmup: 50 },
  previewEvery: 0, checkpointEvery: 500, keep: 1,
});
