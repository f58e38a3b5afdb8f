"""Writes the weights of a small U-Net as diffusers does without safetensors, by PyTorch 1.13: MALLOC_PERTURB_=255 python3 make.py

unet/diffusion_pytorch_model.bin holds all of them; the two shards and their index the same in two parts, and the variant fp16 in half
precision. The network is that of packages/nn/test/golden/unet-blocks.py; parameter k is fill(k, 0.1, base) as in the golden files.
"""
import json
import pathlib

import torch

here = pathlib.Path(__file__).parent
path = here.parents[3] / "nn" / "test" / "golden" / "unet-blocks.py"
text = path.read_text().split("\nnumber = lambda")[0]                  # the networks, not the files it writes
blocks = {"__file__": str(path), "__name__": "blocks"}
exec(compile(text, str(path), "exec"), blocks)

config = {
    **blocks["COMMON"], "sample_size": 4, "in_channels": 1, "out_channels": 1, "block_out_channels": [4, 4], "norm_num_groups": 2,
    "mid_block_type": None, "down_block_types": ["DownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D"],
}
network = blocks["UNet"](config)
with torch.no_grad():
    for k, (key, p) in enumerate(network.named_parameters()):
        base = 1 if "norm" in key and key.endswith(".weight") else 0
        p.copy_(blocks["fill"](p.numel(), k, 0.1, base).reshape(p.shape))

weights = dict(network.state_dict())
names = list(weights)
halves = [names[: len(names) // 2], names[len(names) // 2:]]
torch.save(weights, here / "diffusion_pytorch_model.bin")
torch.save({key: value.half() for key, value in weights.items()}, here / "diffusion_pytorch_model.fp16.bin")
files = [f"diffusion_pytorch_model-0000{i + 1}-of-00002.bin" for i in range(2)]
for file, keys in zip(files, halves):
    torch.save({key: weights[key].clone() for key in keys}, here / file)
index = {"metadata": {"total_size": sum(v.numel() * 4 for v in weights.values())}, "weight_map": {key: file for file, keys in zip(files, halves) for key in keys}}
(here / "diffusion_pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2) + "\n")
(here / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel", **config}, indent=2) + "\n")
