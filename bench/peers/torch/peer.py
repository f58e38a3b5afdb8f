"""
PyTorch as a peer of the benches. Reads one JSON object a line: {"op": "setup", "bench", "shape", "threads"} prepares a bench and
answers {"check": [...]} with numbers that both sides compute from the same closed-form inputs; {"op": "run"} runs it once and answers
{"ms"}. Both memory formats are prepared and the faster one is kept; {"op": "memory"} answers {"peak_rss_mb"}.
"""
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F

from unet import UNet, fill, load_fill

FILL = {"phase": 0.7, "step": 1.3, "chirp": 0.01}


def tensor(shape, k, scale=1.0, base=0.0):
    return fill(shape, k, scale, base, FILL).float()


def summary(*tensors):
    """Sum and Euclidean norm of each tensor: what the other side compares."""
    return [value for t in tensors for value in (t.double().sum().item(), t.double().pow(2).sum().sqrt().item())]


def images(shape, k, fmt):
    """[N, H, W, C] of the other side as NCHW; the values are those of the channels-last array."""
    n, h, w, c = shape
    return tensor([n, h, w, c], k).permute(0, 3, 1, 2).contiguous(memory_format=fmt)


def kernel(shape, k, fmt, scale=0.1):
    """[kh, kw, Cin, Cout] of the other side as OIHW."""
    return tensor(shape, k, scale).permute(3, 2, 0, 1).contiguous(memory_format=fmt)


def matmul(s, fmt):
    a, b = tensor([s["m"], s["k"]], 0), tensor([s["k"], s["n"]], 1)
    run = lambda: torch.mm(a, b)
    return run, summary(run())


def conv(s, fmt, part):
    stride, pad = s["stride"], s["pad"]
    x, w = images([s["n"], s["h"], s["w"], s["cin"]], 0, fmt), kernel([s["kh"], s["kw"], s["cin"], s["cout"]], 1, fmt)
    y = F.conv2d(x, w, None, stride, pad)
    n, c, h, wd = y.shape
    dy = images([n, h, wd, c], 2, fmt)
    mask = {"forward": None, "grad-input": [True, False, False], "grad-weight": [False, True, False]}[part]
    if mask is None:
        run = lambda: F.conv2d(x, w, None, stride, pad)
    else:
        run = lambda: torch.ops.aten.convolution_backward(
            dy, x, w, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, mask)[0 if mask[0] else 1]
    return run, summary(run())


def group_norm_silu(s, fmt, backward):
    x = images([s["n"], s["h"], s["w"], s["c"]], 0, fmt).requires_grad_(backward)
    gamma, beta = tensor([s["c"]], 1, 0.1, 1.0).requires_grad_(backward), tensor([s["c"]], 2, 0.1).requires_grad_(backward)
    forward = lambda: F.silu(F.group_norm(x, s["groups"], gamma, beta, 1e-5))
    if not backward:
        with torch.no_grad():
            return (lambda: no_grad(forward)), summary(forward())
    y = forward()
    dy = images([s["n"], s["h"], s["w"], s["c"]], 3, fmt)
    run = lambda: torch.autograd.grad(y, [x, gamma, beta], dy, retain_graph=True)
    return run, summary(*run())


def no_grad(fn):
    with torch.no_grad():
        return fn()


def softmax(s, fmt):
    x = tensor([s["rows"], s["n"]], 0, 3.0)
    run = lambda: torch.softmax(x, -1)
    return run, summary(run())


def attention(s, fmt):
    q, k, v = (tensor([s["batch"], s["length"], s["d"]], i) for i in range(3))
    run = lambda: torch.softmax(q @ k.transpose(1, 2) * s["d"] ** -0.5, -1) @ v
    return run, summary(run())


def elementwise(s, fmt):
    a, b = tensor([s["n"]], 0), tensor([s["n"]], 1)
    run = lambda: torch.add(a, b)
    return run, summary(run())


def reduce(s, fmt):
    x = tensor([s["rows"], s["n"]], 0)
    run = lambda: x.sum(1)
    return run, summary(run())


def adam(s, fmt):
    p = torch.nn.Parameter(tensor([s["n"]], 0))
    p.grad = tensor([s["n"]], 1)
    optimizer = torch.optim.Adam([p], lr=1e-3)
    run = lambda: optimizer.step()
    run()
    return run, summary(p.data)


def unet(s, fmt, train):
    net = UNet(s["config"])
    load_fill(net, FILL)
    net = net.to(memory_format=fmt)
    size, channels, batch = s["config"]["sample_size"], s["config"]["in_channels"], s["batch"]
    x = images([batch, size, size, channels], 1000, fmt)
    target = images([batch, size, size, channels], 1001, fmt)
    t = torch.tensor([(37 * i) % 1000 for i in range(batch)])
    if not train:
        run = lambda: no_grad(lambda: net(x, t))
        return run, summary(run())
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    ema = [p.detach().clone() for p in net.parameters()]

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss = ((net(x, t) - target) ** 2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_mul_(ema, 0.995)
            torch._foreach_add_(ema, [p.detach() for p in net.parameters()], alpha=0.005)
        return loss.item()

    return run, [run(), run(), run()]


BENCHES = {
    "matmul": matmul,
    "conv2d-forward": lambda s, fmt: conv(s, fmt, "forward"),
    "conv2d-grad-input": lambda s, fmt: conv(s, fmt, "grad-input"),
    "conv2d-grad-weight": lambda s, fmt: conv(s, fmt, "grad-weight"),
    "groupnorm-silu-forward": lambda s, fmt: group_norm_silu(s, fmt, False),
    "groupnorm-silu-backward": lambda s, fmt: group_norm_silu(s, fmt, True),
    "softmax": softmax, "attention": attention, "elementwise": elementwise, "reduce": reduce, "adam": adam,
    "unet-forward": lambda s, fmt: unet(s, fmt, False),
    "unet-train-step": lambda s, fmt: unet(s, fmt, True),
    "demo-train-step": lambda s, fmt: unet(s, fmt, True),
}
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def timed(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def setup(message):
    """The bench in its faster memory format, judged by the best of five runs each."""
    torch.set_num_threads(message.get("threads", 1))
    best = None
    for name, fmt in FORMATS.items():
        run, check = BENCHES[message["bench"]](message["shape"], fmt)
        ms = min(timed(run) for _ in range(5))
        if best is None or ms < best[0]:
            best = (ms, run, check, name)
        if message["bench"] in ("matmul", "softmax", "attention", "elementwise", "reduce", "adam"):
            break
    return best


def main():
    run = None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if message["op"] == "setup":
                _, run, check, name = setup(message)
                answer = {"check": check, "format": name, "version": torch.__version__}
            elif message["op"] == "run":
                answer = {"ms": timed(run)}
            else:
                answer = {"peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
