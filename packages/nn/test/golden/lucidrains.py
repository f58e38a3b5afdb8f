"""Writes unet_tiny_lucidrains_VERSION.json: one forward and backward of the program's own Unet, in f64.
Run: python3 lucidrains.py CHECKOUT VERSION CONFIG > unet_tiny_lucidrains_VERSION.json
CHECKOUT is denoising-diffusion-pytorch at the tag VERSION, CONFIG the arguments of Unet as JSON and `era`, which only the file says;
needs torch and einops. The program's file is run up to the class GaussianDiffusion, without what only training imports. In f64 it takes
1e-3 for the eps of its weights and channel norms, where it takes 1e-5 in f32: this script has the latter, as what is compared has.

python3 lucidrains.py CHECKOUT 1.7.0 '{"era": "1.7.0", "dim": 8, "dim_mults": [1, 2], "channels": 2}'
python3 lucidrains.py CHECKOUT 1.7.1 '{"era": "1.7.1", "dim": 8, "dim_mults": [1, 2], "channels": 2}'
python3 lucidrains.py CHECKOUT 1.7.2 '{"era": "1.7.2", "dim": 8, "dim_mults": [1, 2], "channels": 2}'
python3 lucidrains.py CHECKOUT 1.7.4 '{"era": "1.7.4", "dim": 8, "dim_mults": [1, 2], "channels": 2}'
python3 lucidrains.py CHECKOUT 1.9.0 '{"era": "1.9", "dim": 8, "dim_mults": [1, 2], "channels": 2, "full_attn": [false, true]}'
"""
import json
import math
import re
import sys
import types
import numpy
import torch

FILL = {"phase": 0.7, "step": 1.3, "chirp": 0.01}
UNUSED = re.compile(r"^(from|import) (torchvision|torch\.utils\.data|torch\.optim|PIL|tqdm|ema_pytorch|accelerate|pytorch_fid|scipy"
                    r"|denoising_diffusion_pytorch\.(fid_evaluation|version)|multiprocessing|lion_pytorch)\b.*$", re.M)


def fill(n, k, scale, base):
    """Element j = base + scale sin(phase (k + 1) + step j + chirp j j)."""
    j = numpy.arange(n, dtype=numpy.float64)
    return torch.from_numpy(base + scale * numpy.sin(FILL["phase"] * (k + 1) + FILL["step"] * j + FILL["chirp"] * j * j))


def program(checkout):
    """The names of the program's module that come before GaussianDiffusion."""
    folder = f"{checkout}/denoising_diffusion_pytorch"
    package = types.ModuleType("denoising_diffusion_pytorch")
    package.__path__ = [folder]
    sys.modules["denoising_diffusion_pytorch"] = package
    source = open(f"{folder}/denoising_diffusion_pytorch.py").read().split("\nclass GaussianDiffusion")[0]
    source = UNUSED.sub("", source).replace("1e-5 if x.dtype == torch.float32 else 1e-3", "1e-5")
    names = {}
    exec(compile(source, "denoising_diffusion_pytorch.py", "exec"), names)
    return names


def main(checkout, version, config):
    torch.set_default_dtype(torch.float64)
    arguments = {name: tuple(value) if isinstance(value, list) else value for name, value in config.items() if name != "era"}
    net = program(checkout)["Unet"](**arguments)
    for k, (name, p) in enumerate(net.named_parameters()):
        base = 1 if ("norm" in name and name.endswith(".weight")) or name.endswith(".g") else 0
        p.data = fill(p.numel(), k, 0.1, base).reshape(p.shape)
    shape = [2, config["channels"], 8, 8]
    x = fill(math.prod(shape), 50, 1, 0).reshape(shape)
    t = torch.tensor([3.0, 900.0])
    y = net(x, t)
    loss = ((y - fill(y.numel(), 77, 1, 0).reshape(y.shape)) ** 2).mean()
    loss.backward()
    params = [{
        "name": name, "shape": list(p.shape), "grad_sum": p.grad.sum().item(), "grad_l2": p.grad.norm().item(),
        "grad_first": p.grad.reshape(-1)[:4].tolist(),
    } for name, p in net.named_parameters()]
    json.dump({
        "format": "fromnoise-golden-1", "kind": "unet", "source": f"denoising-diffusion-pytorch {version}", "fill": FILL,
        "config": config, "input": {"shape": shape, "fill_index": 50, "scale": 1}, "t": t.tolist(),
        "output": y.reshape(-1).tolist(), "loss": loss.item(), "params": params,
    }, sys.stdout)


main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
