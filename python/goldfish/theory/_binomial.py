"""Inversion of binomial tails, in log space where a probability is too small for a float."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

# SciPy's inverse has a relative error of some 1e-14, in p or 1 - p; bounds are moved outwards by more than that.
_MARGIN = 1e-12
_SMALLEST = -690.0


def upper_tail_inverse(k: int, n: int, log_delta: float) -> float:
    """The largest p with P(Binomial(n, p) <= k) >= delta, rounded up."""
    if k >= n:
        return 1.0
    if k == 0:
        p = -math.expm1(log_delta / n)
    elif log_delta > _SMALLEST:
        p = float(special.betainccinv(k + 1, n - k, math.exp(log_delta)))
    else:
        p = _bisect(k, n, log_delta)
    return min(math.nextafter(p + _MARGIN * min(p, 1 - p), 1.0), 1.0)


def lower_tail_inverse(k: int, n: int, delta: float) -> float:
    """The smallest p with P(Binomial(n, p) >= k) >= delta, rounded down."""
    if k == 0:
        return 0.0
    p = float(special.betaincinv(k, n - k + 1, delta)) if k < n else delta ** (1 / n)
    return max(math.nextafter(p - _MARGIN * min(p, 1 - p), 0.0), 0.0)


def _bisect(k: int, n: int, log_delta: float) -> float:
    """The upper end of a bracket of the root; ln P(Binomial(n, p) <= k) falls with p."""
    low, high = k / n, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if log_cdf(k, n, middle) >= log_delta:
            low = middle
        else:
            high = middle
    return high


def log_cdf(k: int, n: int, p: float) -> float:
    """Ln P(Binomial(n, p) <= k) for p >= k/n: the last term, times the falling series below it."""
    last = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p)
    i = np.arange(k, 0, -1, dtype=np.float64)
    ratios = np.cumprod(i / (n - i + 1) * (1 - p) / p)
    return last + math.log1p(float(ratios.sum()))
