import { ConfigError } from "@fromnoise/tensor";
import { unetConfig } from "@fromnoise/nn";
import { openDataset } from "../../data/node/index.js";
import { splitDataset, type SplitDataset } from "../../data/split.js";
import { sidesOf } from "../../image/picture.js";
import type { TrainConfig } from "../config.js";

/**
 * Opens what the config's `data` names, at the network's size and channels: the part to train on, and the part that `holdOut` keeps
 * from training.
 * Throws ConfigError where data and network do not fit each other, ImageError for a bad file.
 */
export function openTrainingData({ data, holdOut, model }: Pick<TrainConfig, "data" | "holdOut" | "model">): SplitDataset {
  const {
    sample_size: size, in_channels: channels, out_channels: outChannels, num_class_embeds: classes, block_out_channels: widths,
  } = unetConfig(model);
  const refuse = (field: string, value: unknown, allowed: string): never => {
    throw new ConfigError(`model.${field}: ${JSON.stringify(value)} is not allowed`, [`allowed  ${allowed}`]);
  };
  if (size === null) return refuse("sample_size", size, "a side in pixels, or [height, width]");
  const halvings = widths.length - 1;
  const times = halvings === 1 ? "1 time" : `${halvings} times`;
  if (sidesOf(size).some((side) => side % 2 ** halvings !== 0)) {
    refuse("sample_size", size, `multiples of ${2 ** halvings}, as the ${widths.length} levels halve the image ${times}`);
  }
  if (channels !== 1 && channels !== 3) return refuse("in_channels", channels, "1 for gray, 3 for RGB");
  if (outChannels !== channels) refuse("out_channels", outChannels, `${channels}, as in_channels`);
  const dataset = openDataset(data, { size, channels });
  const labels = dataset.classes ?? 0;
  if (classes !== null && classes !== labels) {
    refuse(
      "num_class_embeds", classes, labels === 0 ? `null: ${data} has no labels` : `${labels}, the classes of ${data}, or null`,
    );
  }
  return splitDataset(dataset, holdOut);
}
