/**
 * Folders as diffusers writes them: config.json of a UNet2DModel, diffusion_pytorch_model.safetensors, and scheduler_config.json
 * (DDPMScheduler); or a pipeline's, with the first two in unet/ and the third in scheduler/. Names, shapes and fields are
 * diffusers' own on both sides.
 */
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import {
  encodeSafetensors, readSafetensorsHeader, readSafetensorsTensor, unetConfig, type JsonObject, type LoadedTensor, type StateDict,
  type StateEntry,
} from "@fromnoise/nn";
import type { ModelFormat, ModelInfo } from "../model-format.js";
import { pathOf, readJsonFile, withFile, type Source } from "../source.js";
import { writeJsonFile } from "../target.js";
import { readScheduler, schedulerFields } from "./diffusers-scheduler.js";

const WEIGHTS_FILE = "diffusion_pytorch_model.safetensors";
const PICKLE = "diffusion_pytorch_model.bin";

export const diffusersFormat = {
  name: "a folder as diffusers writes it",
  files: `config.json and ${WEIGHTS_FILE}, in it or in unet/`,

  async detect(source) {
    const names = await source.list();
    return [WEIGHTS_FILE, PICKLE].some((file) => fileIn(names, "unet", file) !== undefined);
  },

  async describe(source) {
    const network = await readNetwork(source, await weightsIn(source));
    const facts = { folder: source.name, format: "diffusers" };
    try {
      return { network, facts, how: await readHow(source) };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { network, facts: { ...facts, scheduler: `not one that can be read: ${error.summary}` } };
    }
  },

  async read(source, { weights } = {}) {
    const file = await weightsIn(source);
    if (weights !== undefined) {
      throw new CheckpointError(
        `${source.name} holds one set of weights, and does not say which`, ["hint     leave out which to take"],
      );
    }
    const network = await readNetwork(source, file);
    const tensors = currentNames(await readTensors(source, file));
    return { network, ...await readHow(source), tensors, source: `${source.name}, as diffusers wrote it` };
  },

  /** Three files; a schedule that diffusers has no name for becomes trained_betas. */
  async write({ network: { kind, config }, tensors, ...model }, to) {
    if (kind !== "unet") throw new ConfigError(`diffusers has no network of kind "${kind}"`, ["allowed  unet"]);
    const scheduler = schedulerFields(model);
    const encoded = encodeSafetensors(tensors, { format: "pt" });
    await to.write(WEIGHTS_FILE, encoded, encoded.byteLength);
    await writeJsonFile(to, "config.json", { _class_name: "UNet2DModel", act_fn: "silu", ...config });
    await writeJsonFile(to, "scheduler_config.json", scheduler);
  },
} satisfies ModelFormat;

/** A file of a folder, or of a pipeline's folder of this part. */
function fileIn(names: readonly string[], part: string, file: string): string | undefined {
  return [file, `${part}/${file}`].find((name) => names.includes(name));
}

/** Where the weights are. Throws CheckpointError where there are none. */
async function weightsIn(source: Source): Promise<string> {
  const names = await source.list();
  const file = fileIn(names, "unet", WEIGHTS_FILE);
  if (file !== undefined) return file;
  const pickle = fileIn(names, "unet", PICKLE);
  const found = pickle === undefined ? [] : [`found    ${pickle}, a pickle; diffusers saves it anew with safe_serialization=True`];
  throw new CheckpointError(
    `${source.name} holds no ${WEIGHTS_FILE}`, ["expected it beside a config.json, or both in unet/", ...found],
  );
}

/** The network of the config.json beside the weights. */
async function readNetwork(source: Source, weights: string): Promise<{ kind: string; config: JsonObject }> {
  const config = unetConfig(await readJsonFile(source, weights.replace(WEIGHTS_FILE, "config.json")));
  return { kind: "unet", config: { ...config } };
}

/** What the scheduler says of noise. Throws ConfigError for one that is not implemented. */
async function readHow(source: Source): Promise<Omit<ModelInfo, "network">> {
  const place = fileIn(await source.list(), "scheduler", "scheduler_config.json");
  return place === undefined ? readScheduler({}, "the default scheduler")
    : readScheduler(await readJsonFile(source, place), pathOf(source, place));
}

function readTensors(source: Source, file: string): Promise<ReadonlyMap<string, LoadedTensor>> {
  const path = pathOf(source, file);
  return withFile(source, file, async (reader) => {
    const header = await readSafetensorsHeader(reader, path);
    const tensors = new Map<string, LoadedTensor>();
    for (const name of header.tensors.keys()) tensors.set(name, await readSafetensorsTensor(reader, header, name, path));
    return tensors;
  });
}

/** Attention of older checkpoints: query, key, value, proj_attn; and duplicates that were once saved are dropped. */
function currentNames(tensors: ReadonlyMap<string, StateEntry>): StateDict {
  const renamed: StateDict = new Map();
  const pairs: [RegExp, string][] = [
    [/\.query\./, ".to_q."], [/\.key\./, ".to_k."], [/\.value\./, ".to_v."], [/\.proj_attn\./, ".to_out.0."],
  ];
  for (const [name, entry] of tensors) {
    const current = pairs.reduce((text, [old, now]) => text.replace(old, now), name);
    if (/\.downsamplers\.\d+\.op\./.test(current)) continue;
    renamed.set(current, entry);
  }
  return renamed;
}
