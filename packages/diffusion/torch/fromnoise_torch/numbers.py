"""Random numbers by (seed, stream, counter), of which any part can be had without the rest: bit by bit packages/tensor/src/random and math."""
import functools, math
import torch

M0, M1, W0, W1, MASK = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, 0xFFFFFFFF

def _series(z, coefficients):
    """c_0 + z (c_1 + z (c_2 + ...))"""
    return functools.reduce(lambda value, c: z * value + c, coefficients[-2::-1], torch.full_like(z, coefficients[-1]))

def _log(x):
    """x = 2^k (1 + f), s = f / (2 + f), ln x = k ln 2 + f - s (f - R)."""
    m, k = torch.frexp(x)
    low = 2 * m < 1.4142135623730951
    f, k = torch.where(low, 2 * m, m) - 1, torch.where(low, k - 1, k).to(torch.float64)
    s = f / (2 + f)
    z = s * s
    r = z * _series(z, [2 / (2 * i + 3) for i in range(10)])
    return k * (762123384785 / 1099511627776) - ((s * (f - r) - k * 7.371002565167799e-13) - f)

def _unit_circle(u):
    """cos 2 pi u and sin 2 pi u; quarters of a turn are taken off first."""
    q = torch.floor(4 * u + 0.5)
    x = (4 * u - q) * 1.5707963267948966
    z = x * x
    head, odd, lower = 1 - 0.5 * z, q % 2 == 1, q % 4 >= 2
    c = head + ((1 - head - 0.5 * z) + z * z * _series(z, [(-1) ** i / math.factorial(2 * i + 4) for i in range(7)]))
    s = x + x * z * _series(z, [(-1) ** (i + 1) / math.factorial(2 * i + 3) for i in range(8)])
    cos, sin = torch.where(odd, -s, c), torch.where(odd, c, s)
    return torch.where(lower, -cos, cos), torch.where(lower, -sin, sin)

def _below(bound, words):
    return next(word for word in words if word < 2 ** 32 - 2 ** 32 % bound) % bound

class Random:
    """A stream at a position: `counter` is its next block, which every draw moves on by all that the whole of it takes."""

    def __init__(self, seed, stream, counter=0):
        self.seed, self.stream, self.counter = seed, stream, counter

    def _blocks(self, at, n):
        """The four words of n blocks of Philox4x32-10 (Salmon et al. 2011): int64 [4, n]."""
        index, k0, k1 = torch.arange(n) + at, self.seed & MASK, self.seed >> 32
        c0, c1, c2, c3 = index & MASK, index >> 32, torch.full_like(index, self.stream & MASK), torch.full_like(index, self.stream >> 32)
        for _ in range(10):
            p0, p1 = c0 * M0, c2 * M1                                      # mod 2^64: int64 wraps
            c0, c1, c2, c3 = (p1 >> 32 & MASK) ^ c1 ^ k0, p1 & MASK, (p0 >> 32 & MASK) ^ c3 ^ k1, p0 & MASK
            k0, k1 = k0 + W0 & MASK, k1 + W1 & MASK
        return torch.stack([c0, c1, c2, c3])

    def _units(self, n, begin, end):
        """Two rows of numbers of [0, 1), of the blocks that hold numbers begin .. end - 1 of a draw of n, two a block."""
        at, self.counter = self.counter + begin // 2, self.counter + (n + 1) // 2
        words = self._blocks(at, (end + 1) // 2 - begin // 2)
        return ((words[0::2] >> 5) * 67108864 + (words[1::2] >> 6)).to(torch.float64) / 9007199254740992

    def uniform(self, n):
        return self._units(n, 0, n).t().flatten()[:n]

    def normal(self, n, begin, end):
        """Numbers begin .. end - 1 of a draw of n of N(0, 1) (Box, Muller 1958)."""
        u, v = self._units(n, begin, end)
        pairs = torch.stack(_unit_circle(v), 1) * torch.sqrt(-2 * _log(1 - u))[:, None]
        return pairs.flatten()[begin % 2:][:end - begin]

    def _words(self, expected):
        while True:
            for block in self._blocks(self.counter, expected // 4 + 1).t().tolist():
                self.counter += 1
                yield from block

    def integers(self, n, bound):
        words = self._words(n)
        return [_below(bound, words) for _ in range(n)]

    def permutation(self, n):
        order, words = list(range(n)), self._words(n)                      # Fisher, Yates; Durstenfeld 1964
        for i in range(n - 1, 0, -1):
            j = _below(i + 1, words)
            order[i], order[j] = order[j], order[i]
        return order
