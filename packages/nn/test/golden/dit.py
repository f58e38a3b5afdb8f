"""Writes dit_tiny.json: one forward and backward of a DiT in plain PyTorch, in f64. Run: python3 dit.py > dit_tiny.json

The network is written from Peebles and Xie 2023 with the names of the authors' state dict, and shares no code with this library:
patches by a convolution, places by numpy, attention by matrix products. GELU is the exact one, where the authors take its tanh
approximation.
"""
import json
import math
import numpy
import torch
from torch import nn

FILL = {"phase": 0.7, "step": 1.3, "chirp": 0.01}
CONFIG = {
    "sample_size": [8, 4], "channels": 2, "patch": 2, "width": 16, "depth": 2, "heads": 2, "mlpRatio": 4, "classes": 3, "nullClass": True,
    "outputs": None,
}


def fill(n, k, scale, base):
    """Element j = base + scale sin(phase (k + 1) + step j + chirp j j)."""
    j = numpy.arange(n, dtype=numpy.float64)
    return torch.from_numpy(base + scale * numpy.sin(FILL["phase"] * (k + 1) + FILL["step"] * j + FILL["chirp"] * j * j))


def places(height, width, dim):
    """[1, height width, dim]: sine and cosine of the column, then of the row."""
    def sinusoid(positions):
        omega = 1 / 10000 ** (numpy.arange(dim // 4) / (dim / 4))
        angles = numpy.outer(positions.reshape(-1), omega)
        return numpy.concatenate([numpy.sin(angles), numpy.cos(angles)], axis=1)
    columns, rows = numpy.meshgrid(numpy.arange(width, dtype=float), numpy.arange(height, dtype=float))
    return torch.from_numpy(numpy.concatenate([sinusoid(columns), sinusoid(rows)], axis=1)).unsqueeze(0)


def modulate(x, shift, scale):
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class PatchEmbed(nn.Module):
    def __init__(self, channels, patch, width):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, stride=patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class TimestepEmbedder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t):
        angles = t[:, None] * torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float64) / 128)[None]
        return self.mlp(torch.cat([torch.cos(angles), torch.sin(angles)], dim=1))


class LabelEmbedder(nn.Module):
    def __init__(self, rows, width):
        super().__init__()
        self.embedding_table = nn.Embedding(rows, width)

    def forward(self, labels):
        return self.embedding_table(labels)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, length, width))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads, ratio):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = Mlp(width, ratio * width)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN_modulation(c).chunk(6, dim=1)
        x = x + gate1.unsqueeze(1) * self.attn(modulate(self.norm1(x), shift1, scale1))
        return x + gate2.unsqueeze(1) * self.mlp(modulate(self.norm2(x), shift2, scale2))


class FinalLayer(nn.Module):
    def __init__(self, width, values):
        super().__init__()
        self.norm_final = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.linear = nn.Linear(width, values)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(self, x, c):
        shift, scale = self.adaLN_modulation(c).chunk(2, dim=1)
        return self.linear(modulate(self.norm_final(x), shift, scale))


class DiT(nn.Module):
    def __init__(self, sample_size, channels, patch, width, depth, heads, mlpRatio, classes, nullClass, outputs):
        super().__init__()
        self.patch, self.channels = patch, channels
        self.grid = [side // patch for side in sample_size]
        self.x_embedder = PatchEmbed(channels, patch, width)
        self.t_embedder = TimestepEmbedder(width)
        self.y_embedder = LabelEmbedder(classes + int(nullClass), width)
        self.blocks = nn.ModuleList([Block(width, heads, mlpRatio) for _ in range(depth)])
        self.final_layer = FinalLayer(width, patch * patch * (outputs or channels))
        self.pos_embed = places(*self.grid, width)

    def forward(self, x, t, labels):
        h = self.x_embedder(x) + self.pos_embed
        c = self.t_embedder(t) + self.y_embedder(labels)
        for block in self.blocks:
            h = block(h, c)
        h = self.final_layer(h, c)
        (rows, columns), p = self.grid, self.patch
        return torch.einsum("nhwpqc->nchpwq", h.reshape(len(x), rows, columns, p, p, -1)).reshape(len(x), -1, rows * p, columns * p)


network = DiT(**CONFIG).double()
with torch.no_grad():
    for k, p in enumerate(network.parameters()):
        p.copy_(fill(p.numel(), k, 0.1, 0).reshape(p.shape))
shape, times, labels = [2, CONFIG["channels"], *CONFIG["sample_size"]], [7, 612], [1, 3]
x = fill(math.prod(shape), 99, 1, 0).reshape(shape)
y = network(x, torch.tensor(times, dtype=torch.float64), torch.tensor(labels))
loss = ((y - fill(y.numel(), 77, 1, 0).reshape(y.shape)) ** 2).mean()
loss.backward()
number = lambda v: float(f"{v:.17g}")
print(json.dumps({
    "format": "fromnoise-golden-1", "kind": "dit", "fill": FILL, "config": CONFIG,
    "input": {"shape": shape, "fill_index": 99, "scale": 1}, "t": times, "labels": labels,
    "output": [number(v) for v in y.flatten().tolist()], "loss": number(loss.item()),
    "params": [{
        "name": name, "shape": list(p.shape), "grad_sum": number(p.grad.sum().item()), "grad_l2": number(p.grad.norm().item()),
        "grad_first": [number(v) for v in p.grad.flatten()[:4].tolist()],
    } for name, p in network.named_parameters()],
}))
