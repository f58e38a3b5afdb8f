/**
 * A state dict alone, under the names of a network of this library, diffusers' U-Net for instance: which network it is stands in the
 * file that --network names, a config.json of diffusers, { kind, config }, or the config.json of a run, whose schedule, prediction and
 * sampling are taken with it.
 */
import { ConfigError } from "@fromnoise/tensor";
import { networkOf } from "@fromnoise/nn";
import { isObject } from "@fromnoise/nn/kinds";
import { trainConfig, trainDefaults, type TrainConfigInput } from "../../train/config.js";
import { networkSpec, type ModelFields } from "../../train/model-fields.js";
import { currentNames } from "./diffusers.js";
import type { TorchLayout } from "./torch-layout.js";

const RUN_FIELDS = ["schedule", "prediction", "sampling"] as const;

export const plainLayout: TorchLayout = {
  name: "a network of this library",
  fields: {},

  knows: () => true,

  async model({ source }, said) {
    if (Object.keys(said).length === 0) {
      throw new ConfigError(`${source}: its names do not tell which network it is`, [
        "pass     --network FILE.json: diffusers' config.json, { kind, config }, or the config.json of a run",
      ]);
    }
    const ofRun = isObject(said["model"]);
    const model = (ofRun ? said["model"] : said) as ModelFields;
    const given = ofRun ? Object.fromEntries(RUN_FIELDS.flatMap((name) => (said[name] === undefined ? [] : [[name, said[name]]]))) : {};
    const { schedule, prediction, sampling } = trainConfig({ ...trainDefaults, model, ...given } as TrainConfigInput);
    const { spec } = networkOf(networkSpec(model));
    const assumed = RUN_FIELDS.filter((name) => given[name] === undefined).map((name) => `${name} as a new run has it`);
    return {
      network: { kind: spec.kind, config: spec.config }, process: schedule, prediction, ...sampling, assumed: assumed.join(", "),
      wanted: () => true, convert: (tensors) => (spec.kind === "unet" ? currentNames(tensors) : new Map(tensors)),
    };
  },
};
