/**
 * denoising-diffusion-pytorch: `model-N.pt` of its Trainer, a GaussianDiffusion's state dict, or a Unet's alone. A GaussianDiffusion
 * brings the tables of its process, from which schedule, number of steps and objective are read; the network's era and config are read
 * from names and shapes, and where those of two eras are alike from the `version` beside them.
 */
import { ConfigError } from "@fromnoise/tensor";
import { eraNames, eraOfNames, eras, lucidrainsEra, lucidrainsConfig, type JsonObject, type LucidrainsEra } from "@fromnoise/nn";
import { oneOf, checkValue } from "@fromnoise/nn/kinds";
import type { ProcessOptions } from "../../process/named.js";
import type { PredictionName } from "../../denoisers/prediction.js";
import { assumedOf, countIn, renamed, saidFields, shapeIn, type TorchLayout, type TorchWeights } from "./torch-layout.js";
import { matchBetas, objectiveOf, plainProcess, type Objective } from "./torch-tables.js";
import { withPrefix } from "./torch-contents.js";

/** What weights do not tell, under the names of the program's arguments; "" is "as the file says, or the program's default". */
const defaults = {
  era: "", objective: "", beta_schedule: "", timesteps: 0, image_size: -1, self_condition: false, learned_sinusoidal: "learned",
  resnet_block_groups: 8, attn_heads: 4, sinusoidal_pos_emb_theta: 10000, dropout: 0,
};

const objectives: Readonly<Record<string, PredictionName>> = { pred_noise: "eps", pred_x0: "x0", pred_v: "v" };
const schedules = { sigmoid: "sigmoid", cosine: "cosine", linear: "scaled-linear" } as const;

export const lucidrainsLayout: TorchLayout = {
  name: "denoising-diffusion-pytorch",
  fields: defaults,

  knows: (dict) => dict.has("init_conv.weight") || dict.has("model.init_conv.weight"),

  async model(weights, said) {
    const fields = saidFields(lucidrainsLayout.name, said, defaults);
    const whole = weights.dict.has("model.init_conv.weight");
    const unet = { ...weights, dict: whole ? withPrefix(weights.dict, "model.") : weights.dict };
    const era = eraIn(unet, fields.era);
    const config = configIn(unet, era, fields);
    const tables = whole && weights.dict.has("betas") ? await tablesIn(weights) : undefined;
    const { process, assumed: assumedProcess } = processIn(tables?.betas, fields);
    const { objective, assumed: assumedObjective } = tables?.objective === undefined ? saidObjective(fields.objective, era) : { objective: tables.objective, assumed: [] };
    const { prediction, gamma } = objective;
    const needed = { ...(eras[era].blockNorm === "group" ? { resnet_block_groups: 8 } : {}), ...(eras[era].memories === 0 && eras[era].fullLevels ? { attn_heads: 4 } : {}) };
    const assumed = [assumedOf(needed, said), ...assumedProcess, ...assumedObjective].filter((text) => text !== "");
    return {
      network: { kind: "lucidrains", config }, process, prediction, clipX0: true,
      variance: config["learned_variance"] === true ? "learned-range" : "fixed-small", assumed: assumed.join(", "),
      wanted: (name) => !whole || name.startsWith("model."),
      convert: (tensors) => renamed(tensors, (name, entry) => [[whole ? name.slice("model.".length) : name, entry]]),
      trained: gamma !== undefined ? { weighting: "min-snr", minSnrGamma: gamma } : prediction === "eps" ? {} : { weighting: "snr" },
    };
  },
};

/** The era that was said; else that of the names, and of the version beside them where names leave several. */
function eraIn({ dict, facts }: TorchWeights, said: string): LucidrainsEra {
  if (said !== "") {
    const kind = oneOf(eraNames);
    checkValue(kind, "--network: era", said);
    return said;
  }
  const named = eraOfNames(dict.keys());
  const version = facts.get("version");
  if (named !== "1.6" || typeof version !== "string") return named;
  const told = lucidrainsEra(version);
  return eras[told].wrapped ? told : named;
}

/** The program's arguments that names and shapes tell. Throws ConfigError where they are of no network of that era. */
function configIn(weights: TorchWeights, era: LucidrainsEra, fields: typeof defaults): JsonObject {
  const { dict, source } = weights;
  const { memories, fullLevels, blockNorm } = eras[era];
  const [initDim, inputs] = shapeIn(weights, "init_conv.weight") as [number, number];
  const [outputs] = shapeIn(weights, "final_conv.weight") as [number];
  const dim = shapeIn(weights, "time_mlp.1.weight")[0]! / 4;
  const levels = countIn(dict, (i) => `downs.${i}.0.block1.proj.weight`);
  const widths = Array.from({ length: levels }, (_, i) => shapeIn(weights, i === levels - 1 ? `downs.${i}.3.weight` : `downs.${i}.3.1.weight`)[0]!);
  const guesses = fields.self_condition || inputs === 2 * outputs;
  const channels = guesses ? inputs / 2 : inputs;
  const fourier = dict.get("time_mlp.0.weights")?.shape[0];
  const attention = Array.from({ length: levels }, (_, i) => attentionIn(weights, `downs.${i}.2`, memories > 0, fields.attn_heads));
  if (outputs !== channels && outputs !== 2 * channels) {
    // No stub: a refusal by name, docs/library/errors.md.
    throw new ConfigError(`${source}: a network from ${inputs} channels to ${outputs} is not implemented`, ["allowed  as many, or twice as many for a learned variance, or half for self-conditioning"]);
  }
  return { ...lucidrainsConfig({
    era, dim, init_dim: initDim === dim ? null : initDim, dim_mults: widths.map((width) => width / dim), channels, self_condition: guesses,
    learned_variance: outputs === 2 * channels, image_size: fields.image_size === -1 ? null : fields.image_size,
    ...(fourier === undefined ? {} : {
      learned_sinusoidal_dim: 2 * fourier, learned_sinusoidal_cond: fields.learned_sinusoidal === "learned",
      random_fourier_features: fields.learned_sinusoidal !== "learned",
    }),
    ...(blockNorm === "group" ? { resnet_block_groups: fields.resnet_block_groups } : {}),
    ...(era === "2.0" ? { dropout: fields.dropout } : {}),
    ...(!fullLevels ? {} : {
      sinusoidal_pos_emb_theta: fields.sinusoidal_pos_emb_theta, full_attn: attention.map(({ full }) => full),
      attn_heads: alike(attention.map(({ heads }) => heads)), attn_dim_head: alike(attention.map(({ dim }) => dim)),
    }),
  }) } as unknown as JsonObject;
}

/** Whether an attention is full, and its heads: from its memories [2, heads, n, d] or [2, heads, d, n], else as said. */
function attentionIn(weights: TorchWeights, name: string, hasMemories: boolean, said: number): { full: boolean; heads: number; dim: number } {
  const inner = weights.dict.has(`${name}.to_qkv.weight`) ? name : `${name}.fn.fn`;
  const full = weights.dict.has(`${inner}.to_out.weight`);
  const width = shapeIn(weights, `${inner}.to_qkv.weight`)[0]! / 3;
  const heads = hasMemories ? shapeIn(weights, `${inner}.mem_kv`)[1]! : said;
  return { full, heads, dim: width / heads };
}

/** One value where all are alike, as the program's own default is. */
function alike(values: readonly number[]): number | readonly number[] {
  return values.every((value) => value === values[0]) ? values[0]! : values;
}

/** Of a GaussianDiffusion; before June 2023 `p2_loss_weight` stood in place of `loss_weight`, and told no objective. */
async function tablesIn(weights: TorchWeights): Promise<{ betas: ArrayLike<number>; objective: Objective | undefined }> {
  const betas = await weights.numbers("betas");
  if (!weights.dict.has("loss_weight")) return { betas, objective: undefined };
  return { betas, objective: objectiveOf(await weights.numbers("alphas_cumprod"), await weights.numbers("loss_weight"), weights.source) };
}

function processIn(betas: ArrayLike<number> | undefined, { beta_schedule: said, timesteps }: typeof defaults): { process: ProcessOptions; assumed: string[] } {
  if (betas !== undefined) return { process: matchBetas(betas, Object.values(schedules)), assumed: [] };
  const schedule = said === "" ? "sigmoid" : said;
  if (!Object.hasOwn(schedules, schedule)) throw new ConfigError(`--network: beta_schedule: ${JSON.stringify(schedule)} is not allowed`, [`allowed  ${Object.keys(schedules).join(", ")}`]);
  const process = plainProcess(schedules[schedule as keyof typeof schedules], timesteps === 0 ? 1000 : timesteps);
  return { process, assumed: [...(said === "" ? [`beta_schedule ${schedule}`] : []), ...(timesteps === 0 ? ["timesteps 1000"] : [])] };
}

function saidObjective(said: string, era: LucidrainsEra): { objective: Objective; assumed: string[] } {
  const name = said === "" ? era === "1.6" ? "pred_noise" : "pred_v" : said;
  if (!Object.hasOwn(objectives, name)) throw new ConfigError(`--network: objective: ${JSON.stringify(name)} is not allowed`, [`allowed  ${Object.keys(objectives).join(", ")}`]);
  return { objective: { prediction: objectives[name]!, gamma: undefined }, assumed: said === "" ? [`objective ${name}`] : [] };
}
