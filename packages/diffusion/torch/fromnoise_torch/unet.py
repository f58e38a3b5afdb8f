"""The U-Net of Ho et al. 2020 in plain layers, with the parameter names of diffusers' UNet2DModel: packages/nn/src/networks/unet."""
import math
import torch
import torch.nn.functional as F
from torch import nn
from . import one_of

#: Fields of which only some values are here, with those.
ALLOWED = {
    "center_input_sample": [False], "time_embedding_type": ["positional"], "mid_block_type": ["UNetMidBlock2D"], "mid_block_scale_factor": [1],
    "dropout": [0], "act_fn": ["silu"], "class_embed_type": [None], "downsample_type": ["conv"], "upsample_type": ["conv"],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["UpBlock2D", "AttnUpBlock2D"], "_patch_size": [1],
}

def _conv(cin, cout, **options):
    return nn.Conv2d(cin, cout, 3, **{"padding": 1, **options})

class ResBlock(nn.Module):
    def __init__(self, cin, cout, temb, cfg):
        super().__init__()
        norm = lambda channels: nn.GroupNorm(cfg["norm_num_groups"], channels, eps=cfg["norm_eps"])
        self.scale_shift = cfg["resnet_time_scale_shift"] == "scale_shift"
        self.time_emb_proj = nn.Linear(temb, 2 * cout if self.scale_shift else cout)
        self.norm1, self.conv1, self.norm2, self.conv2 = norm(cin), _conv(cin, cout), norm(cout), _conv(cout, cout)
        if cin != cout:
            self.conv_shortcut = nn.Conv2d(cin, cout, 1)

    def forward(self, x, temb):
        h, t = self.conv1(F.silu(self.norm1(x))), self.time_emb_proj(F.silu(temb))[:, :, None, None]
        c = h.shape[1]
        h = self.norm2(h) * (1 + t[:, :c]) + t[:, c:] if self.scale_shift else self.norm2(h + t)
        return self.conv2(F.silu(h)) + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)

class Attention(nn.Module):
    def __init__(self, channels, groups, cfg):
        super().__init__()
        self.heads = cfg.get("_num_heads") or channels // (cfg["attention_head_dim"] or channels)
        self.group_norm = nn.Identity() if groups is None else nn.GroupNorm(groups, channels, eps=cfg["norm_eps"])
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):
        n, c, h, w = x.shape
        a = self.group_norm(x).reshape(n, c, h * w).transpose(1, 2)
        q, k, v = (f(a).reshape(n, h * w, self.heads, -1).transpose(1, 2) for f in (self.to_q, self.to_k, self.to_v))
        y = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]), dim=-1) @ v
        return x + self.to_out[0](y.transpose(1, 2).reshape(n, h * w, c)).transpose(1, 2).reshape(n, c, h, w)

class Block(nn.Module):
    """A row of ResBlocks, with attention after the first `attending` of them, and what halves or doubles the sides."""

    def __init__(self, ins, cout, temb, attending, groups, cfg, down=False, up=False):
        super().__init__()
        if attending:
            self.attentions = nn.ModuleList([Attention(cout, groups, cfg) for _ in range(attending)])
        self.resnets = nn.ModuleList([ResBlock(cin, cout, temb, cfg) for cin in ins])
        if down:
            self.pad = (0, 1, 0, 1) if cfg["downsample_padding"] == 0 else (1, 1, 1, 1)
            self.downsamplers = nn.ModuleList([nn.ModuleDict({"conv": _conv(cout, cout, stride=2, padding=0)})])
        if up:
            self.upsamplers = nn.ModuleList([nn.ModuleDict({"conv": _conv(cout, cout)})])

    def step(self, i, x, temb):
        x, attentions = self.resnets[i](x, temb), getattr(self, "attentions", [])
        return attentions[i](x) if i < len(attentions) else x

class UNet(nn.Module):
    """The network that a checkpoint's `model.network` describes; `heads` values are said for each one. Refuses what is not here."""

    def __init__(self, spec, heads):
        super().__init__()
        one_of("model.kind", spec["kind"], ["unet"])
        cfg = spec["config"]
        for field, allowed in ALLOWED.items():
            for value in given if isinstance(given := cfg.get(field, allowed[0]), list) else [given]:
                one_of(f"model.{field}", value, allowed)
        one_of("model.out_channels", cfg["out_channels"], [heads * cfg["in_channels"]])
        self.cfg, widths, layers, groups = cfg, cfg["block_out_channels"], cfg["layers_per_block"], cfg["norm_num_groups"]
        last, temb = len(widths) - 1, cfg["time_embedding_dim"] or 4 * widths[0]
        attending = lambda types, i, count: count if types[i].startswith("Attn") else 0
        self.conv_in = _conv(cfg["in_channels"], widths[0])
        self.time_embedding = nn.ModuleDict({"linear_1": nn.Linear(widths[0], temb), "linear_2": nn.Linear(temb, temb)})
        if cfg["num_class_embeds"] is not None:
            self.class_embedding = nn.Embedding(cfg["num_class_embeds"], temb)
        self.down_blocks, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        for i, width in enumerate(widths):
            ins = [widths[max(i - 1, 0)]] + [width] * (layers - 1)
            self.down_blocks.append(Block(ins, width, temb, attending(cfg["down_block_types"], i, layers), groups, cfg, down=i < last))
        for i, width in enumerate(reversed(widths)):
            before, above = widths[min(last, last - i + 1)], widths[max(0, last - i - 1)]
            ins = [(before if j == 0 else width) + (above if j == layers else width) for j in range(layers + 1)]
            self.up_blocks.append(Block(ins, width, temb, attending(cfg["up_block_types"], i, layers + 1), groups, cfg, up=i < last))
        mid_groups = cfg["attn_norm_num_groups"] or (groups if cfg["resnet_time_scale_shift"] == "default" else None)
        self.mid_block = Block([widths[-1]] * 2, widths[-1], temb, int(cfg["add_attention"]), mid_groups, cfg)
        self.conv_norm_out = nn.GroupNorm(groups, widths[0], eps=cfg["norm_eps"])
        self.conv_out = _conv(widths[0], cfg["out_channels"])

    def features(self, times):
        """Sinusoids of the times, f64 [N, width]."""
        width = self.cfg["block_out_channels"][0]
        frequencies = [math.exp(-math.log(10000) * i / (width // 2 - self.cfg["freq_shift"])) for i in range(width // 2)]
        angles = torch.tensor([[t * frequency for frequency in frequencies] for t in times], dtype=torch.float64)
        parts = [torch.sin(angles), torch.cos(angles)]
        return F.pad(torch.cat(parts[::-1] if self.cfg["flip_sin_to_cos"] else parts, dim=1), (0, width % 2))

    def forward(self, x, features, labels=None):
        temb = self.time_embedding["linear_2"](F.silu(self.time_embedding["linear_1"](features)))
        if labels is not None:
            temb = temb + self.class_embedding(labels)
        skips = [self.conv_in(x)]
        for block in self.down_blocks:
            for i in range(len(block.resnets)):
                skips.append(block.step(i, skips[-1], temb))
            for down in getattr(block, "downsamplers", []):
                skips.append(down["conv"](F.pad(skips[-1], block.pad)))
        h = self.mid_block.step(1, self.mid_block.step(0, skips[-1], temb), temb)
        for block in self.up_blocks:
            for i in range(len(block.resnets)):
                h = block.step(i, torch.cat([h, skips.pop()], dim=1), temb)
            for up in getattr(block, "upsamplers", []):
                h = up["conv"](F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.conv_norm_out(h)))

