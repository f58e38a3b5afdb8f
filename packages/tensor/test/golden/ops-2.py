"""Writes ops-2.json: outputs and gradients of PyTorch, in f64, on inputs in closed form. Run: python3 ops-2.py > ops-2.json"""
import json
import torch
import torch.nn.functional as F


def wave(shape, k):
    """x[i] = 1.7 sin(0.9 i + 0.3 (i mod 7) + k): no two elements of a tile are equal, none is 0."""
    n = 1
    for side in shape:
        n *= side
    i = torch.arange(n, dtype=torch.float64)
    return (1.7 * torch.sin(0.9 * i + 0.3 * (i % 7) + k)).reshape(shape)


def case(op, fn, shapes, **attrs):
    inputs = {name: wave(shape, k + 0.5).requires_grad_() for k, (name, shape) in enumerate(shapes.items())}
    y = fn(**inputs)
    dy = wave(y.shape, 2.25)
    grads = torch.autograd.grad(y, list(inputs.values()), dy)
    numbers = lambda t: [float(f"{v:.15g}") for v in t.detach().flatten().tolist()]
    return {
        "op": op, "attrs": attrs,
        "inputs": {name: {"shape": list(x.shape), "data": numbers(x)} for name, x in inputs.items()},
        "output": {"shape": list(y.shape), "data": numbers(y)}, "grad_output": numbers(dy),
        "grads": {name: numbers(g) for name, g in zip(inputs, grads)},
    }


labels = [2, 0, 4, 4, 1]
ops = {
    "relu": case("relu", lambda x: F.relu(x), {"x": [3, 11]}),
    "leaky_relu_0.2": case("leakyRelu", lambda x: F.leaky_relu(x, 0.2), {"x": [3, 11]}, slope=0.2),
    "tanh": case("tanh", lambda x: torch.tanh(x), {"x": [3, 11]}),
    "sigmoid": case("sigmoid", lambda x: torch.sigmoid(x), {"x": [3, 11]}),
    "max_pool_2": case("maxPool", lambda x: F.max_pool2d(x, 2), {"x": [2, 3, 4, 6]}, scale=2),
    "max_pool_3": case("maxPool", lambda x: F.max_pool2d(x, 3), {"x": [1, 2, 6, 3]}, scale=3),
    "log_softmax_last": case("logSoftmax", lambda x: F.log_softmax(x, -1), {"x": [4, 7]}, axis=-1),
    "log_softmax_middle": case("logSoftmax", lambda x: F.log_softmax(x, 1), {"x": [2, 5, 3]}, axis=1),
    "cross_entropy": case("crossEntropy", lambda x: F.cross_entropy(x, torch.tensor(labels)), {"x": [5, 6]}, labels=labels),
    "l1_mean": case("l1", lambda a, b: F.l1_loss(a, b), {"a": [2, 3, 4], "b": [2, 3, 4]}),
}
print(json.dumps({"format": "fromnoise-golden-1", "kind": "ops", "ops": ops}))
