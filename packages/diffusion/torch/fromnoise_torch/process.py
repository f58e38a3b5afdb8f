"""Schedules, draws of levels, what is predicted and what it costs: packages/diffusion/src/process, denoisers and losses."""
import math
import torch
from . import one_of
from .bound import LEARNED, Bound, combine

def _linspace(a, b, n):
    return [b if i == n - 1 and n > 1 else a + i * ((b - a) / ((n - 1) or 1)) for i in range(n)]

def _cosine(a, b, n):
    bars = [math.cos(((t / n + 0.008) / 1.008) * (math.pi / 2)) ** 2 for t in range(n + 1)]
    return [min(max(1 - after / before, 0), 0.999) for before, after in zip(bars, bars[1:])]

#: The betas from betaStart, betaEnd and the number of steps.
SCHEDULES = {"linear": _linspace, "scaled-linear": lambda a, b, n: _linspace(a * (1000 / n), b * (1000 / n), n), "cosine": _cosine}
#: (p, q) of what the network predicts, p x0 + q eps, at (alpha, sigma).
PREDICTIONS = {"eps": lambda a, s: (0.0, 1.0), "x0": lambda a, s: (1.0, 0.0), "v": lambda a, s: (-s, a)}
#: The error of which an image's is the mean; vlb is a bound alone.
LOSSES = {"mse": torch.square, "l1": torch.abs, "hybrid": torch.square, "vlb": None}
LAMBDA = 0.001                                                             # of Nichol, Dhariwal 2021

class Process:
    """Levels (alpha_t, sigma_t) of x_t = alpha_t x0 + sigma_t eps, how a run draws t, and how an image's error counts."""

    def __init__(self, config):
        schedule = config["schedule"]
        one_of("schedule.name", schedule["name"], [*SCHEDULES, "betas"])
        one_of("schedule.zeroTerminalSnr", schedule.get("zeroTerminalSnr", False), [False])
        one_of("prediction", config["prediction"], [*PREDICTIONS])
        one_of("loss", config["loss"], [*LOSSES])
        one_of("timeSampling", config["timeSampling"], ["own", "uniform", "low-discrepancy", "logit-normal"])
        self.count, self.time_scale, bar, self.levels = schedule["timesteps"], schedule.get("timeScale", 1), 1.0, []
        make = SCHEDULES.get(schedule["name"], lambda *_: schedule["betas"])
        for beta in make(schedule["betaStart"], schedule["betaEnd"], self.count):
            bar *= 1 - beta
            self.levels.append((math.sqrt(bar), math.sqrt(1 - bar)))
        self.sampling, self.weighting, self.gamma = config["timeSampling"], config["weighting"], config["minSnrGamma"]
        self.pair, self.error = PREDICTIONS[config["prediction"]], LOSSES[config["loss"]]
        self.bound = Bound(self.levels, config["variance"]) if config["loss"] in ("hybrid", "vlb") else None
        self.heads = 2 if config["variance"] in LEARNED else 1

    def draw(self, n, random):
        """The steps of n images."""
        if self.sampling == "own":
            return random.integers(n, self.count)
        if self.sampling == "low-discrepancy":
            shares = [(r + i / n) % 1 for r in random.uniform(1).tolist() for i in range(n)]
        else:
            shares = random.uniform(n).tolist() if self.sampling == "uniform" else [1 / (1 + math.exp(-z)) for z in random.normal(n, 0, n).tolist()]
        return [min(math.floor(share * self.count), self.count - 1) for share in shares]

    def weight(self, t):
        """Of the error of an image at step t: 1, or that of x0 by the signal-to-noise ratio in the terms of the prediction."""
        snr, (_, b) = (self.levels[t][0] / self.levels[t][1]) ** 2, self.to_x0(t)
        return {"simple": 1.0, "snr": snr * b * b, "min-snr": min(snr, self.gamma) * b * b}[self.weighting]

    def to_x0(self, t):
        """(a, b) of x0 = a x_t + b F, F what the network predicts at step t."""
        (alpha, sigma), (p, q) = self.levels[t], self.pair(*self.levels[t])
        return q / (alpha * q - sigma * p), -sigma / (alpha * q - sigma * p)

    def costs(self, output, x0, eps, xt, steps):
        """Of each image the error that metrics have, and what is minimised: that, weighted, and in hybrid (Nichol, Dhariwal 2021, equation 16) the bound."""
        (said, v), errors, bits = output.chunk(2, dim=1) if self.heads == 2 else (output, None), None, 0
        if self.error is not None:
            errors = self.error(said - combine((self.pair(*self.levels[t]) for t in steps), x0, eps)).mean(dim=(1, 2, 3))
        if self.bound is not None:
            guess = combine(map(self.to_x0, steps), xt, said)
            bits = self.bound.of(guess if errors is None else guess.detach(), v, x0, xt, steps)
        if errors is None:
            return bits, bits
        return errors, errors * torch.tensor([self.weight(t) for t in steps], dtype=torch.float64).to(errors) + LAMBDA * bits
