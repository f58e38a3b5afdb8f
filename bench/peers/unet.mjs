/**
 * The U-Net of Ho et al. 2020 (diffusers' UNet2DModel) over a library's own operations, channels last.
 *
 * ops: conv(x, w, b, stride, [top, bottom, left, right]), linear(x, w, b), groupNorm(x, gamma, beta, groups, eps), silu(x),
 * add(a, b), perImage(x [N,H,W,C], t [N,C]), concat(a, b), upsample(x), tokens(x) [N,H,W,C] -> [N,HW,C], image(tokens, like),
 * attention(q, k, v, heads), constant(values, shape).
 */

/** Sines and cosines of the timesteps: [N, width]. */
export function timeFeatures(config, timesteps) {
  const width = config.block_out_channels[0], half = width / 2;
  const values = new Float32Array(timesteps.length * width);
  timesteps.forEach((t, n) => {
    for (let i = 0; i < half; i++) {
      const angle = t * Math.exp((-Math.log(10000) * i) / (half - config.freq_shift));
      const [first, second] = config.flip_sin_to_cos ? [Math.cos(angle), Math.sin(angle)] : [Math.sin(angle), Math.cos(angle)];
      values[n * width + i] = first;
      values[n * width + half + i] = second;
    }
  });
  return values;
}

/** epsTheta(x, t): `p` gives a parameter by its name, `features` are timeFeatures as a tensor. */
export function unet(ops, config, p, x, features) {
  const { norm_num_groups: groups, norm_eps: eps, layers_per_block: layers } = config;
  const SAME = [1, 1, 1, 1], downPad = config.downsample_padding ? SAME : [0, 1, 0, 1];
  const conv = (name, v, stride = 1, pad = SAME) => ops.conv(v, p(`${name}.weight`), p(`${name}.bias`), stride, pad);
  const linear = (name, v) => ops.linear(v, p(`${name}.weight`), p(`${name}.bias`));
  const norm = (name, v) => ops.groupNorm(v, p(`${name}.weight`), p(`${name}.bias`), groups, eps);
  const temb = linear("time_embedding.linear_2", ops.silu(linear("time_embedding.linear_1", features)));

  const resnet = (name, v) => {
    let h = conv(`${name}.conv1`, ops.silu(norm(`${name}.norm1`, v)));
    h = ops.perImage(h, linear(`${name}.time_emb_proj`, ops.silu(temb)));
    h = conv(`${name}.conv2`, ops.silu(norm(`${name}.norm2`, h)));
    return ops.add(h, p(`${name}.conv_shortcut.weight`) ? conv(`${name}.conv_shortcut`, v, 1, [0, 0, 0, 0]) : v);
  };
  const attention = (name, v) => {
    const a = ops.tokens(norm(`${name}.group_norm`, v));
    const [q, k, w] = ["to_q", "to_k", "to_v"].map((part) => linear(`${name}.${part}`, a));
    const channels = p(`${name}.to_q.bias`).shape[0];
    const heads = config.attention_head_dim === null ? 1 : channels / config.attention_head_dim;
    return ops.add(v, ops.image(linear(`${name}.to_out.0`, ops.attention(q, k, w, heads)), v));
  };
  const step = (block, i, type, v) => {
    const h = resnet(`${block}.resnets.${i}`, v);
    return type.startsWith("Attn") ? attention(`${block}.attentions.${i}`, h) : h;
  };

  let h = conv("conv_in", x);
  const skips = [h], last = config.block_out_channels.length - 1;
  config.down_block_types.forEach((type, b) => {
    for (let i = 0; i < layers; i++) skips.push(h = step(`down_blocks.${b}`, i, type, h));
    if (b < last) skips.push(h = conv(`down_blocks.${b}.downsamplers.0.conv`, h, 2, downPad));
  });
  h = resnet("mid_block.resnets.1", attention("mid_block.attentions.0", resnet("mid_block.resnets.0", h)));
  config.up_block_types.forEach((type, b) => {
    for (let i = 0; i <= layers; i++) h = step(`up_blocks.${b}`, i, type, ops.concat(h, skips.pop()));
    if (b < last) h = conv(`up_blocks.${b}.upsamplers.0.conv`, ops.upsample(h));
  });
  return conv("conv_out", ops.silu(norm("conv_norm_out", h)));
}
