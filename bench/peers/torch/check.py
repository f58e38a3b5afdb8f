"""Compares unet.py with a golden file of kind "unet": python3 check.py FILE. Prints the largest error and exits 1 past 1e-6."""
import json
import sys

import torch

from unet import UNet, fill, load_fill

golden = json.load(open(sys.argv[1]))
torch.set_default_dtype(torch.float64)
net = UNet(golden["config"]).double()
load_fill(net, golden["fill"])
x = torch.tensor(golden["input"]["data"]).reshape(golden["input"]["shape"])
y = net(x, torch.tensor(golden["t"]))
loss = ((y - fill(y.shape, 77, 1, 0, golden["fill"])) ** 2).mean()
expected = torch.tensor(golden["output"]).reshape(y.shape)
error = max(((y - expected).abs().max() / expected.abs().max()).item(), abs(loss.item() - golden["loss"]) / golden["loss"])
names = [name for name, _ in net.named_parameters()]
assert names == [p["name"] for p in golden["params"]], "parameter names or order differ"
print(f"{error:.2e}")
sys.exit(0 if error < 1e-6 else 1)
