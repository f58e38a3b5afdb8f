"""Writes unet_tiny_{ncsnpp,resnet,vector,pyramid}.json: U-Nets of blocks that the other golden files have not, one forward and backward each,
in plain PyTorch and in f64. Run: python3 unet-blocks.py

The networks are written from the papers (Ho et al. 2020; Song et al. 2021, NCSN++; Karras et al. 2020, appendix B) with the names, channel
rules and group counts of diffusers' UNet2DModel, and share no code with this library: the filter (1, 3, 3, 1) is a sum of shifted images here.
"""
import json
import math
import pathlib
import numpy
import torch
from torch import nn
from torch.nn import functional as F

FILL = {"phase": 0.7, "step": 1.3, "chirp": 0.01}
ACTIVATIONS = {"silu": F.silu, "mish": F.mish, "gelu": F.gelu, "relu": F.relu}


def fill(n, k, scale, base):
    """Element j = base + scale sin(phase (k + 1) + step j + chirp j j)."""
    j = numpy.arange(n, dtype=numpy.float64)
    return torch.from_numpy(base + scale * numpy.sin(FILL["phase"] * (k + 1) + FILL["step"] * j + FILL["chirp"] * j * j))


def filtered(x):
    """(1, 3, 3, 1) / 8 along both axes, result p from the pixels p - 1, p, p + 1, p + 2, with zeros around."""
    for axis in (2, 3):
        n = x.shape[axis]
        wide = F.pad(x, (0, 0, 1, 2) if axis == 2 else (1, 2, 0, 0))
        x = sum(w / 8 * wide.narrow(axis, i, n) for i, w in enumerate([1, 3, 3, 1]))
    return x


def fir_halve(x):
    return filtered(x)[:, :, ::2, ::2]


def fir_double(x):
    """Zeros after every pixel, then the filter two pixels back, with four times the weight."""
    n, c, h, w = x.shape
    wide = torch.zeros(n, c, 2 * h + 2, 2 * w + 2, dtype=x.dtype)
    wide[:, :, 1:1 + 2 * h:2, 1:1 + 2 * w:2] = x
    return 4 * filtered(wide)[:, :, :2 * h, :2 * w]


class ResBlock(nn.Module):
    def __init__(self, cin, cout, c, groups, groups_out=None, sampling=None, shortcut=None, scale=1):
        super().__init__()
        self.shift = c["resnet_time_scale_shift"] == "scale_shift"
        self.f, self.sampling, self.scale = ACTIVATIONS[c["act_fn"]], sampling, scale
        self.norm1 = nn.GroupNorm(groups, cin, eps=c["norm_eps"])
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.time_emb_proj = nn.Linear(4 * c["block_out_channels"][0], cout * (2 if self.shift else 1))
        self.norm2 = nn.GroupNorm(groups_out or groups, cout, eps=c["norm_eps"])
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        if shortcut if shortcut is not None else cin != cout:
            self.conv_shortcut = nn.Conv2d(cin, cout, 1)

    def forward(self, x, temb):
        sampling = self.sampling or (lambda image: image)
        h = self.conv1(sampling(self.f(self.norm1(x))))
        t = self.time_emb_proj(self.f(temb))[:, :, None, None]
        if self.shift:
            scale, shift = t.chunk(2, dim=1)
            h = self.norm2(h) * (1 + scale) + shift
        else:
            h = self.norm2(h + t)
        x = sampling(x)
        return ((self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x) + self.conv2(self.f(h))) / self.scale


class Attention(nn.Module):
    def __init__(self, width, c, groups, scale=1):
        super().__init__()
        self.heads, self.scale = width // (c["attention_head_dim"] or width), scale
        if groups is not None:
            self.group_norm = nn.GroupNorm(groups, width, eps=c["norm_eps"])
        self.to_q, self.to_k, self.to_v = [nn.Linear(width, width) for _ in range(3)]
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x):
        n, width, h, w = x.shape
        pixels = (self.group_norm(x) if hasattr(self, "group_norm") else x).flatten(2).transpose(1, 2)
        q, k, v = [m(pixels).reshape(n, h * w, self.heads, -1).transpose(1, 2) for m in (self.to_q, self.to_k, self.to_v)]
        y = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(dim=-1) @ v
        y = self.to_out[0](y.transpose(1, 2).reshape(n, h * w, width)).transpose(1, 2).reshape(x.shape)
        return (x + y) / self.scale


class Convolved(nn.Module):
    """A step to half or twice the sides by a convolution."""
    def __init__(self, width, up):
        super().__init__()
        self.up, self.conv = up, nn.Conv2d(width, width, 3, stride=1 if up else 2, padding=1)

    def forward(self, x, temb):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest") if self.up else x)


def quarter(channels):
    return min(channels // 4, 32)


class Block(nn.Module):
    """A level: `pairs` are the channels that its ResBlocks read, as (from below or above, beside)."""
    def __init__(self, kind, c, pairs, width, up, last):
        super().__init__()
        self.skip, self.up, self.last = "Skip" in kind, up, last
        attends = kind.startswith("Attn")
        scale = math.sqrt(2) if self.skip else 1
        groups = c["norm_num_groups"]
        attentions = (1 if up and self.skip else len(pairs)) if attends else 0
        if attends:
            self.attentions = nn.ModuleList([Attention(width, c, 32 if self.skip else groups, scale) for _ in range(attentions)])
        self.resnets = nn.ModuleList()
        for before, beside in pairs:
            if self.skip:
                odd = up and attends
                groups = min(before + beside // 4, 32) if odd else quarter(before + beside)
            self.resnets.append(ResBlock(before + beside, width, c, groups, quarter(width) if self.skip else None, scale=scale))
        if self.skip and not last:
            step = ResBlock(width, width, c, quarter(width), sampling=fir_double if up else fir_halve, shortcut=True, scale=scale)
            setattr(self, "resnet_up" if up else "resnet_down", step)
            if up:
                self.skip_conv = nn.Conv2d(width, 3, 3, padding=1)
                self.skip_norm = nn.GroupNorm(quarter(width), width, eps=c["norm_eps"])
            else:
                self.skip_conv = nn.Conv2d(3, width, 1)
        elif not last:
            resnet = kind.startswith("Resnet") or (attends and c["upsample_type" if up else "downsample_type"] == "resnet")
            plain = (lambda x: F.interpolate(x, scale_factor=2, mode="nearest")) if up else (lambda x: F.avg_pool2d(x, 2))
            step = ResBlock(width, width, c, groups, sampling=plain) if resnet else Convolved(width, up)
            setattr(self, "upsamplers" if up else "downsamplers", nn.ModuleList([step]))

    def attend(self, h, j):
        return self.attentions[j](h) if hasattr(self, "attentions") and j < len(self.attentions) else h

    def down(self, h, temb, image):
        outputs = []
        for j, resnet in enumerate(self.resnets):
            h = self.attend(resnet(h, temb), j)
            outputs.append(h)
        if self.last:
            return outputs, image
        if self.skip:
            image = fir_halve(image)
            outputs.append(self.resnet_down(h, temb) + self.skip_conv(image))
        else:
            outputs.append(self.downsamplers[0](h, temb))
        return outputs, image

    def rise(self, h, temb, skips, image):
        for j, resnet in enumerate(self.resnets):
            h = resnet(torch.cat([h, skips.pop()], dim=1), temb)
            if not self.skip:
                h = self.attend(h, j)
        if not self.skip:
            return (h if self.last else self.upsamplers[0](h, temb)), None
        h = self.attend(h, 0)
        image = None if image is None else fir_double(image)
        if self.last:
            return h, image
        made = self.skip_conv(F.silu(self.skip_norm(h)))
        return self.resnet_up(h, temb), made if image is None else image + made


class Mid(nn.Module):
    def __init__(self, c, width):
        super().__init__()
        groups, scale = c["norm_num_groups"] or quarter(width), c["mid_block_scale_factor"]
        self.attentions = nn.ModuleList([Attention(width, c, None if c["resnet_time_scale_shift"] == "scale_shift" else groups, scale)])
        self.resnets = nn.ModuleList([ResBlock(width, width, c, groups, scale=scale) for _ in range(2)])

    def forward(self, h, temb):
        return self.resnets[1](self.attentions[0](self.resnets[0](h, temb)), temb)


class Mlp(nn.Module):
    def __init__(self, cin, width):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(cin, width), nn.Linear(width, width)

    def forward(self, x):
        return self.linear_2(F.silu(self.linear_1(x)))


class Frequencies(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width), requires_grad=False)


class UNet(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, widths, layers = c, c["block_out_channels"], c["layers_per_block"]
        first, kind = widths[0], c["time_embedding_type"]
        self.conv_in = nn.Conv2d(c["in_channels"], first, 3, padding=1)
        if kind == "fourier":
            self.time_proj = Frequencies(first)
        if kind == "learned":
            self.time_proj = nn.Embedding(c["num_train_timesteps"], first)
        features = 2 * first if kind == "fourier" else first
        self.time_embedding = Mlp(features, 4 * first)
        if c["class_embed_type"] == "timestep":
            self.class_embedding = Mlp(features, 4 * first)
        self.down_blocks = nn.ModuleList()
        for i, width in enumerate(widths):
            pairs = [(widths[max(i - 1, 0)] if j == 0 else width, 0) for j in range(layers)]
            self.down_blocks.append(Block(c["down_block_types"][i], c, pairs, width, False, i == len(widths) - 1))
        self.up_blocks = nn.ModuleList()
        back = widths[::-1]
        for i, width in enumerate(back):
            pairs = [(back[max(i - 1, 0)] if j == 0 else width, back[min(i + 1, len(back) - 1)] if j == layers else width) for j in range(layers + 1)]
            self.up_blocks.append(Block(c["up_block_types"][i], c, pairs, width, True, i == len(widths) - 1))
        if c["mid_block_type"] is not None:
            self.mid_block = Mid(c, widths[-1])
        self.conv_norm_out = nn.GroupNorm(c["norm_num_groups"] or quarter(first), first, eps=c["norm_eps"])
        self.conv_out = nn.Conv2d(first, c["out_channels"], 3, padding=1)

    def features(self, t):
        kind, width = self.c["time_embedding_type"], self.c["block_out_channels"][0]
        if kind == "learned":
            return self.time_proj(t.long())
        if kind == "fourier":
            angles = torch.log(t)[:, None] * self.time_proj.weight[None] * 2 * math.pi
            return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
        half = width // 2
        angles = t[:, None] * torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float64) / (half - self.c["freq_shift"]))[None]
        return torch.cat([torch.cos(angles), torch.sin(angles)] if self.c["flip_sin_to_cos"] else [torch.sin(angles), torch.cos(angles)], dim=1)

    def forward(self, x, t, labels, embedding):
        if self.c["center_input_sample"]:
            x = 2 * x - 1
        temb = self.time_embedding(self.features(t))
        if labels is not None:
            temb = temb + self.class_embedding(self.features(labels))
        if embedding is not None:
            temb = temb + embedding
        image, h = x, self.conv_in(x)
        skips = [h]
        for block in self.down_blocks:
            outputs, image = block.down(h, temb, image)
            skips += outputs
            h = outputs[-1]
        if hasattr(self, "mid_block"):
            h = self.mid_block(h, temb)
        image = None
        for block in self.up_blocks:
            h, image = block.rise(h, temb, skips, image)
        y = self.conv_out(F.silu(self.conv_norm_out(h)))
        if image is not None:
            y = y + image
        return y / t[:, None, None, None] if self.c["time_embedding_type"] == "fourier" else y


COMMON = {
    "sample_size": None, "center_input_sample": False, "time_embedding_type": "positional", "freq_shift": 0, "flip_sin_to_cos": True,
    "mid_block_type": "UNetMidBlock2D", "layers_per_block": 1, "mid_block_scale_factor": 1, "downsample_padding": 1, "downsample_type": "conv",
    "upsample_type": "conv", "act_fn": "silu", "attention_head_dim": None, "norm_num_groups": 4, "norm_eps": 1e-5,
    "resnet_time_scale_shift": "default", "class_embed_type": None, "num_train_timesteps": None,
}
NETWORKS = {
    "ncsnpp": (dict(
        in_channels=3, out_channels=3, block_out_channels=[32, 32, 32], norm_num_groups=None, time_embedding_type="fourier",
        mid_block_scale_factor=math.sqrt(2), norm_eps=1e-6, down_block_types=["SkipDownBlock2D", "AttnSkipDownBlock2D", "SkipDownBlock2D"],
        up_block_types=["SkipUpBlock2D", "AttnSkipUpBlock2D", "SkipUpBlock2D"],
    ), dict(sides=[8, 4], t=[0.3, 12.5])),
    "resnet": (dict(
        in_channels=2, out_channels=2, block_out_channels=[8, 16, 16], time_embedding_type="learned", num_train_timesteps=50, act_fn="mish",
        class_embed_type="timestep", center_input_sample=True, resnet_time_scale_shift="scale_shift", downsample_type="resnet",
        attention_head_dim=8, down_block_types=["ResnetDownsampleBlock2D", "AttnDownBlock2D", "DownBlock2D"],
        up_block_types=["ResnetUpsampleBlock2D", "AttnUpBlock2D", "UpBlock2D"],
    ), dict(sides=[4, 8], t=[7, 49], labels=[3, 7])),
    "vector": (dict(
        in_channels=1, out_channels=2, block_out_channels=[8, 8], class_embed_type="identity", act_fn="gelu", mid_block_type=None, freq_shift=0.5,
        flip_sin_to_cos=False, down_block_types=["ResnetDownsampleBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "ResnetUpsampleBlock2D"],
    ), dict(sides=[4, 4], t=[1.5, 800], embedding={"fill_index": 55, "scale": 0.5})),
    "pyramid": (dict(
        in_channels=3, out_channels=3, block_out_channels=[8, 16], act_fn="relu", layers_per_block=2, center_input_sample=True,
        down_block_types=["SkipDownBlock2D", "SkipDownBlock2D"], up_block_types=["UpBlock2D", "UpBlock2D"],
    ), dict(sides=[4, 4], t=[0, 300])),
}

number = lambda v: float(f"{v:.17g}")
for name, (changes, given) in NETWORKS.items():
    config = {**COMMON, **changes}
    network = UNet(config).double()
    with torch.no_grad():
        for k, (key, p) in enumerate(network.named_parameters()):
            base = 1 if "norm" in key and key.endswith(".weight") else 0
            p.copy_(fill(p.numel(), k, 0.1, base).reshape(p.shape))
    times, labels, embedding = given["t"], given.get("labels"), given.get("embedding")
    shape = [len(times), config["in_channels"], *given["sides"]]
    vector = None
    if embedding is not None:
        width = 4 * config["block_out_channels"][0]
        vector = fill(len(times) * width, embedding["fill_index"], embedding["scale"], 0).reshape(len(times), width)
    x = fill(math.prod(shape), 99, 1, 0).reshape(shape)
    y = network(x, torch.tensor(times, dtype=torch.float64), None if labels is None else torch.tensor(labels), vector)
    loss = ((y - fill(y.numel(), 77, 1, 0).reshape(y.shape)) ** 2).mean()
    loss.backward()
    assert torch.isfinite(y).all() and all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())
    gradients = {key: torch.zeros_like(p) if p.grad is None else p.grad for key, p in network.named_parameters()}
    path = pathlib.Path(__file__).with_name(f"unet_tiny_{name}.json")
    path.write_text(json.dumps({
        "format": "fromnoise-golden-1", "kind": "unet", "fill": FILL, "config": config,
        "input": {"shape": shape, "fill_index": 99, "scale": 1}, "t": times,
        **({} if labels is None else {"labels": labels}), **({} if embedding is None else {"embedding": embedding}),
        "output": [number(v) for v in y.flatten().tolist()], "loss": number(loss.item()),
        "params": [{
            "name": key, "shape": list(g.shape), "grad_sum": number(g.sum().item()), "grad_l2": number(g.norm().item()),
            "grad_first": [number(v) for v in g.flatten()[:4].tolist()],
        } for key, g in gradients.items()],
    }) + "\n")
