"""
PyTorch as a peer of the benches: reads one JSON request a line and answers with one JSON object a line, as bench/src/child.ts does.
On a GPU (backend "cuda") it computes in full f32, as every other contender: TF32 is off.
Image benches are prepared in both memory formats and the faster one is kept. Results are written in the layouts of the other side:
images [N, H, W, C], kernels [kh, kw, Cin, Cout].
"""
import ctypes
import json
import math
import os
import re
import resource
import sys
import time

import torch
import torch.nn.functional as F

from unet import UNet, fill, load_fill

FILL = {"phase": 0.7, "step": 1.3, "chirp": 0.01}
#: As MIN_SAMPLE_MS in bench/src/sampling.ts.
MIN_SAMPLE_S = 10e-3
device = torch.device("cpu")


def tensor(shape, k, scale=1.0, base=0.0):
    return fill(shape, k, scale, base, FILL).float().to(device)


def batched(shape, k):
    """The images of a model bench: a batch repeats two."""
    distinct = min(shape[0], 2)
    return tensor([distinct, *shape[1:]], k).repeat(shape[0] // distinct, 1, 1, 1).permute(0, 3, 1, 2)


def channels_last(t):
    return t.permute(0, 2, 3, 1)


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
    return run, lambda: [run()]


def conv(s, fmt, part):
    stride, pad = s["stride"], s["pad"]
    x, w = images([s["n"], s["h"], s["w"], s["cin"]], 0, fmt), kernel([s["kh"], s["kw"], s["cin"], s["cout"]], 1, fmt)
    n, c, h, wd = F.conv2d(x, w, None, stride, pad).shape
    dy = images([n, h, wd, c], 2, fmt)
    if part == "forward":
        run = lambda: F.conv2d(x, w, None, stride, pad)
        return run, lambda: [channels_last(run())]
    backward = lambda mask: torch.ops.aten.convolution_backward(
        dy, x, w, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, mask)
    if part == "grad-input":
        run = lambda: backward([True, False, False])[0]
        return run, lambda: [channels_last(run())]
    run = lambda: backward([False, True, False])[1]
    return run, lambda: [run().permute(2, 3, 1, 0)]


def group_norm_silu(s, fmt, backward):
    x = images([s["n"], s["h"], s["w"], s["c"]], 0, fmt).requires_grad_(backward)
    gamma, beta = tensor([s["c"]], 1, 0.1, 1.0).requires_grad_(backward), tensor([s["c"]], 2, 0.1).requires_grad_(backward)
    forward = lambda: F.silu(F.group_norm(x, s["groups"], gamma, beta, 1e-5))
    if not backward:
        return forward, lambda: [channels_last(forward())]
    y = forward()
    dy = images([s["n"], s["h"], s["w"], s["c"]], 3, fmt)
    run = lambda: torch.autograd.grad(y, [x, gamma, beta], dy, retain_graph=True)

    def results():
        dx, dgamma, dbeta = run()
        return [channels_last(dx), dgamma, dbeta]

    return run, results


def softmax(s, fmt):
    x = tensor([s["rows"], s["n"]], 0, 3.0)
    run = lambda: torch.softmax(x, -1)
    return run, lambda: [run()]


def attention(s, fmt):
    q, k, v = (tensor([s["batch"], s["length"], s["d"]], i) for i in range(3))
    run = lambda: torch.softmax(q @ k.transpose(1, 2) * s["d"] ** -0.5, -1) @ v
    return run, lambda: [run()]


def elementwise(s, fmt):
    a, b = tensor([s["n"]], 0), tensor([s["n"]], 1)
    run = lambda: torch.add(a, b)
    return run, lambda: [run()]


def reduce(s, fmt):
    x = tensor([s["rows"], s["n"]], 0)
    run = lambda: x.sum(1)
    return run, lambda: [run()]


def adam(s, fmt):
    p = torch.nn.Parameter(tensor([s["n"]], 0))
    p.grad = tensor([s["n"]], 1)
    optimizer = torch.optim.Adam([p], lr=1e-3)

    def results():
        optimizer.step()
        return [p.detach()]

    return optimizer.step, results


def unet(s, fmt, train):
    net = UNet(s["config"])
    load_fill(net, FILL)
    net = net.to(device, memory_format=fmt)
    side, channels, batch = s["config"]["sample_size"], s["config"]["in_channels"], s["batch"]
    x, target = (batched([batch, side, side, channels], k).contiguous(memory_format=fmt) for k in (1000, 1001))
    t = torch.tensor([37 + 500 * (i % min(batch, 2)) for i in range(batch)], device=device)
    if not train:
        run = lambda: net(x, t)
        return run, lambda: [channels_last(run())]
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    ema = [p.detach().clone() for p in net.parameters()]

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = ((net(x, t) - target) ** 2).mean()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_mul_(ema, 0.995)
            torch._foreach_add_(ema, [p.detach() for p in net.parameters()], alpha=0.005)
        return [loss.item(), norm.item()]

    return step, lambda: [torch.tensor([value]) for _ in range(2) for value in step()]


def alpha_bars(count):
    """alphaBar of the cosine schedule, betas at most 0.999."""
    f = lambda u: math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2
    bars, product = [], 1.0
    for t in range(count):
        product *= 1 - min(1 - f((t + 1) / count) / f(t / count), 0.999)
        bars.append(product)
    return bars


def sampler(s, fmt):
    """DDIM without noise, the network predicting v, x0 clipped."""
    count, batch, side, channels = 1000, s["batch"], s["config"]["sample_size"], s["config"]["in_channels"]
    net = UNet(s["config"])
    load_fill(net, FILL)
    net = net.to(device, memory_format=fmt)
    start = batched([batch, side, side, channels], 1000).contiguous(memory_format=fmt)
    steps = [round(count - k * count / s["steps"]) - 1 for k in range(s["steps"])]
    bars = alpha_bars(count)

    def run():
        x = start
        for t, after in zip(steps, [bars[t] for t in steps[1:]] + [1.0]):
            bar = bars[t]
            v = net(x, torch.full([batch], t, device=device))
            x0 = (math.sqrt(bar) * x - math.sqrt(1 - bar) * v).clamp(-1, 1)
            eps = (x - math.sqrt(bar) * x0) / math.sqrt(1 - bar)
            x = math.sqrt(after) * x0 + math.sqrt(1 - after) * eps
        return x

    return run, lambda: [channels_last(run())]


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
    "sampler": sampler,
}
#: Benches that need gradients; the others run without the bookkeeping of autograd.
WITH_GRADIENTS = ("groupnorm-silu-backward", "unet-train-step", "demo-train-step")
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
FORMATLESS = ("matmul", "softmax", "attention", "elementwise", "reduce", "adam")


def synchronize():
    """Waits for what was launched; a CPU has done it."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def timed(run, count=1):
    synchronize()
    start = time.perf_counter()
    for _ in range(count):
        run()
    synchronize()
    return (time.perf_counter() - start) / count


def blas():
    """The library behind torch.mm, where the system tells: the file that is mapped into this process."""
    try:
        names = set(re.findall(r"/\S*(?:libblas|libmkl)\S*\.so\S*", open("/proc/self/maps").read()))  # LAPACK may be another's
    except OSError:
        return ""
    known = [name for name in ("openblas", "mkl", "blis", "atlas") if any(name in path for path in names)]
    core = f" for {openblas_core()}" if "openblas" in known[:1] else ""
    return f", BLAS {known[0] if known else 'reference'}{core}" if names else ""


def openblas_core():
    """The processor that OpenBLAS computes for, "" where it is not there."""
    try:
        name = ctypes.CDLL("libopenblas.so.0").openblas_get_corename
    except (OSError, AttributeError):
        return ""
    name.restype = ctypes.c_char_p
    return name().decode()


def use_wide_registers():
    """
    Begins anew with OPENBLAS_CORETYPE where OpenBLAS does not know the processor and falls back to 128 bits without FMA: 0.3.21 does
    so on Xeons of 2023, a sixth of the speed. A value of the environment stands.
    """
    if openblas_core() != "Prescott" or "OPENBLAS_CORETYPE" in os.environ:
        return
    flags = open("/proc/cpuinfo").read().split()
    core = "SkylakeX" if "avx512f" in flags else "Haswell" if "avx2" in flags else None
    if core is not None:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OPENBLAS_CORETYPE": core})


class Session:
    """A bench in its faster memory format, judged by the best of three warm runs."""

    def __init__(self, bench, shape, path):
        self.count, self.first_s, best = 1, None, math.inf
        with torch.set_grad_enabled(bench in WITH_GRADIENTS):
            for name, fmt in FORMATS.items():
                run, results = BENCHES[bench](shape, fmt)
                start = time.perf_counter()
                values = [t.detach().cpu().double().contiguous() for t in results()]
                first = time.perf_counter() - start
                self.first_s = first if self.first_s is None else self.first_s
                seconds = min(timed(run) for _ in range(3))
                if seconds < best:
                    best, self.run, self.format = seconds, run, name
                    self.sizes = [t.numel() for t in values]
                    with open(path, "wb") as file:
                        file.writelines(t.numpy().tobytes() for t in values)
                if bench in FORMATLESS:
                    self.format = None
                    break
        self.grad = bench in WITH_GRADIENTS

    def warm(self, seconds):
        with torch.set_grad_enabled(self.grad):
            end, best = time.perf_counter() + seconds, math.inf
            while True:
                best = min(best, timed(self.run))
                if time.perf_counter() >= end:
                    break
        self.count = max(1, math.ceil(MIN_SAMPLE_S / best))
        return best

    def sample(self, seconds):
        with torch.set_grad_enabled(self.grad):
            end, samples = time.perf_counter() + seconds, []
            while not samples or time.perf_counter() < end:
                samples.append(1e3 * timed(self.run, self.count))
        return samples


def open_device(name, threads):
    """Chooses where tensors live; the description for the report."""
    global device
    device = torch.device(name)
    if name == "cuda":
        torch.zeros(1, device=device)  # fails in PyTorch's own words where there is no GPU, or no support for it
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        return f"PyTorch {torch.__version__}, {torch.cuda.get_device_name()}, TF32 off"
    torch.set_num_threads(threads)
    onednn = "oneDNN" if torch.backends.mkldnn.is_available() else "no oneDNN"
    return f"PyTorch {torch.__version__}, {onednn}{blas()}"


def answer(message, state):
    op = message["op"]
    if op == "open":
        return {"description": open_device(message["spec"].split(":")[1], message["threads"])}
    if op == "setup":
        state["session"] = None
        session = state["session"] = Session(message["bench"], message["shape"], message["results"])
        return {"first_ms": 1e3 * session.first_s, "sizes": session.sizes, "note": session.format or ""}
    if op == "warm":
        return {"best_ms": 1e3 * state["session"].warm(message["seconds"])}
    if op == "run":
        return {"ms": state["session"].sample(message["seconds"])}
    return {"peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main():
    use_wide_registers()
    state = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
