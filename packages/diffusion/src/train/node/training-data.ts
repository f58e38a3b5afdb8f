import { ConfigError } from "@fromnoise/tensor";
import { LucidrainsUNet, networkOf, SelfConditioned, UNet, type NetworkKinds } from "@fromnoise/nn";
import { openDataset } from "../../data/node/index.js";
import type { FolderOptions, FolderRecord } from "../../data/node/folder.js";
import { splitDataset, type SplitDataset } from "../../data/split.js";
import { MAX_PIXELS } from "../../image/limits.js";
import { isLearned } from "../../process/schedules.js";
import type { TrainConfig } from "../config.js";
import { networkSpec } from "../model-fields.js";

/**
 * Opens what the config's `data` names, at the network's size and channels: the part to train on, and the part that `holdOut` keeps
 * from training. `networks` are one's own kinds of networks. Of a folder every image is decoded once, unless `known` says that this
 * was done; `record` says what it held.
 * Throws ConfigError where data and network do not fit each other, ImageError for a bad file.
 */
export function openTrainingData(
  config: Pick<TrainConfig, "data" | "holdOut" | "model"> & Partial<Pick<TrainConfig, "sampling" | "badImages" | "maxMegapixels">>,
  networks: NetworkKinds = {}, reading: Pick<FolderOptions, "known" | "onImage"> = {},
): SplitDataset & { record?: FolderRecord } {
  const { data, holdOut, model, sampling, badImages = "stop", maxMegapixels = MAX_PIXELS / 1e6 } = config;
  const network = networkOf(networkSpec(model), networks);
  const { sample, outputs, classes } = network.spec;
  const inner = network instanceof SelfConditioned ? network.inner : network;
  const names = inner instanceof UNet ? unetNames : inner instanceof LucidrainsUNet ? lucidrainsNames : specNames;
  const refuse = (field: keyof typeof specNames, value: unknown, allowed: string): never => {
    throw new ConfigError(`model.${names[field]}: ${JSON.stringify(value)} is not allowed`, [`allowed  ${allowed}`]);
  };
  const [height, width, channels] = sample;
  if (sample.length !== 3) return refuse("size", sample, "the shape of images, [H, W, C]");
  if (height === null || width === null) return refuse("size", null, "a side in pixels, or [height, width]");
  if (inner instanceof UNet || inner instanceof LucidrainsUNet) {
    const [size, { length: levels }, patch] = inner instanceof UNet ? [inner.config.sample_size, inner.config.block_out_channels, inner.config._patch_size ?? 1]
      : [inner.config.image_size, inner.config.dim_mults, 1];
    const multiple = patch * 2 ** (levels - 1), times = levels === 2 ? "1 time" : `${levels - 1} times`;
    if (height % multiple !== 0 || width % multiple !== 0) {
      refuse("size", size, `multiples of ${multiple}, as ${patch === 1 ? "" : `patches have side ${patch} and `}the ${levels} levels halve the image ${times}`);
    }
  }
  if (channels !== 1 && channels !== 3) return refuse("channels", channels, "1 for gray, 3 for RGB");
  const learned = sampling !== undefined && isLearned(sampling.variance);
  if (outputs !== (learned ? 2 : 1) * channels) {
    refuse("outputs", outputs, learned ? `${2 * channels}, two for each of ${names.channels}: the variance is learned`
      : `${channels}, as ${names.channels}`);
  }
  const dataset = openDataset(data, { size: [height, width], channels }, { ...reading, badImages, maxPixels: maxMegapixels * 1e6 });
  const labels = dataset.classes;
  if (classes !== undefined && (classes === Infinity ? labels === undefined : classes !== labels)) {
    refuse("classes", classes === Infinity ? "any number" : classes, labels === undefined ? `null: ${data} has no labels` : `${labels}, the classes of ${data}, or null`);
  }
  return { ...splitDataset(dataset, holdOut), ...("record" in dataset ? { record: dataset.record } : {}) };
}

/** What the fields are called in the configurations of U-Nets, and in the spec of any network. */
const unetNames = { size: "sample_size", channels: "in_channels", outputs: "out_channels", classes: "num_class_embeds" } as const;
const lucidrainsNames = { size: "image_size", channels: "channels", outputs: "out_dim", classes: "classes" } as const;
const specNames = { size: "sample", channels: "sample", outputs: "outputs", classes: "classes" } as const;
