"""Writes the .pt files of this folder, by PyTorch 1.13: MALLOC_PERTURB_=255 python3 make.py

Element j of every tensor with values of its own is value(j) = sin(0.7 + 1.3 j) in f64, rounded to the dtype; of whole numbers it is
(37 j + 11) mod 101 - 50, of bool j mod 3 == 0. What each file holds is said again in torch.test.ts.
"""
import argparse
import collections
import io
import os
import pathlib
import pickle
import zipfile

import numpy
import torch

here = os.path.dirname(os.path.abspath(__file__))


def fill(*shape, dtype=torch.float32):
    n = int(numpy.prod(shape))
    j = torch.arange(n, dtype=torch.float64)
    values = torch.sin(0.7 + 1.3 * j) if dtype.is_floating_point else ((37 * j + 11) % 101 - 50 if dtype != torch.bool else j % 3 == 0)
    if dtype == torch.uint8:
        values = values + 50
    return values.to(dtype).reshape(shape)


def save(value, name, **options):
    torch.save(value, os.path.join(here, name), **options)


dtypes = {str(d)[6:]: fill(2, 3, dtype=d) for d in [
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
]}

base = fill(4, 6)
tied = fill(2, 2)
views = {
    "whole": base, "transposed": base.t(), "row": base[2], "column": base[:, 1], "steps": base[1::2, ::3], "expanded": base[0, :1].expand(5, 1),
    "permuted": fill(2, 3, 4).permute(2, 0, 1), "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "alone": base[3, 5],
    "tied": tied, "tied too": tied,
}

model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(fill(*parameter.shape))

noisy = argparse.Namespace(lr=1e-4, name="run", out=pathlib.PurePosixPath("a/b"))
checkpoint = {
    "step": 1000, "version": "2.0", "scaler": None, "flag": True, "big": 2 ** 60, "bytes": b"\x00\xff", "list": [1, 2.5, "three"],
    "tuple": (1, (2, 3)), "set": {1, 2}, "numpy": numpy.float64(0.1), "numpy int": numpy.int64(-7), "numpy bool": numpy.bool_(True),
    "size": fill(2, 3).shape, "device": torch.device("cuda:0"), "dtype": torch.float16, "counts": collections.Counter("aab"),
    "defaults": collections.defaultdict(list, {"a": [1]}), "array": numpy.arange(3), "args": noisy,
    "parameter": torch.nn.Parameter(fill(3)), "nested": {"deeper": {"tensor": fill(2)}}, "unicode": "naïve 名 \U0001f600",
}

for suffix, options in {"": {}, "-legacy": {"_use_new_zipfile_serialization": False}}.items():
    save(dtypes, f"dtypes{suffix}.pt", **options)
    save(views, f"views{suffix}.pt", **options)
    save(model.state_dict(), f"state-dict{suffix}.pt", **options)
    save(checkpoint, f"checkpoint{suffix}.pt", **options)
for protocol in [3, 4, 5]:
    save(checkpoint, f"checkpoint-protocol-{protocol}.pt", pickle_protocol=protocol)


class Cuda:
    """A tensor that says it lies on a graphics card: the tag is all that a file has of that."""

    def __reduce_ex__(self, protocol):
        return torch._utils._rebuild_tensor_v2, (Storage(), 0, (2, 3), (3, 1), False, collections.OrderedDict())


class Storage:
    pass


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return ("storage", torch.FloatStorage, "0", "cuda:0", 6) if isinstance(value, Storage) else None


pickled = io.BytesIO()
Pickler(pickled, 2).dump({"weight": Cuda()})
for name, method in {"cuda": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}.items():
    with zipfile.ZipFile(os.path.join(here, f"{name}.pt"), "w", method) as archive:
        for path, data in {"archive/data.pkl": pickled.getvalue(), "archive/data/0": fill(6).numpy().tobytes(), "archive/version": b"3\n"}.items():
            archive.writestr(zipfile.ZipInfo(path), data, method)
