"""The U-Net of Ho et al. 2020 in plain torch layers, with the parameter names and order of diffusers' UNet2DModel."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class TimeEmbedding(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.linear_1 = nn.Linear(width, hidden)
        self.linear_2 = nn.Linear(hidden, hidden)

    def forward(self, x):
        return self.linear_2(F.silu(self.linear_1(x)))


class ResBlock(nn.Module):
    def __init__(self, cin, cout, temb, groups, eps):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, cin, eps=eps)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.time_emb_proj = nn.Linear(temb, cout)
        self.norm2 = nn.GroupNorm(groups, cout, eps=eps)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        if cin != cout:
            self.conv_shortcut = nn.Conv2d(cin, cout, 1)

    def forward(self, x, temb):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time_emb_proj(F.silu(temb))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class Attention(nn.Module):
    def __init__(self, channels, head_dim, groups, eps):
        super().__init__()
        self.heads = 1 if head_dim is None else channels // head_dim
        self.group_norm = nn.GroupNorm(groups, channels, eps=eps)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):
        n, c, h, w = x.shape
        a = self.group_norm(x).reshape(n, c, h * w).transpose(1, 2)
        q, k, v = (f(a).reshape(n, h * w, self.heads, -1).transpose(1, 2) for f in (self.to_q, self.to_k, self.to_v))
        weights = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]), dim=-1)
        y = (weights @ v).transpose(1, 2).reshape(n, h * w, c)
        return x + self.to_out[0](y).transpose(1, 2).reshape(n, c, h, w)


class Sampler(nn.Module):
    """downsamplers.0.conv and upsamplers.0.conv."""

    def __init__(self, channels, stride, padding):
        super().__init__()
        self.stride, self.padding = stride, padding
        self.conv = nn.Conv2d(channels, channels, 3, stride=stride, padding=padding)

    def forward(self, x):
        if self.stride == 1:
            return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.conv(x if self.padding else F.pad(x, (0, 1, 0, 1)))


class Block(nn.Module):
    """A down block (skips None) or an up block, which reads a skip before each resnet."""

    def __init__(self, widths, cout, temb, attention, sampler, cfg):
        super().__init__()
        groups, eps = cfg["norm_num_groups"], cfg["norm_eps"]
        if attention:
            self.attentions = nn.ModuleList([Attention(cout, cfg["attention_head_dim"], groups, eps) for _ in widths])
        self.resnets = nn.ModuleList([ResBlock(cin, cout, temb, groups, eps) for cin in widths])
        if sampler == "down":
            self.downsamplers = nn.ModuleList([Sampler(cout, 2, cfg["downsample_padding"])])
        if sampler == "up":
            self.upsamplers = nn.ModuleList([Sampler(cout, 1, 1)])

    def step(self, i, x, temb):
        x = self.resnets[i](x, temb)
        return self.attentions[i](x) if hasattr(self, "attentions") else x


class Mid(nn.Module):
    def __init__(self, channels, temb, cfg):
        super().__init__()
        groups, eps = cfg["norm_num_groups"], cfg["norm_eps"]
        self.attentions = nn.ModuleList([Attention(channels, cfg["attention_head_dim"], groups, eps)])
        self.resnets = nn.ModuleList([ResBlock(channels, channels, temb, groups, eps) for _ in range(2)])


class UNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        widths, layers = cfg["block_out_channels"], cfg["layers_per_block"]
        temb, last = 4 * widths[0], len(widths) - 1
        self.conv_in = nn.Conv2d(cfg["in_channels"], widths[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(widths[0], temb)
        self.down_blocks = nn.ModuleList()
        self.up_blocks = nn.ModuleList()
        cin = widths[0]
        for i, width in enumerate(widths):
            attention = cfg["down_block_types"][i].startswith("Attn")
            self.down_blocks.append(Block([cin] + [width] * (layers - 1), width, temb, attention, "down" if i < last else None, cfg))
            cin = width
        for i in range(len(widths)):
            width, previous = widths[last - i], widths[min(last, last - i + 1)]
            below = widths[max(0, last - i - 1)]
            ins = [(previous if j == 0 else width) + (below if j == layers else width) for j in range(layers + 1)]
            attention = cfg["up_block_types"][i].startswith("Attn")
            self.up_blocks.append(Block(ins, width, temb, attention, "up" if i < last else None, cfg))
        self.mid_block = Mid(widths[-1], temb, cfg)
        self.conv_norm_out = nn.GroupNorm(cfg["norm_num_groups"], widths[0], eps=cfg["norm_eps"])
        self.conv_out = nn.Conv2d(widths[0], cfg["out_channels"], 3, padding=1)

    def embed(self, t):
        half = self.cfg["block_out_channels"][0] // 2
        steps = torch.arange(half, dtype=torch.get_default_dtype(), device=t.device)
        freqs = torch.exp(-math.log(10000) * steps / (half - self.cfg["freq_shift"]))
        angles = t.to(freqs.dtype)[:, None] * freqs
        parts = [torch.cos(angles), torch.sin(angles)] if self.cfg["flip_sin_to_cos"] else [torch.sin(angles), torch.cos(angles)]
        return self.time_embedding(torch.cat(parts, dim=1))

    def forward(self, x, t):
        temb = self.embed(t)
        h = self.conv_in(x)
        skips = [h]
        for block in self.down_blocks:
            for i in range(len(block.resnets)):
                h = block.step(i, h, temb)
                skips.append(h)
            if hasattr(block, "downsamplers"):
                h = block.downsamplers[0](h)
                skips.append(h)
        h = self.mid_block.resnets[0](h, temb)
        h = self.mid_block.resnets[1](self.mid_block.attentions[0](h), temb)
        for block in self.up_blocks:
            for i in range(len(block.resnets)):
                h = block.step(i, torch.cat([h, skips.pop()], dim=1), temb)
            if hasattr(block, "upsamplers"):
                h = block.upsamplers[0](h)
        return self.conv_out(F.silu(self.conv_norm_out(h)))


def fill(shape, k, scale, base, coefficients):
    """base + scale sin(phase (k + 1) + step j + chirp j j): the closed form of the golden files."""
    n = math.prod(shape)
    j = torch.arange(n, dtype=torch.float64)
    c = coefficients
    return (base + scale * torch.sin(((c["phase"] * (k + 1)) + (c["step"] * j)) + ((c["chirp"] * j) * j))).reshape(shape)


def load_fill(net, coefficients):
    with torch.no_grad():
        for k, (name, p) in enumerate(net.named_parameters()):
            base = 1.0 if "norm" in name and name.endswith(".weight") else 0.0
            p.copy_(fill(p.shape, k, 0.1, base, coefficients))
