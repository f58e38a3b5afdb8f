"""Writes bound-losses.json: losses of the variational bound and their gradients, by PyTorch in f64 on inputs in closed form.

Formulas as in improved-diffusion (Nichol, Dhariwal 2021), with the exact normal CDF. Run: python3 bound-losses.py > bound-losses.json
"""
import json
import math
import torch

T, shape, t = 1000, [4, 2, 3, 1], [0, 1, 300, 999]
t = torch.tensor(t)


def fill(k, scale=1.0, base=0.0):
    n = math.prod(shape)
    j = torch.arange(n, dtype=torch.float64)
    return (base + scale * torch.sin((0.7 * (k + 1) + 1.3 * j) + (0.01 * j) * j)).reshape(shape)


betas = torch.linspace(1e-4, 0.02, T, dtype=torch.float64)
bar = torch.cumprod(1 - betas, 0)
before = torch.cat([torch.ones(1, dtype=torch.float64), bar[:-1]])
small = betas * (1 - before) / (1 - bar)
log_small = torch.log(torch.cat([small[1:2], small[1:]]))
c1, c2 = betas * before.sqrt() / (1 - bar), (1 - before) * (1 - betas).sqrt() / (1 - bar)
at = lambda table: table[t].reshape(-1, 1, 1, 1)

i = torch.arange(math.prod(shape))
x0 = (((i * 37) % 256).double() / 127.5 - 1).reshape(shape)
eps = fill(105)
xt = at(bar.sqrt()) * x0 + at((1 - bar).sqrt()) * eps


def kl(m1, l1, m2, l2):
    return 0.5 * (-1 + l2 - l1 + torch.exp(l1 - l2) + (m1 - m2) ** 2 * torch.exp(-l2))


def log_likelihood(x, m, l):
    phi = lambda z: 0.5 * (1 + torch.erf(z / math.sqrt(2)))
    inverse = torch.exp(-0.5 * l)
    plus, minus = phi(inverse * (x - m + 1 / 255)), phi(inverse * (x - m - 1 / 255))
    log = lambda p: torch.log(p.clamp(min=1e-12))
    return torch.where(x < -0.999, log(plus), torch.where(x > 0.999, log(1 - minus), log(plus - minus)))


def bound(said, l):
    guess = xt / at(bar.sqrt()) - said * at((1 / bar - 1).sqrt())
    m = at(c1) * guess + at(c2) * xt
    terms = torch.where(t.reshape(-1, 1, 1, 1) == 0, -log_likelihood(x0, m, l), kl(at(c1) * x0 + at(c2) * xt, at(log_small), m, l))
    return terms.mean(dim=[1, 2, 3]) / math.log(2)


def case(kind, variance):
    said = fill(105, 0.9).requires_grad_()
    v = (fill(7, 1.0, -7.0) if variance == "learned" else fill(7, 0.8)).requires_grad_()
    f = (v + 1) / 2
    l = {"learned": v, "learned-range": f * at(torch.log(betas)) + (1 - f) * at(log_small), "fixed-small": at(log_small) + 0 * v}[variance]
    if kind == "vlb":
        per_image = T * bound(said, l)
        loss = per_image.mean()
    else:
        per_image = ((said - eps) ** 2).mean(dim=[1, 2, 3])
        loss = per_image.mean() + 0.001 * (T * bound(said.detach(), l)).mean()
    loss.backward()
    numbers = lambda x: [float(f"{y:.15g}") for y in x.flatten().tolist()]
    return {
        "loss": loss.item(), "per_image": numbers(per_image.detach()), "grad_said": numbers(said.grad),
        "grad_v": None if variance == "fixed-small" else numbers(v.grad),
    }


cases = [("hybrid", "learned-range"), ("hybrid", "learned"), ("vlb", "learned-range"), ("vlb", "fixed-small")]
print(json.dumps({
    "timesteps": T, "shape": shape, "t": t.tolist(), "losses": {f"{kind}-{variance}": case(kind, variance) for kind, variance in cases},
}))
