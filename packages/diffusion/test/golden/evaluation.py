"""Writes evaluation.json: Frechet distances, precision and recall of features in closed form, by NumPy and SciPy in f64.

Formulas as in pytorch-fid (Heusel et al. 2017) and in the code of Kynkaanniemi et al. 2019. Run: python3 evaluation.py > evaluation.json
"""
import json
import numpy as np
from scipy import linalg
from scipy.spatial.distance import cdist

WIDTH = 5


def fill(n, k, scale, base):
    """Element j = base + scale sin(0.7 (k + 1) + 1.3 j + 0.01 j j), without a period that n rows would show."""
    j = np.arange(n * WIDTH, dtype=np.float64)
    return (base + scale * np.sin((0.7 * (k + 1) + 1.3 * j) + (0.01 * j) * j)).reshape(n, WIDTH)


def frechet(a, b):
    mu1, mu2 = a.mean(0), b.mean(0)
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(s1 @ s2)
    return float(((mu1 - mu2) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.trace(root).real)


def within(x, s, k):
    radii = np.sort(cdist(s, s), axis=1)[:, k]
    return float((cdist(x, s) <= radii[None]).any(1).mean())


cases = []
for n, m, scale, base, k in [(40, 40, 1.0, 0.0, 3), (40, 40, 0.7, 0.4, 3), (60, 30, 1.3, 0.2, 3), (25, 50, 0.5, 0.0, 1), (30, 30, 1.0, 3.0, 3)]:
    a, b = fill(n, 1, 1.0, 0.0), fill(m, 2, scale, base)
    cases.append(dict(n=n, m=m, scale=scale, base=base, k=k, frechet=frechet(a, b), precision=within(b, a, k), recall=within(a, b, k)))
print(json.dumps(dict(width=WIDTH, numpy=np.__version__, cases=cases), indent=1))
