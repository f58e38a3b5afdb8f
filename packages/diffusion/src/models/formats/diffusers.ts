/**
 * Folders as diffusers writes them: a pipeline's, with model_index.json, unet/ and scheduler/; or their files in one folder. Names,
 * shapes and fields are diffusers' own on both sides. docs/exchange.md says what is read, what is refused, and which names differ.
 */
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import { encodeSafetensors, HALF_LIMIT, unetConfig, type JsonObject, type StateDict, type StateEntry } from "@fromnoise/nn";
import { refuseNetwork, type ModelFormat, type ModelInfo } from "../model-format.js";
import { pathOf, readJsonFile, type Source } from "../source.js";
import { writeJsonFile } from "../target.js";
import { checkNetworkClass, checkPipeline, INDEX_FILE, NETWORK_CLASS } from "./diffusers-pipeline.js";
import { readScheduler, schedulerFields } from "./diffusers-scheduler.js";
import { readWeights, weightFiles, weightsFile, weightsIn, WEIGHTS_FILE } from "./diffusers-weights.js";

const SCHEDULER_FILE = "scheduler_config.json";

/** A version of diffusers that has all fields that are written. */
const VERSION = "0.35.1";

/** Folders of diffusers' pipelines, and of a network and a scheduler alone: docs/exchange.md. */
export const diffusersFormat = {
  name: "a folder as diffusers writes it",
  files: `${INDEX_FILE} of a pipeline; or config.json and ${WEIGHTS_FILE}`,

  async detect(source) {
    const names = await source.list();
    return names.includes(INDEX_FILE) || weightFiles(names).length > 0;
  },

  async describe(source, options = {}) {
    refuseNetwork(source.name, options);
    await checkPipeline(source);
    const [{ folder }] = weightFiles(await source.list());
    const network = await readNetwork(source, folder);
    const facts = { folder: source.name, format: "diffusers" };
    try {
      return { network, facts, how: (await readHow(source)).how };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { network, facts: { ...facts, scheduler: `not one that can be read: ${error.summary}` } };
    }
  },

  async read(source, { weights, variant, ...options } = {}) {
    refuseNetwork(source.name, options);
    await checkPipeline(source);
    const file = await weightsIn(source, variant);
    if (weights !== undefined) {
      throw new CheckpointError(
        `${source.name} holds one set of weights, and does not say which`, ["hint     leave out which to take"],
      );
    }
    const network = await readNetwork(source, file.folder);
    const { how, place } = await readHow(source);
    const tensors = currentNames(await readWeights(source, file));
    const which = variant === undefined ? "" : `, variant ${variant}`;
    const without = place === undefined ? ", without a scheduler: DDPMScheduler's defaults" : "";
    return { network, ...how, tensors, source: `${source.name}, as diffusers wrote it${which}${without}` };
  },

  /** A DDPMPipeline's folder, or its network and scheduler alone where no pipeline of diffusers draws by that scheduler. */
  async write({ network: { kind, config }, tensors, ...model }, to, { variant } = {}) {
    if (kind !== "unet") throw new ConfigError(`diffusers has no network of kind "${kind}"`, ["allowed  unet"]);
    if (config["_num_heads"] !== undefined) {
      throw new ConfigError(`diffusers has no U-Net of ${String(config["_num_heads"])} heads in attentions of several widths`, ["allowed  heads of attention_head_dim channels each"]);
    }
    if (config["_patch_size"] !== undefined) {
      throw new ConfigError(`diffusers has no U-Net of patches, and this one's have side ${String(config["_patch_size"])}`, ["allowed  networks without _patch_size"]);
    }
    const scheduler = schedulerFields(model);
    checkWeights(tensors, variant === undefined ? Infinity : HALF_LIMIT);
    const encoded = encodeSafetensors(tensors, { format: "pt" }, variant === undefined ? {} : { dtype: "F16" });
    await to.write(`unet/${weightsFile(variant)}`, encoded, encoded.byteLength);
    await writeJsonFile(to, "unet/config.json", sorted({ _class_name: NETWORK_CLASS, act_fn: "silu", ...config }));
    await writeJsonFile(to, `scheduler/${SCHEDULER_FILE}`, sorted(scheduler));
    if (!drawnByPipeline(scheduler._class_name)) return;
    await writeJsonFile(to, INDEX_FILE, sorted({
      _class_name: "DDPMPipeline", scheduler: ["diffusers", scheduler._class_name], unet: ["diffusers", NETWORK_CLASS],
    }));
  },
} satisfies ModelFormat;

/** DDPMPipeline gives the network x as it is, where EDM scales it: a pipeline's index would promise samples that are none. */
function drawnByPipeline(scheduler: string): boolean {
  return scheduler !== "EDMEulerScheduler";
}

/** Fields in diffusers' order, which is the alphabet's, with the version whose fields they are. */
function sorted(fields: object): object {
  const all = { ...fields, _diffusers_version: VERSION };
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Throws CheckpointError for a value that is not finite, or becomes so in half precision, naming its tensor. */
function checkWeights(tensors: ReadonlyMap<string, StateEntry>, limit: number): void {
  for (const [name, { data }] of tensors) {
    const i = data.findIndex((value) => !(Math.abs(value) < limit));
    if (i < 0) continue;
    const what = Number.isFinite(data[i]) ? "is too large for half precision" : "is not finite";
    throw new CheckpointError(`${name} ${what}, so it is not written`, [`element ${i} of ${data.length} is ${data[i]}`]);
  }
}

/** The network of the config.json in a folder of the source. */
async function readNetwork(source: Source, folder: string): Promise<{ kind: string; config: JsonObject }> {
  const file = `${folder}config.json`;
  const fields = await readJsonFile(source, file);
  checkNetworkClass(pathOf(source, file), fields["_class_name"]);
  return { kind: "unet", config: { ...unetConfig(fields) } as unknown as JsonObject };
}

/** What the scheduler says of noise, and where it says so. Throws ConfigError for one that is not implemented. */
async function readHow(source: Source): Promise<{ how: Omit<ModelInfo, "network">; place: string | undefined }> {
  const names = await source.list();
  const place = [SCHEDULER_FILE, `scheduler/${SCHEDULER_FILE}`].find((name) => names.includes(name));
  const how = place === undefined ? readScheduler({}, "the default scheduler")
    : readScheduler(await readJsonFile(source, place, { infinities: true }), pathOf(source, place));
  return { how, place };
}

/** Attention of older checkpoints: query, key, value, proj_attn; and duplicates that were once saved are dropped. */
export function currentNames(tensors: ReadonlyMap<string, StateEntry>): StateDict {
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
