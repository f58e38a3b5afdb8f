"""The variational bound by one step of each image, and the variances it learns: packages/diffusion/src/losses and likelihood."""
import math
import torch
from . import one_of

#: Variances of a step back that a network says itself.
LEARNED = ["learned-range", "learned"]

def columns(rows, like):
    """Rows of numbers, one an image, as [N, 1, 1, 1] each."""
    return [torch.tensor(column, dtype=torch.float64).to(like).view(-1, 1, 1, 1) for column in zip(*rows)]

def combine(rows, x, y):
    """a x + b y, (a, b) the row of each image."""
    a, b = columns(rows, x)
    return a * x + b * y

class Bound:
    """Of every step the posterior mean's weights of x0 and x_t, and ln of its variance and of beta_t (Ho et al. 2020, equations 6 and 7)."""

    def __init__(self, levels, kind):
        one_of("variance", kind, ["fixed-small", "fixed-large", *LEARNED])
        self.kind, self.steps = kind, []
        for (alpha, sigma), (alpha1, sigma1) in zip(levels, [(1.0, 0.0), *levels]):
            r = (alpha * sigma1 / (alpha1 * sigma)) ** 2
            small, large = sigma1 ** 2 * (1 - r), sigma ** 2 * (1 - r)
            self.steps.append((alpha1 * (1 - r), alpha / alpha1 * (sigma1 / sigma) ** 2, math.log(small or 1e-20), math.log(large)))
        self.steps[0] = (*self.steps[0][:2], self.steps[min(1, len(levels) - 1)][2], self.steps[0][3])       # ln 0 there: that of t = 1

    def of(self, guess, v, x0, xt, steps):
        """T L_t in bits per dimension, [N] (equation 5; its last step is one of 256 levels, equation 13)."""
        small, large = columns((self.steps[t][2:] for t in steps), x0)
        last = torch.tensor(steps, device=x0.device).view(-1, 1, 1, 1) == 0
        mean, q = (combine((self.steps[t][:2] for t in steps), x, xt) for x in (guess, x0))
        if self.kind in LEARNED:
            l = v if self.kind == "learned" else 0.5 * (v + 1) * (large - small) + small
        else:
            l = (small if self.kind == "fixed-small" else torch.where(last, small, large)).expand_as(mean)
        kl = 0.5 * (l - small + torch.exp(small - l) - 1 + (mean - q) ** 2 * torch.exp(-l))
        plus, minus = ((x0 - mean + half) * torch.exp(-0.5 * l) for half in (1 / 255, -1 / 255))
        cdf, one, zero = lambda z: 0.5 * (1 + torch.erf(z * math.sqrt(0.5))), torch.ones_like(x0), torch.zeros_like(x0)
        p = torch.where(x0 > 0.999, one, cdf(plus)) - torch.where(x0 < -0.999, zero, cdf(minus))
        nats = torch.where(last, -torch.log(p.clamp(min=1e-12)), kl)
        return nats.mean(dim=(1, 2, 3)) * (len(self.steps) / math.log(2))
