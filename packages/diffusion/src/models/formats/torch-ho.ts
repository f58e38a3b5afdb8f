/**
 * The names of the paper's own network (hojonathanho/diffusion), as its weights were converted to PyTorch (pesser/pytorch_diffusion)
 * and as ermongroup/ddim and others train it: down.i.block.j, mid.block_1, up.i.block.j, attentions of 1x1 convolutions q, k, v, proj_out.
 */
import { ConfigError } from "@fromnoise/tensor";
import { unetConfig, type JsonObject } from "@fromnoise/nn";
import { asLinear, assumedOf, countIn, renamed, saidFields, shapeIn, type TorchLayout } from "./torch-layout.js";

/** What weights do not tell, under the names of those programs' configurations, with the paper's values for CIFAR10. */
const defaults = {
  beta_schedule: "linear", beta_start: 1e-4, beta_end: 0.02, num_diffusion_timesteps: 1000, model_var_type: "fixedlarge", dropout: 0, resolution: -1,
};
const { dropout: _dropout, resolution: _resolution, ...telling } = defaults;
const others = ["ch", "ch_mult", "in_channels", "out_ch", "num_res_blocks", "attn_resolutions", "resamp_with_conv"];
const schedules = { linear: "linear", quad: "quad", const: "const" } as const;
const variances = { fixedlarge: "fixed-large", fixedsmall: "fixed-small" } as const;

export const hoLayout: TorchLayout = {
  name: "the paper's network",
  fields: defaults,

  knows: (dict) => dict.has("temb.dense.0.weight") && dict.has("down.0.block.0.conv1.weight") && dict.has("mid.block_1.conv1.weight"),

  async model(weights, said) {
    const { dict, source } = weights;
    const fields = saidFields(hoLayout.name, said, defaults, others);
    const { beta_schedule: schedule, model_var_type: variance } = fields;
    for (const [name, value, allowed] of [["beta_schedule", schedule, schedules], ["model_var_type", variance, variances]] as const) {
      if (!Object.hasOwn(allowed, value)) throw new ConfigError(`--network: ${name}: ${JSON.stringify(value)} is not allowed`, [`allowed  ${Object.keys(allowed).join(", ")}`]);
    }
    const levels = countIn(dict, (i) => `down.${i}.block.0.conv1.weight`);
    const attends = Array.from({ length: levels }, (_, i) => dict.has(`down.${i}.attn.0.q.weight`));
    if (levels > 1 && !dict.has("down.0.downsample.conv.weight")) {
      // No stub: a refusal by name, docs/library/errors.md.
      throw new ConfigError(`${source}: a network that pools between its levels is not implemented`, ["allowed  resamp_with_conv true"]);
    }
    const config = unetConfig({
      sample_size: fields.resolution === -1 ? null : fields.resolution, in_channels: shapeIn(weights, "conv_in.weight")[1],
      out_channels: shapeIn(weights, "conv_out.weight")[0], layers_per_block: countIn(dict, (j) => `down.0.block.${j}.conv1.weight`),
      block_out_channels: attends.map((_, i) => shapeIn(weights, `down.${i}.block.0.conv1.weight`)[0]),
      down_block_types: attends.map((a) => (a ? "AttnDownBlock2D" : "DownBlock2D")),
      up_block_types: attends.map((a) => (a ? "AttnUpBlock2D" : "UpBlock2D")).reverse(),
      add_attention: dict.has("mid.attn_1.q.weight"), dropout: fields.dropout,
      attention_head_dim: null, downsample_padding: 0, flip_sin_to_cos: false, freq_shift: 1, norm_eps: 1e-6, norm_num_groups: 32,
    });
    return {
      network: { kind: "unet", config: config as unknown as JsonObject }, prediction: "eps", clipX0: true,
      process: {
        name: schedules[schedule as keyof typeof schedules], timesteps: fields.num_diffusion_timesteps, betaStart: fields.beta_start, betaEnd: fields.beta_end,
        zeroTerminalSnr: false, timeScale: 1, logSnrShift: 0, sigmaData: 0.5,
      },
      variance: variances[variance as keyof typeof variances], assumed: assumedOf(telling, said), wanted: () => true,
      convert: (tensors) => renamed(tensors, (name, entry) => {
        const current = nameOf(name, levels);
        return [[current, /\.(to_q|to_k|to_v|to_out\.0)\.weight$/.test(current) ? asLinear(entry) : entry]];
      }),
    };
  },
};

/** diffusers' name. Levels on the way up are counted from the full resolution in these files, from the lowest in diffusers. */
function nameOf(name: string, levels: number): string {
  return name
    .replace(/^temb\.dense\.(\d)\./, (_, i: string) => `time_embedding.linear_${Number(i) + 1}.`)
    .replace(/^down\.(\d+)\./, "down_blocks.$1.").replace(/^up\.(\d+)\./, (_, i: string) => `up_blocks.${levels - 1 - Number(i)}.`)
    .replace(/^mid\.block_([12])\./, (_, i: string) => `mid_block.resnets.${Number(i) - 1}.`).replace(/^mid\.attn_1\./, "mid_block.attentions.0.")
    .replace(/\.block\.(\d+)\./, ".resnets.$1.").replace(/\.attn\.(\d+)\./, ".attentions.$1.")
    .replace(/(\.attentions\.\d+)\.norm\./, "$1.group_norm.").replace(/(\.attentions\.\d+)\.([qkv])\./, "$1.to_$2.").replace(/\.proj_out\./, ".to_out.0.")
    .replace(/\.temb_proj\./, ".time_emb_proj.").replace(/\.nin_shortcut\./, ".conv_shortcut.")
    .replace(/\.(down|up)sample\.conv\./, ".$1samplers.0.conv.").replace(/^norm_out\./, "conv_norm_out.");
}
