"""
Weights from which averages of other lengths are rebuilt, by numpy alone: the formulas of Karras et al. 2024, appendix C.

    python3 power-profiles.py > power-profiles.json

`exponents`: the largest root of g^3 + 7 g^2 + (16 - s^-2) g + 12 - s^-2 for relative lengths s. `cases`: for averages of lengths 0.05 and
0.1 kept at `steps`, the least-squares weights `plain` that the paper has, and `weights` of sum 1; the second is its minimum on that plane,
found here from a basis of the plane. `direct`: share of the profile in each of 12 steps, from the recursion of decays (1 - 1/n)^(g + 1).
"""
import json

import numpy as np


def exponent(s):
    return float(np.roots([1, 7, 16 - s**-2, 12 - s**-2]).real.max())


def products(ta, ga, tb, gb):
    """<p_a, p_b> in logarithms: the powers of large t overflow."""
    m = np.minimum(ta, tb)
    return np.exp(np.log((ga + 1) * (gb + 1) / (ga + gb + 1)) + (ga + gb + 1) * np.log(m) - (ga + 1) * np.log(ta) - (gb + 1) * np.log(tb))


def case(steps, length):
    t = np.repeat(np.asarray(steps, float), 2)
    g = np.tile([exponent(0.05), exponent(0.1)], len(steps))
    a = products(t[:, None], g[:, None], t[None], g[None])
    b = products(t, g, float(steps[-1]), exponent(length))
    n = len(t)
    plane = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, :-1]]))[0][:, 1:]      # all directions of sum 0
    x = np.full(n, 1 / n)
    x = x + plane @ np.linalg.solve(plane.T @ a @ plane, plane.T @ (b - a @ x))
    norm = products(float(steps[-1]), exponent(length), float(steps[-1]), exponent(length))
    error = np.sqrt((x @ a @ x - 2 * x @ b + norm) / norm)
    return {"steps": steps, "length": length, "plain": np.linalg.solve(a, b).tolist(), "weights": x.tolist(), "error": float(error)}


def direct(length, n=12):
    weights = np.zeros(n)
    for i in range(1, n + 1):
        decay = (1 - 1 / i) ** (exponent(length) + 1)
        weights *= decay
        weights[i - 1] = 1 - decay
    return {"length": length, "weights": weights.tolist()}


lengths = [0.01, 0.05, 0.1, 0.13, 0.2, 0.25, 0.2886, 0.3]
print(json.dumps({
    "exponents": {str(s): exponent(s) for s in lengths},
    "cases": [case(steps, s) for steps in ([100, 200, 300, 400], [50, 100, 150, 1000, 4000]) for s in (0.06, 0.13, 0.25, 0.3)],
    "direct": [direct(s) for s in (0.05, 0.1, 0.3)],
}, indent=1))
