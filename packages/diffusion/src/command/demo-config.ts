import { trainConfig, trainDefaults } from "../train/config.js";

/** What `npm run demo` trains: the small digit U-Net of the defaults, for as many steps as a few minutes allow. */
export const demoConfig = trainConfig({ ...trainDefaults, previewEvery: 0, checkpointEvery: 500, keep: 1 });
