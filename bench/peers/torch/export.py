"""Writes the forward pass of a bench as an ONNX graph for other runtimes: python3 export.py BENCH SHAPE(JSON) FILE."""
import json
import sys
import warnings

import torch
import torch.nn.functional as F
from torch import nn

from unet import UNet, fill, load_fill

FILL = {"phase": 0.7, "step": 1.3, "chirp": 0.01}


def closed_form(shape, k, scale=1.0, base=0.0):
    return fill(shape, k, scale, base, FILL).float()


class Graph(nn.Module):
    """A function of the inputs; constants are what the peer keeps as weights."""

    def __init__(self, function, **constants):
        super().__init__()
        self.function = function
        for name, value in constants.items():
            self.register_buffer(name, value)

    def forward(self, *inputs):
        return self.function(self, *inputs)


class Denoiser(nn.Module):
    """The U-Net at fixed timesteps."""

    def __init__(self, s):
        super().__init__()
        self.net = UNet(s["config"])
        load_fill(self.net, FILL)
        distinct = min(s["batch"], 2)
        self.register_buffer("t", torch.tensor([37 + 500 * (i % distinct) for i in range(s["batch"])]))

    def forward(self, x):
        return self.net(x, self.t)


def graph(bench, s):
    """The module, its example inputs and their names."""
    if bench == "matmul":
        return Graph(lambda m, a, b: a @ b), {"a": [s["m"], s["k"]], "b": [s["k"], s["n"]]}
    if bench == "conv2d-forward":
        w = closed_form([s["kh"], s["kw"], s["cin"], s["cout"]], 1, 0.1).permute(3, 2, 0, 1).contiguous()
        return Graph(lambda m, x: F.conv2d(x, m.w, None, s["stride"], s["pad"]), w=w), {"x": [s["n"], s["cin"], s["h"], s["w"]]}
    if bench == "groupnorm-silu-forward":
        norm = nn.GroupNorm(s["groups"], s["c"], eps=1e-5)
        norm.weight.data, norm.bias.data = closed_form([s["c"]], 1, 0.1, 1.0), closed_form([s["c"]], 2, 0.1)
        return nn.Sequential(norm, nn.SiLU()), {"x": [s["n"], s["c"], s["h"], s["w"]]}
    if bench == "softmax":
        return Graph(lambda m, x: torch.softmax(x, -1)), {"x": [s["rows"], s["n"]]}
    if bench == "attention":
        scale = s["d"] ** -0.5
        function = lambda m, q, k, v: torch.softmax(q @ k.transpose(1, 2) * scale, -1) @ v
        return Graph(function), {name: [s["batch"], s["length"], s["d"]] for name in "qkv"}
    if bench == "elementwise":
        return Graph(lambda m, a, b: a + b), {"a": [s["n"]], "b": [s["n"]]}
    if bench == "reduce":
        return Graph(lambda m, x: x.sum(1)), {"x": [s["rows"], s["n"]]}
    if bench == "unet-forward":
        side, channels = s["config"]["sample_size"], s["config"]["in_channels"]
        return Denoiser(s), {"x": [s["batch"], channels, side, side]}
    raise SystemExit(f"ONNX Runtime runs forward passes; it has no {bench}")


def main():
    bench, shape, path = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    module, inputs = graph(bench, shape)
    warnings.simplefilter("ignore")
    with torch.no_grad():
        examples = tuple(torch.zeros(size) for size in inputs.values())
        torch.onnx.export(module.eval(), examples, path, input_names=list(inputs), opset_version=16)


main()
