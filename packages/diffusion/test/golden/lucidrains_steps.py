"""Writes lucidrains_steps.json: training steps of the program's own Unet and GaussianDiffusion, in f64, with its Trainer's optimiser.
Run: python3 lucidrains_steps.py CHECKOUT > lucidrains_steps.json
CHECKOUT is denoising-diffusion-pytorch at the tag 1.8.8; needs torch and einops. Its file is run up to the dataset classes, without what
only they and the trainer import; the tables of the schedule, which it rounds to f32, stay f64. Parameter k is fill(k, 0.1, base).
First p_sample steps from x = fill(20, 1, 0) with noise fill(21, 1, 0), one by one; then four steps of training, of which step s takes
x0 = tanh(fill(300 + s, 1.5, 0)), eps = fill(600 + s, 3, 0), so that clipping bites, and t_i = (37 s + 251 i) mod 1000.
"""
import json
import re
import sys
import types
import numpy
import torch

FILL = {"phase": 0.7, "step": 1.3, "chirp": 0.01}
CONFIG = {"dim": 8, "dim_mults": [1, 2], "channels": 2, "full_attn": [False, True]}
SHAPE = [3, 2, 8, 8]
UNUSED = re.compile(r"^(from|import) (torchvision|torch\.utils\.data|torch\.optim|PIL|tqdm|ema_pytorch|accelerate"
                    r"|denoising_diffusion_pytorch\.(fid_evaluation|version)|multiprocessing)\b.*$", re.M)


def fill(n, k, scale, base):
    """Element j = base + scale sin(phase (k + 1) + step j + chirp j j)."""
    j = numpy.arange(n, dtype=numpy.float64)
    return torch.from_numpy(base + scale * numpy.sin(FILL["phase"] * (k + 1) + FILL["step"] * j + FILL["chirp"] * j * j))


def program(checkout):
    """The names of the program's module that come before its datasets."""
    folder = f"{checkout}/denoising_diffusion_pytorch"
    package = types.ModuleType("denoising_diffusion_pytorch")
    package.__path__ = [folder]
    sys.modules["denoising_diffusion_pytorch"] = package
    source = open(f"{folder}/denoising_diffusion_pytorch.py").read().split("# dataset classes")[0]
    names = {}
    exec(compile(UNUSED.sub("", source).replace("val.to(torch.float32)", "val"), "denoising_diffusion_pytorch.py", "exec"), names)
    return names


def main(checkout):
    torch.set_default_dtype(torch.float64)
    names = program(checkout)
    net = names["Unet"](**{name: tuple(value) if isinstance(value, list) else value for name, value in CONFIG.items()})
    for k, (name, p) in enumerate(net.named_parameters()):
        base = 1 if ("norm" in name and name.endswith(".weight")) or name.endswith(".g") else 0
        p.data = fill(p.numel(), k, 0.1, base).reshape(p.shape)
    diffusion = names["GaussianDiffusion"](net, image_size=8)
    optimiser = torch.optim.Adam(diffusion.parameters(), lr=1e-4, betas=(0.9, 0.99))
    size = int(numpy.prod(SHAPE))
    x, z = (fill(size, k, 1, 0).reshape(SHAPE) for k in (20, 21))
    names["torch"].randn_like = lambda _: z
    with torch.no_grad():
        samples = [{"t": t, "output": diffusion.p_sample(x, t)[0].reshape(-1).tolist()} for t in (999, 400, 1, 0)]
    steps = []
    for s in range(4):
        x0 = torch.tanh(fill(size, 300 + s, 1.5, 0)).reshape(SHAPE)
        eps = fill(size, 600 + s, 3, 0).reshape(SHAPE)
        t = torch.tensor([(37 * s + 251 * i) % 1000 for i in range(SHAPE[0])])
        loss = diffusion.p_losses(x0, t, noise=eps)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        steps.append({"loss": loss.item(), "grad_norm": norm.item()})
    json.dump({
        "fill": FILL, "config": CONFIG, "batch": SHAPE[0], "steps": steps, "samples": samples, "loss_weight": {
            str(t): diffusion.loss_weight[t].item() for t in (0, 1, 499, 998, 999)
        }, "final_l2": {name: p.norm().item() for name, p in net.named_parameters()},
    }, sys.stdout)


main(sys.argv[1])
