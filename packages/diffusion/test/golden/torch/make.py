"""Writes the .pt files of this folder and models.json: small networks of other programs, saved as they save them, and what the programs
themselves compute with them in f64.

Run: MALLOC_PERTURB_=255 python3 make.py IMPROVED GUIDED PESSER LUCIDRAINS...
Needs torch 1.13, numpy, einops, and checkouts: openai/improved-diffusion, openai/guided-diffusion, pesser/pytorch_diffusion, and
lucidrains/denoising-diffusion-pytorch at the tags 1.6.4, 1.8.8 and 2.0.0, in folders whose names end in them.

All weights of a file lie in one storage: fill(j) = 0.12 sin(0.7 + 1.3 j + 0.01 j j), of one file 0.05, parameter k from element 97 k on; those of norms
have 1 added, in a storage of their own. So files are small, and every offset and shape must be right. In the programs f32 is replaced
by f64, wherever they ask for it. Inputs: x_j = sin(2 + 0.9 j), noise of draw d: 1.2 sin(3 + d + 1.7 j + 0.003 j j).
"""
import copy
import importlib
import json
import math
import os
import re
import shutil
import sys
import tempfile
import types

import numpy
import torch

here = os.path.dirname(os.path.abspath(__file__))
torch.set_default_dtype(torch.float64)
golden = {}


def wave(n, a, b, c=0.0):
    j = torch.arange(n, dtype=torch.float64)
    return torch.sin(a + b * j + c * j * j)


def inputs(shape):
    return wave(math.prod(shape), 2, 0.9).reshape(shape)


def noise(shape, draw):
    return 1.2 * wave(math.prod(shape), 3 + draw, 1.7, 0.003).reshape(shape)


def tie(module, sign=1, amplitude=0.12):
    """Gives every parameter its part of the two storages, as f32, and returns the parts times a sign."""
    parameters = list(module.named_parameters())
    length = max(p.numel() for _, p in parameters) + 97 * len(parameters)
    norms = 1 + max(p.numel() for name, p in parameters if is_norm(name)) + 97 * len(parameters)
    values = (amplitude * wave(length, 0.7, 1.3, 0.01)).float()
    near_one = (1 + 0.12 * wave(norms, 0.7, 1.3, 0.01)).float()
    views = {}
    signed = {id(storage): sign * storage for storage in (values, near_one)}
    for k, (name, p) in enumerate(parameters):
        storage = near_one if is_norm(name) else values
        part = lambda x: x[97 * k:97 * k + p.numel()].reshape(p.shape)
        p.data, views[name] = part(storage).double(), part(signed[id(storage)])
    return views


def is_norm(name):
    return name.endswith(".g") or (name.endswith("weight") and bool(re.search(r"norm|in_layers\.0|out_layers\.0|^out\.0", name)))


def load(checkout, package, replace=lambda text: text):
    """The package of a checkout, f32 replaced by f64."""
    root = tempfile.mkdtemp()
    shutil.copytree(os.path.join(checkout, package), os.path.join(root, package))
    for file in os.listdir(os.path.join(root, package)):
        if not file.endswith(".py"):
            continue
        path = os.path.join(root, package, file)
        text = open(path).read().replace("float32", "float64").replace(".float()", ".double()")
        open(path, "w").write(replace(text))
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]
    sys.path.insert(0, root)
    importlib.invalidate_caches()
    return root


class Drawn:
    """Every call of torch.randn and torch.randn_like gives the next draw."""

    def __enter__(self):
        self.kept, self.draw = (torch.randn, torch.randn_like), -1
        torch.randn = lambda *shape, **_: self.next(shape[0] if len(shape) == 1 else shape)
        torch.randn_like = lambda x: self.next(x.shape)

    def next(self, shape):
        self.draw += 1
        return noise(tuple(shape), self.draw)

    def __exit__(self, *_):
        torch.randn, torch.randn_like = self.kept


def numbers(x):
    return [float(f"{v:.16g}") for v in x.reshape(-1).tolist()]


def record(name, value, said, shape, t, output, labels=None, samples=(), **more):
    torch.save(value, os.path.join(here, name))
    golden[name] = {
        "said": said, "shape": list(shape), "t": t, "output": numbers(output), **({} if labels is None else {"labels": labels}),
        "samples": [{"sampler": sampler, "options": options, "output": numbers(x)} for sampler, options, x in samples], **more,
    }


def openai(checkout, package, name, said, shape, t, samples, amplitude=0.12, channel_mult=(1, 1), **arguments):
    load(checkout, package)
    unet = importlib.import_module(f"{package}.unet")
    gaussian = importlib.import_module(f"{package}.gaussian_diffusion")
    respace = importlib.import_module(f"{package}.respace")
    if package == "guided_diffusion":
        arguments["image_size"] = shape[2]
    network = unet.UNetModel(in_channels=3, model_channels=32, out_channels=6, num_res_blocks=1, channel_mult=channel_mult, **arguments).eval()
    views = tie(network, amplitude=amplitude)
    steps, rescale = said.get("diffusion_steps", 1000), said.get("rescale_timesteps", True)
    labels = [1, 4][:shape[0]] if arguments.get("num_classes") else None
    given = {} if labels is None else {"y": torch.tensor(labels)}

    def draw(kind, count):
        diffusion = respace.SpacedDiffusion(
            use_timesteps=respace.space_timesteps(steps, count), betas=gaussian.get_named_beta_schedule(said.get("noise_schedule", "linear"), steps),
            model_mean_type=gaussian.ModelMeanType.START_X if said.get("predict_xstart") else gaussian.ModelMeanType.EPSILON, model_var_type=gaussian.ModelVarType.LEARNED_RANGE,
            loss_type=gaussian.LossType.RESCALED_MSE, rescale_timesteps=rescale,
        )
        with Drawn(), torch.no_grad():
            loop = diffusion.ddim_sample_loop if kind == "ddim" else diffusion.p_sample_loop
            return loop(network, tuple(shape), clip_denoised=True, model_kwargs=given, device="cpu")

    with torch.no_grad():
        output = network(inputs(shape), torch.tensor(t), **given)
        drawn = [(kind, {"steps": count}, draw(kind, count)) for kind, count in samples]
    record(name, views, said, shape, t, output, labels, drawn)


def pesser(checkout):
    load(checkout, "pytorch_diffusion")
    sys.modules["requests"], sys.modules["tqdm"] = types.ModuleType("requests"), types.SimpleNamespace(tqdm=None)
    model = importlib.import_module("pytorch_diffusion.model")
    diffusion = importlib.import_module("pytorch_diffusion.diffusion")
    config = dict(ch=32, out_ch=3, ch_mult=(1, 2), num_res_blocks=1, attn_resolutions=(4,), in_channels=3, resolution=8)
    said = {"num_diffusion_timesteps": 20, "model_var_type": "fixedsmall", "resolution": 8}
    shape, t = (2, 3, 8, 8), [0, 17]
    drawing = diffusion.Diffusion(dict(beta_schedule="linear", beta_start=1e-4, beta_end=0.02, num_diffusion_timesteps=20, model_var_type="fixedsmall"), config, device="cpu")
    network = drawing.model.eval()
    views = tie(network)
    with torch.no_grad():
        output = network(inputs(shape), torch.tensor(t))
        with Drawn():
            sample = drawing.denoise(2, progress_bar=lambda x, **_: x)
    torch.save({"epoch": 3, "state_dict": {f"module.{diffusers_name(name)}": linear(name, view) for name, view in views.items()}}, os.path.join(here, "plain.pt"))
    record("ho.pt", {f"module.{name}": view for name, view in views.items()}, said, shape, t, output, samples=[("ancestral", {}, sample)])


def diffusers_name(name):
    """Of a network of two levels, with the attention's names of diffusers before 0.17."""
    name = re.sub(r"^up\.(\d)", lambda m: f"up_blocks.{1 - int(m[1])}", re.sub(r"^down\.", "down_blocks.", name))
    name = re.sub(r"^mid\.block_(\d)", lambda m: f"mid_block.resnets.{int(m[1]) - 1}", name.replace("mid.attn_1", "mid_block.attentions.0"))
    name = re.sub(r"^temb\.dense\.(\d)", lambda m: f"time_embedding.linear_{int(m[1]) + 1}", name)
    for old, new in {
        ".block.": ".resnets.", ".attn.": ".attentions.", "temb_proj": "time_emb_proj", "nin_shortcut": "conv_shortcut", "downsample.": "downsamplers.0.",
        "upsample.": "upsamplers.0.", ".q.": ".query.", ".k.": ".key.", ".v.": ".value.", "proj_out": "proj_attn",
    }.items():
        name = name.replace(old, new)
    return re.sub(r"(attentions\.\d)\.norm", r"\1.group_norm", name).replace("norm_out.", "conv_norm_out.") if not name.startswith("conv_norm") else name


def linear(name, view):
    return view[:, :, 0, 0] if re.search(r"\.(q|k|v|proj_out)\.weight$", name) else view


UNUSED = re.compile(r"^(from|import) (torchvision|torch\.utils\.data|torch\.optim|PIL|ema_pytorch|accelerate|pytorch_fid|scipy"
                    r"|denoising_diffusion_pytorch\.(fid_evaluation|version)|multiprocessing|lion_pytorch|tqdm)\b.*$", re.M)


def lucidrains(checkout, version, name, arguments, process, timesteps, sampling):
    """What Trainer.save writes: the model, and averages by ema-pytorch, whose weights are others."""
    package = types.ModuleType("denoising_diffusion_pytorch")
    package.__path__ = [f"{checkout}/denoising_diffusion_pytorch"]
    for module in [m for m in sys.modules if m.split(".")[0] == "denoising_diffusion_pytorch"]:
        del sys.modules[module]
    sys.modules["denoising_diffusion_pytorch"] = package
    source = UNUSED.sub("", open(f"{checkout}/denoising_diffusion_pytorch/denoising_diffusion_pytorch.py").read().split("\nclass Dataset")[0])
    source = source.replace("1e-5 if x.dtype == torch.float32 else 1e-3", "1e-5").replace("torch.float32", "torch.float64")
    program = {"tqdm": lambda x, **_: x}
    exec(compile(source, "denoising_diffusion_pytorch.py", "exec"), program)
    network = program["Unet"](**arguments)
    shape, t = (2, arguments["channels"], 8, 8), [0, timesteps - 9]
    diffusion = program["GaussianDiffusion"](network, image_size=8, timesteps=timesteps, sampling_timesteps=sampling, **process).eval()
    views, minus = tie(network), tie(network, -1)
    tables = {name: table.float() for name, table in diffusion.state_dict().items() if not name.startswith("model.")}
    model = {**tables, **{f"model.{name}": view for name, view in views.items()}}
    negative = {**tables, **{f"model.{name}": view for name, view in minus.items()}}
    ema = {"initted": torch.tensor(True), "step": torch.tensor(1000), **{f"online_model.{k}": v for k, v in negative.items()}, **{f"ema_model.{k}": v for k, v in model.items()}}
    optimizer = torch.optim.Adam(network.parameters(), lr=8e-5, betas=(0.9, 0.99))
    given = {"x_self_cond": noise(shape, 9)} if arguments.get("self_condition") else {}
    with torch.no_grad():
        output = network(inputs(shape), torch.tensor(t), **given)
        with Drawn():
            sample = diffusion.sample(batch_size=2) * 2 - 1
    value = {"step": 1000, "model": negative, "opt": optimizer.state_dict(), "ema": ema, "scaler": None, "version": version}
    kind = ("ddim", {"steps": sampling, "spacing": "lucidrains"}) if sampling < timesteps else ("ancestral", {})
    record(name, value, {"image_size": 8}, shape, t, output, samples=[(*kind, sample)], **({"guess": 9} if given else {}))
    if version == "2.0.0":
        torch.save(views, os.path.join(here, "unet.pt"))


improved, guided, converted, *programs = sys.argv[1:]
openai(
    improved, "improved_diffusion", "ema_0.9999_000100.pt", {"diffusion_steps": 40, "noise_schedule": "cosine", "num_heads": 2, "image_size": 8}, (2, 3, 8, 8), [0.0, 775.0],
    [("ancestral", "6"), ("ddim", "ddim8")], attention_resolutions=(1, 2), num_classes=5, num_heads=2, use_scale_shift_norm=True, channel_mult=(1, 2),
)
openai(
    guided, "guided_diffusion", "model000100.pt",
    {"diffusion_steps": 1000, "num_head_channels": 16, "use_new_attention_order": True, "rescale_timesteps": False, "predict_xstart": True}, (2, 3, 8, 8), [3.0, 999.0],
    [("ddim", "ddim4")], attention_resolutions=(1, 2), num_head_channels=16, use_scale_shift_norm=True, resblock_updown=True,
    use_new_attention_order=True, amplitude=0.05,
)
openai(
    guided, "guided_diffusion", "model000200.pt",
    {"diffusion_steps": 1000, "num_heads": 1, "rescale_timesteps": False, "image_size": 8}, (1, 3, 8, 8), [3.0],
    [("ddim", "ddim4")], attention_resolutions=(2,), num_heads=1, use_scale_shift_norm=False, resblock_updown=True,
)
pesser(converted)
checkouts = {version: next(path for path in programs if path.rstrip("/").endswith(version)) for version in ["1.6.4", "1.8.8", "2.0.0"]}
lucidrains(checkouts["1.6.4"], "1.6.4", "model-1.pt", {"dim": 8, "dim_mults": (1, 2), "channels": 3}, {"objective": "pred_noise", "beta_schedule": "cosine"}, 50, 10)
lucidrains(
    checkouts["1.8.8"], "1.8.8", "model-2.pt", {"dim": 8, "dim_mults": (1, 2), "channels": 1, "self_condition": True, "full_attn": (False, True)},
    {"objective": "pred_v", "beta_schedule": "sigmoid", "min_snr_loss_weight": True}, 30, 30,
)
lucidrains(
    checkouts["2.0.0"], "2.0.0", "model-3.pt", {"dim": 8, "dim_mults": (1, 2), "channels": 3, "attn_heads": 2, "attn_dim_head": 16},
    {"objective": "pred_x0", "beta_schedule": "linear"}, 100, 8,
)
with open(os.path.join(here, "models.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
