"""The U-Net of Ho et al. 2020 in plain layers, with the parameter names of diffusers' UNet2DModel: packages/nn/src/networks/unet."""
import math
import torch
import torch.nn.functional as F
from torch import nn
from . import one_of, refuse
from .numbers import cos_sin, f64

#: Fields of which only some values are here, with those.
ALLOWED = {
    "center_input_sample": [False], "time_embedding_type": ["positional"], "mid_block_type": ["UNetMidBlock2D"], "mid_block_scale_factor": [1],
    "dropout": [0], "act_fn": ["silu"], "class_embed_type": [None], "downsample_type": ["conv"], "upsample_type": ["conv"],
}

class ResBlock(nn.Module):
    def __init__(self, cin, cout, temb, cfg):
        super().__init__()
        groups, eps = cfg["norm_num_groups"], cfg["norm_eps"]
        self.scale_shift = cfg["resnet_time_scale_shift"] == "scale_shift"
        self.norm1, self.conv1 = nn.GroupNorm(groups, cin, eps=eps), nn.Conv2d(cin, cout, 3, padding=1)
        self.time_emb_proj = nn.Linear(temb, 2 * cout if self.scale_shift else cout)
        self.norm2, self.conv2 = nn.GroupNorm(groups, cout, eps=eps), nn.Conv2d(cout, cout, 3, padding=1)
        if cin != cout:
            self.conv_shortcut = nn.Conv2d(cin, cout, 1)

    def forward(self, x, temb):
        h = self.conv1(F.silu(self.norm1(x)))
        t = self.time_emb_proj(F.silu(temb))[:, :, None, None]
        if self.scale_shift:
            scale, shift = t.chunk(2, dim=1)
            h = self.norm2(h) * (1 + scale) + shift
        else:
            h = self.norm2(h + t)
        return self.conv2(F.silu(h)) + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)

class Attention(nn.Module):
    def __init__(self, channels, groups, cfg):
        super().__init__()
        head_dim = cfg["attention_head_dim"] or channels
        self.heads = cfg.get("_num_heads") or channels // head_dim
        self.group_norm = nn.Identity() if groups is None else nn.GroupNorm(groups, channels, eps=cfg["norm_eps"])
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):
        n, c, h, w = x.shape
        a = self.group_norm(x).reshape(n, c, h * w).transpose(1, 2)
        q, k, v = (f(a).reshape(n, h * w, self.heads, -1).transpose(1, 2) for f in (self.to_q, self.to_k, self.to_v))
        y = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]), dim=-1) @ v
        return x + self.to_out[0](y.transpose(1, 2).reshape(n, h * w, c)).transpose(1, 2).reshape(n, c, h, w)

class Resample(nn.Module):
    """downsamplers.0 with stride 2, upsamplers.0 with stride 1."""

    def __init__(self, channels, stride, padding):
        super().__init__()
        self.padding, self.conv = padding, nn.Conv2d(channels, channels, 3, stride=stride, padding=padding)

    def forward(self, x):
        if self.conv.stride == (1, 1):
            return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.conv(x if self.padding else F.pad(x, (0, 1, 0, 1)))

class Block(nn.Module):
    """A row of ResBlocks, with attention after the first `attending` of them."""

    def __init__(self, widths, cout, temb, attending, groups, cfg):
        super().__init__()
        if attending:
            self.attentions = nn.ModuleList([Attention(cout, groups, cfg) for _ in range(attending)])
        self.resnets = nn.ModuleList([ResBlock(cin, cout, temb, cfg) for cin in widths])

    def step(self, i, x, temb):
        x, attentions = self.resnets[i](x, temb), getattr(self, "attentions", [])
        return attentions[i](x) if i < len(attentions) else x

class UNet(nn.Module):
    """`cfg` is the whole config of the network as a checkpoint has it. Refuses fields and blocks that are not here."""

    def __init__(self, cfg):
        super().__init__()
        for field, values in ALLOWED.items():
            one_of(f"model.{field}", cfg[field], values)
        for field, name in (("down_block_types", "DownBlock2D"), ("up_block_types", "UpBlock2D")):
            for kind in cfg[field]:
                one_of(f"model.{field}", kind, [name, f"Attn{name}"])
        self.cfg, widths, layers, groups = cfg, cfg["block_out_channels"], cfg["layers_per_block"], cfg["norm_num_groups"]
        last, temb = len(widths) - 1, cfg["time_embedding_dim"] or 4 * widths[0]
        self.conv_in = nn.Conv2d(cfg["in_channels"], widths[0], 3, padding=1)
        self.time_embedding = nn.ModuleDict({"linear_1": nn.Linear(widths[0], temb), "linear_2": nn.Linear(temb, temb)})
        if cfg["num_class_embeds"] is not None:
            self.class_embedding = nn.Embedding(cfg["num_class_embeds"], temb)
        self.down_blocks, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        for i, width in enumerate(widths):
            attending = layers if cfg["down_block_types"][i].startswith("Attn") else 0
            block = Block([widths[max(i - 1, 0)]] + [width] * (layers - 1), width, temb, attending, groups, cfg)
            if i < last:
                block.downsamplers = nn.ModuleList([Resample(width, 2, cfg["downsample_padding"])])
            self.down_blocks.append(block)
        for i in range(len(widths)):
            width, before, above = widths[last - i], widths[min(last, last - i + 1)], widths[max(0, last - i - 1)]
            attending = layers + 1 if cfg["up_block_types"][i].startswith("Attn") else 0
            ins = [(before if j == 0 else width) + (above if j == layers else width) for j in range(layers + 1)]
            block = Block(ins, width, temb, attending, groups, cfg)
            if i < last:
                block.upsamplers = nn.ModuleList([Resample(width, 1, 1)])
            self.up_blocks.append(block)
        mid_groups = cfg["attn_norm_num_groups"] or (groups if cfg["resnet_time_scale_shift"] == "default" else None)
        self.mid_block = Block([widths[-1]] * 2, widths[-1], temb, int(cfg["add_attention"]), mid_groups, cfg)
        self.conv_norm_out = nn.GroupNorm(groups, widths[0], eps=cfg["norm_eps"])
        self.conv_out = nn.Conv2d(widths[0], cfg["out_channels"], 3, padding=1)

    def features(self, times):
        """Sinusoids of the times, f64 [N, width]."""
        width = self.cfg["block_out_channels"][0]
        frequencies = [math.exp(-math.log(10000) * i / (width // 2 - self.cfg["freq_shift"])) for i in range(width // 2)]
        cos, sin = cos_sin(f64(times)[:, None] * f64(frequencies))
        return F.pad(torch.cat([cos, sin] if self.cfg["flip_sin_to_cos"] else [sin, cos], dim=1), (0, width % 2))

    def forward(self, x, features, labels=None):
        temb = self.time_embedding["linear_2"](F.silu(self.time_embedding["linear_1"](features)))
        if labels is not None:
            temb = temb + self.class_embedding(labels)
        skips = [self.conv_in(x)]
        for block in self.down_blocks:
            for i in range(len(block.resnets)):
                skips.append(block.step(i, skips[-1], temb))
            for down in getattr(block, "downsamplers", []):
                skips.append(down(skips[-1]))
        h = self.mid_block.step(1, self.mid_block.step(0, skips[-1], temb), temb)
        for block in self.up_blocks:
            for i in range(len(block.resnets)):
                h = block.step(i, torch.cat([h, skips.pop()], dim=1), temb)
            for up in getattr(block, "upsamplers", []):
                h = up(h)
        return self.conv_out(F.silu(self.conv_norm_out(h)))

def network_of(spec):
    """The network of a checkpoint's `model.network`."""
    one_of("model.kind", spec["kind"], ["unet"])
    cfg = spec["config"]
    if cfg["norm_num_groups"] is None:
        refuse("model.norm_num_groups", None, "a number")
    if cfg["out_channels"] != cfg["in_channels"]:
        refuse("model.out_channels", cfg["out_channels"], f"{cfg['in_channels']}: no variance is learned here")
    return UNet(cfg)
