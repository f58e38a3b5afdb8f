"""Schedules, draws of levels, what is predicted and weights: packages/diffusion/src/process, denoisers, losses and train/time-sampling."""
import math
import torch
from . import one_of
from .numbers import cos_sin, f64

def _linspace(a, b, n):
    return [b if i == n - 1 and n > 1 else a + i * ((b - a) / ((n - 1) or 1)) for i in range(n)]

def _from_alpha_bar(f):
    """beta_t = min(1 - f((t + 1) / T) / f(t / T), 0.999)"""
    def betas(n, first, last):
        at = f(f64([t / n for t in range(n + 1)]))
        at = (at / at[0]).tolist()
        return [min(max(1 - at[t + 1] / at[t], 0), 0.999) for t in range(n)]
    return betas

def _cosine(u):
    root = cos_sin(((u + 0.008) / 1.008) * (math.pi / 2))[0]
    return root * root

def _laplace(u):
    r = torch.sqrt(2 * torch.minimum(u, 1 - u))
    return torch.where(u < 0.5, torch.ones_like(r), r) / (1 + r)

SCHEDULES = {
    "linear": _linspace, "scaled-linear": lambda a, b, n: _linspace(a * (1000 / n), b * (1000 / n), n),
    "quad": lambda a, b, n: [root * root for root in _linspace(math.sqrt(a), math.sqrt(b), n)], "const": lambda a, b, n: [b] * n,
    "cosine": lambda a, b, n: _from_alpha_bar(_cosine)(n, a, b), "laplace": lambda a, b, n: _from_alpha_bar(_laplace)(n, a, b),
}
#: (p, q) of what the network predicts, p x0 + q eps, at (alpha, sigma).
PREDICTIONS = {"eps": lambda a, s: (0.0, 1.0), "x0": lambda a, s: (1.0, 0.0), "v": lambda a, s: (-s, a)}
LOSSES = {"mse": torch.square, "l1": torch.abs}

def _zero_terminal(betas):
    """Lin et al. 2023, algorithm 1."""
    s = [math.sqrt(a) for a in _products(betas)]
    scale = s[0] / (s[0] - s[-1])
    ratios = [(s[t] - s[-1]) * scale / (s[0] if t == 1 else (s[t - 1] - s[-1]) * scale) for t in range(1, len(s))]
    return [betas[0]] + [1 - ratio * ratio for ratio in ratios]

def _products(betas):
    """alphaBar_t = (1 - beta_0) ... (1 - beta_t)"""
    product = 1.0
    return [product := product * (1 - beta) for beta in betas]

class Process:
    """Levels (alpha_t, sigma_t) of x_t = alpha_t x0 + sigma_t eps, how a run draws t, and how an image's error counts."""

    def __init__(self, config):
        schedule = config["schedule"]
        one_of("schedule.name", schedule["name"], [*SCHEDULES, "betas"])
        one_of("prediction", config["prediction"], [*PREDICTIONS])
        one_of("loss", config["loss"], [*LOSSES])
        one_of("timeSampling", config["timeSampling"], ["own", "uniform", "low-discrepancy"])
        self.count, self.time_scale = schedule["timesteps"], schedule.get("timeScale", 1)
        make = SCHEDULES.get(schedule["name"], lambda *_: schedule["betas"])
        betas = make(schedule["betaStart"], schedule["betaEnd"], self.count)
        bars = _products(_zero_terminal(betas) if schedule.get("zeroTerminalSnr") else betas)
        self.levels = [(math.sqrt(bar), math.sqrt(1 - bar)) for bar in bars]
        self.sampling, self.weighting, self.gamma = config["timeSampling"], config["weighting"], config["minSnrGamma"]
        self.pair, self.error = PREDICTIONS[config["prediction"]], LOSSES[config["loss"]]

    def draw(self, n, random):
        """The steps of n images."""
        if self.sampling == "own":
            return random.integers(n, self.count)
        shares = random.uniform(n).tolist() if self.sampling == "uniform" else [(r + i / n) % 1 for r in random.uniform(1).tolist() for i in range(n)]
        return [min(math.floor(share * self.count), self.count - 1) for share in shares]

    def weight(self, t):
        if self.weighting == "simple":
            return 1.0
        a, s = self.levels[t]
        p, q = self.pair(a, s)
        b, snr = -s / (a * q - s * p), (a * a) / (s * s)
        return (snr if self.weighting == "snr" else min(snr, self.gamma)) * b * b
