/**
 * improved-diffusion and guided-diffusion, `ema_0.9999_N.pt` and `modelN.pt`: state dicts of a UNetModel (Nichol, Dhariwal 2021;
 * Dhariwal, Nichol 2021). The network is that of diffusers in other names, with scale and shift, cosines first, GroupNorm of 32 groups
 * and eps 1e-5; its q, k and v are one convolution, whose rows go head by head (q, k, v of the first, then of the second), or in
 * guided-diffusion's new order all of q, then k, then v. Both scale q and k by d^-1/4 each, which is our q k' / sqrt(d).
 */
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import { unetConfig, type JsonObject, type StateEntry, type TorchStateDict } from "@fromnoise/nn";
import { assumedOf, countIn, renamed, saidFields, shapeIn, type TorchLayout, type TorchWeights } from "./torch-layout.js";

/** What weights do not tell, under the names of the programs' flags and with improved-diffusion's defaults; -1 is "not given". */
const defaults = {
  num_heads: 4, num_head_channels: -1, use_new_attention_order: false, diffusion_steps: 1000, noise_schedule: "linear",
  rescale_timesteps: true, predict_xstart: false, sigma_small: false, dropout: 0, image_size: -1,
};
/** Flags that weights tell, and those that only training or a sampler reads. */
const others = [
  "num_channels", "num_res_blocks", "num_heads_upsample", "attention_resolutions", "channel_mult", "class_cond", "learn_sigma", "resblock_updown",
  "use_scale_shift_norm", "timestep_respacing", "use_kl", "rescale_learned_sigmas", "use_checkpoint", "use_fp16",
];
/** Those without which the network or its process may be another one. */
const { dropout: _dropout, image_size: _size, num_head_channels: _channels, ...telling } = defaults;

const GROUPS = 32;
/** Both programs' "linear" is scaled by 1000 / T. */
const schedules = { linear: "scaled-linear", cosine: "cosine" } as const;

export const openaiLayout: TorchLayout = {
  name: "improved-diffusion or guided-diffusion",
  fields: defaults,

  knows: (dict) => dict.has("time_embed.0.weight") && dict.has("input_blocks.0.0.weight") && dict.has("output_blocks.0.0.in_layers.0.weight"),

  async model(weights, said) {
    const fields = saidFields(openaiLayout.name, said, defaults, others);
    const { noise_schedule: schedule, diffusion_steps: timesteps, rescale_timesteps: rescales } = fields;
    if (!Object.hasOwn(schedules, schedule)) {
      throw new ConfigError(`--network: noise_schedule: ${JSON.stringify(schedule)} is not allowed`, [`allowed  ${Object.keys(schedules).join(", ")}`]);
    }
    const network = networkIn(weights, fields);
    const { in_channels: channels, out_channels: outputs } = network;
    if (outputs !== channels && outputs !== 2 * channels) {
      // No stub: a refusal by name, docs/library/errors.md.
      throw new ConfigError(`${weights.source}: a network from ${channels} channels to ${outputs} is not implemented`, ["allowed  as many, or twice as many; networks of super-resolution read another image beside"]);
    }
    const order = fields.use_new_attention_order ? undefined : (width: number): number => headsOf(width, fields);
    const levels = (network.block_out_channels as readonly number[]).length;
    const move = mover(levels, network.layers_per_block as number, order);
    return {
      network: { kind: "unet", config: network }, prediction: fields.predict_xstart ? "x0" : "eps", clipX0: true,
      process: {
        name: schedules[schedule as keyof typeof schedules], timesteps, betaStart: 1e-4, betaEnd: 0.02, zeroTerminalSnr: false, logSnrShift: 0,
        sigmaData: 0.5, timeScale: rescales ? 1000 / timesteps : 1,
      },
      variance: outputs === 2 * channels ? "learned-range" : fields.sigma_small ? "fixed-small" : "fixed-large",
      assumed: assumedOf(fields.num_head_channels === -1 ? telling : { ...telling, num_heads: undefined }, said), wanted: () => true, convert: (tensors) => renamed(tensors, move),
    };
  },
};

function headsOf(width: number, { num_heads: heads, num_head_channels: channels }: typeof defaults): number {
  return channels === -1 ? heads : width / channels;
}

type Config = ReturnType<typeof unetConfig> & JsonObject;

/** The U-Net that names and shapes tell. Throws where they are of a network that is not implemented. */
function networkIn(weights: TorchWeights, fields: typeof defaults): Config {
  const { dict, source } = weights;
  const refuse = (what: string, allowed: string): never => {
    // No stub: a refusal by name, docs/library/errors.md.
    throw new ConfigError(`${source}: ${what} is not implemented`, [`allowed  ${allowed}`]);
  };
  const outputs = countIn(dict, (k) => `output_blocks.${k}.0.in_layers.0.weight`);
  const firstUp = Array.from({ length: outputs }, (_, k) => k).find((k) => upsampler(dict, k) !== undefined) ?? outputs - 1;
  const perLevel = firstUp + 1;                                                // ResBlocks of a level on the way up: one more than down
  const levels = outputs / perLevel;
  const blocks = countIn(dict, (k) => (dict.has(`input_blocks.${k}.0.weight`) ? `input_blocks.${k}.0.weight`
    : dict.has(`input_blocks.${k}.0.op.weight`) ? `input_blocks.${k}.0.op.weight` : `input_blocks.${k}.0.in_layers.0.weight`));
  if (!Number.isInteger(levels) || blocks !== levels * perLevel || perLevel < 2) {
    refuse("a network whose levels are not all alike, or are pooled without convolutions,", "as many ResBlocks at every level, conv_resample true");
  }
  const at = (level: number): string => `input_blocks.${1 + level * perLevel}`;
  const widths = Array.from({ length: levels }, (_, level) => shapeIn(weights, `${at(level)}.0.out_layers.3.weight`)[0]!);
  const [base] = shapeIn(weights, "input_blocks.0.0.weight");
  if (base !== widths[0] || shapeIn(weights, "time_embed.0.weight")[1] !== base) refuse("a first level of another width than model_channels", "channel_mult that begins with 1");
  const attends = widths.map((_, level) => dict.has(`${at(level)}.1.qkv.weight`));
  const byResNet = levels > 1 && dict.has(`input_blocks.${perLevel}.0.in_layers.0.weight`);
  const heads = attends.map((attends, level) => (attends || level === levels - 1 ? headsOf(widths[level]!, fields) : undefined));
  const dims = new Set(heads.flatMap((n, level) => (n === undefined ? [] : [widths[level]! / n])));
  const wrong = [...dims].find((d) => !Number.isInteger(d));
  if (wrong !== undefined) throw new CheckpointError(`${source}: its attentions cannot be split into such heads`, [`widths   ${widths.join(", ")}`, "set      num_heads, or num_head_channels, with --network FILE.json"]);
  const types = (attn: string, resnet: string, plain: string): string[] => attends.map((a) => (a ? attn : byResNet ? resnet : plain));
  const options = {
    sample_size: fields.image_size === -1 ? null : fields.image_size,
    in_channels: shapeIn(weights, "input_blocks.0.0.weight")[1], out_channels: shapeIn(weights, "out.2.weight")[0],
    block_out_channels: widths, layers_per_block: perLevel - 1,
    down_block_types: types("AttnDownBlock2D", "ResnetDownsampleBlock2D", "DownBlock2D"),
    up_block_types: types("AttnUpBlock2D", "ResnetUpsampleBlock2D", "UpBlock2D").reverse(),
    downsample_type: byResNet ? "resnet" : "conv", upsample_type: byResNet ? "resnet" : "conv",
    flip_sin_to_cos: true, freq_shift: 0, downsample_padding: 1, norm_eps: 1e-5, norm_num_groups: GROUPS, attn_norm_num_groups: GROUPS,
    resnet_time_scale_shift: shapeIn(weights, `${at(0)}.0.emb_layers.1.weight`)[0] === 2 * widths[0]! ? "scale_shift" : "default",
    dropout: fields.dropout, num_class_embeds: dict.get("label_emb.weight")?.shape[0] ?? null,
    ...(dims.size === 1 ? { attention_head_dim: [...dims][0] } : { attention_head_dim: null, _num_heads: fields.num_heads }),
  };
  return unetConfig(options) as unknown as Config;
}

/** What doubles the sides at the end of a block on the way up; undefined in blocks without. */
function upsampler(dict: TorchStateDict, k: number): string | undefined {
  return [1, 2].map((j) => `output_blocks.${k}.${j}`).find((name) => dict.has(`${name}.conv.weight`) || dict.has(`${name}.in_layers.0.weight`));
}

const resnet: Readonly<Record<string, string>> = {
  "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.0": "norm2", "out_layers.3": "conv2",
  "skip_connection": "conv_shortcut",
};
const whole: Readonly<Record<string, string>> = {
  "input_blocks.0.0": "conv_in", "time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2",
  "label_emb": "class_embedding", "out.0": "conv_norm_out", "out.2": "conv_out",
};

/** diffusers' names of a network of so many levels; `heads` are those of an attention, for rows that go head by head. */
function mover(levels: number, layers: number, heads: ((width: number) => number) | undefined): Parameters<typeof renamed>[1] {
  return (name, entry) => {
    const [, module, kind] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
    if (module === undefined || kind === undefined) return [[name, entry]];
    if (Object.hasOwn(whole, module)) return [[`${whole[module]!}.${kind}`, entry]];
    const place = placeOf(module, levels, layers);
    if (place === undefined) return [[name, entry]];
    const [block, layer] = place;
    if (layer.endsWith(".qkv")) return parts(entry, heads)?.map((part, i) => [`${block}.to_${"qkv"[i]!}.${kind}`, part]) ?? [[name, entry]];
    if (layer.endsWith(".proj_out")) return [[`${block}.to_out.0.${kind}`, { ...entry, shape: entry.shape.slice(0, kind === "weight" ? 2 : 1) }]];
    return [[`${block}.${kind}`, entry]];
  };
}

/** Where a module lies in diffusers' network, and its own name within its block. */
function placeOf(module: string, levels: number, layers: number): [block: string, layer: string] | undefined {
  const [, side, number, inner, layer] = /^(?:(input|output)_blocks\.(\d+)|middle_block)\.(\d+)\.(.+)$/.exec(module) ?? [];
  if (inner === undefined || layer === undefined) return undefined;
  const j = Number(inner);
  const attention = /^(norm|qkv|proj_out)$/.test(layer);
  const own = attention ? (layer === "norm" ? ".group_norm" : "") : !Object.hasOwn(resnet, layer) ? undefined : `.${resnet[layer]}`;
  const named = (block: string, sampler?: string): [string, string] | undefined => {
    if (sampler !== undefined) return [`${sampler}${own ?? (layer === "op" || layer === "conv" ? ".conv" : `.${layer}`)}`, `.${layer}`];
    return own === undefined ? undefined : [`${block}${own}`, `.${layer}`];
  };
  if (side === undefined) return named(attention ? "mid_block.attentions.0" : `mid_block.resnets.${j === 0 ? 0 : 1}`);
  const k = Number(number) - (side === "input" ? 1 : 0);
  const level = Math.floor(k / (layers + 1)), i = k % (layers + 1);
  const blocks = `${side === "input" ? "down" : "up"}_blocks.${level}`;
  if (level >= levels) return undefined;
  if (side === "input") return named(`${blocks}.${attention ? "attentions" : "resnets"}.${i}`, i === layers ? `${blocks}.downsamplers.0` : undefined);
  return named(`${blocks}.${attention ? "attentions" : "resnets"}.${i}`, j > 0 && !attention ? `${blocks}.upsamplers.0` : undefined);
}

/** Rows of q, k and v out of one array of 3 C rows, each [C, C] or [C]; undefined where there are no such rows. */
function parts({ shape, data }: StateEntry, heads: ((width: number) => number) | undefined): StateEntry[] | undefined {
  const width = shape[0]! / 3, row = data.length / shape[0]!;
  const dim = heads === undefined ? width : width / heads(width);
  if (![width, row, dim].every((count) => Number.isInteger(count) && count > 0)) return undefined;
  return [0, 1, 2].map((part) => {
    const rows = data.slice(0, width * row);
    for (let r = 0; r < width; r++) {
      const from = heads === undefined ? part * width + r : (3 * Math.floor(r / dim) + part) * dim + r % dim;
      rows.set(data.subarray(from * row, (from + 1) * row), r * row);
    }
    return { shape: [width, ...shape.slice(1, 2)], data: rows };
  });
}
