"""Confidence intervals for proportions and for weighted sums of rare counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from goldfish._typing import ArrayLike
from goldfish.sampling import _checks
from goldfish.sampling._checks import Floats


def normal_quantile(level: float) -> float:
    """The z with P(-z <= Z <= z) = level."""
    return float(-special.ndtri((1 - level) / 2))


def _wilson(k: int, n: int, level: float) -> tuple[float, float]:
    z, p = normal_quantile(level), k / n
    middle, scale = p + z * z / (2 * n), 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    return (0.0 if k == 0 else (middle - half) / scale), (1.0 if k == n else (middle + half) / scale)


def _clopper_pearson(k: int, n: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else special.betaincinv(k, n - k + 1, tail)
    return float(low), 1.0 if k == n else float(special.betainccinv(k + 1, n - k, tail))


def _jeffreys(k: int, n: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else special.betaincinv(k + 0.5, n - k + 0.5, tail)
    return float(low), 1.0 if k == n else float(special.betainccinv(k + 0.5, n - k + 0.5, tail))


def _agresti_coull(k: int, n: int, level: float) -> tuple[float, float]:
    z = normal_quantile(level)
    trials = n + z * z
    p = (k + z * z / 2) / trials
    half = z * math.sqrt(p * (1 - p) / trials)
    return max(p - half, 0.0), min(p + half, 1.0)


_METHODS: dict[str, Callable[[int, int, float], tuple[float, float]]] = {
    "wilson": _wilson,
    "clopper-pearson": _clopper_pearson,
    "jeffreys": _jeffreys,
    "agresti-coull": _agresti_coull,
}


def proportion_interval(k: int, n: int, *, level: float = 0.95, method: str = "wilson") -> tuple[float, float]:
    r"""Confidence interval for a proportion of which k in n independent draws were seen.

    With z the normal quantile and p = k/n, Wilson's interval is

    .. math:: \frac{p + z^2/2n \pm z\sqrt{p(1-p)/n + z^2/4n^2}}{1 + z^2/n}.

    Parameters
    ----------
    k, n : int
        Successes and draws, 0 <= k <= n, n >= 1.
    level : float
        Confidence, strictly between 0 and 1.
    method : {"wilson", "clopper-pearson", "jeffreys", "agresti-coull"}
        Wilson and Jeffreys cover the level on average, Clopper-Pearson for every proportion (so it is wider),
        Agresti-Coull nearly so. Jeffreys ends at 0 for k = 0 and at 1 for k = n.

    Returns
    -------
    low, high : float
        From 0 to 1.

    Raises
    ------
    ValueError
        If k, n or level are out of range or not whole, or the method is unknown.
    TypeError
        If one of them is no number.

    References
    ----------
    E. B. Wilson, JASA 22 (1927) 209. C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404.
    L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion", Stat. Sci. 16 (2001) 101.

    Examples
    --------
    >>> from goldfish import sampling
    >>> low, high = sampling.proportion_interval(9, 37)
    >>> round(low, 4), round(high, 4)
    (0.1336, 0.4012)
    """
    name = "proportion_interval"
    draws = _checks.whole(name, "n", n, 1)
    hits = _checks.whole(name, "k", k, 0)
    if hits > draws:
        raise ValueError(f"{name}: k must be at most n, {draws}, got {hits}")
    _checks.choice(name, "method", method, tuple(_METHODS))
    return _METHODS[method](hits, draws, _checks.confidence(name, level))


def weighted_poisson_interval(counts: ArrayLike, weights: ArrayLike, *, level: float = 0.95) -> tuple[float, float]:
    r"""Confidence interval for a weighted sum of Poisson counts, by Fay and Feuer's gamma approximation.

    With :math:`y = \sum w k`, :math:`v = \sum w^2 k`, :math:`m = \max w` over all strata (those without a count too)
    and :math:`a = 1 - level`, the ends are

    .. math:: \frac{v}{2y}\chi^2_{a/2}\left(\frac{2y^2}{v}\right), \qquad
        \frac{v + m^2}{2(y + m)}\chi^2_{1-a/2}\left(\frac{2(y + m)^2}{v + m^2}\right).

    It is exact (Garwood's) for one stratum and conservative otherwise.

    Parameters
    ----------
    counts : array_like (S,)
        Whole numbers, what was seen in each stratum.
    weights : array_like (S,)
        What one count stands for; positive.
    level : float
        Confidence, strictly between 0 and 1.

    Returns
    -------
    low, high : float
        In the unit of the weights. `low` is 0 if nothing was counted; `high` never is.

    Raises
    ------
    ValueError
        If a count is negative or no whole number, a weight is not positive, lengths differ, or level is out of range.
    TypeError
        If an argument does not hold numbers.

    References
    ----------
    M. P. Fay, E. J. Feuer, "Confidence intervals for directly standardized rates", Stat. Med. 16 (1997) 791.
    F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936) 437.

    Examples
    --------
    Five samples of 16-byte objects, one sample every 512 KiB: between 53 and 382 thousand objects.

    >>> from goldfish import sampling
    >>> low, high = sampling.weighted_poisson_interval([5], [32768.5])
    >>> round(low), round(high)
    (53199, 382354)
    """
    name = "weighted_poisson_interval"
    k, w = _checks.floats(name, "counts", counts), _checks.floats(name, "weights", weights)
    _checks.first(name, "counts", k, (k < 0) | (k != np.floor(k)), "whole numbers of at least 0")
    _checks.same_length(name, "weights", w, "counts", len(k))
    _checks.first(name, "weights", w, w <= 0, "positive")
    largest = w.max()
    w = w / largest
    low, high = gamma_limits((w * k).sum(), (w * w * k).sum(), (1.0, 1.0), _checks.confidence(name, level))
    return float(largest * low), float(largest * high)


def gamma_limits(total: Any, variance: Any, one_more: tuple[Any, Any], level: float) -> tuple[Floats, Floats]:
    """Fay and Feuer's limits from sums.

    Takes arrays of totals and of their variances, and what one more count would add to each at most.
    """
    tail = (1 - level) / 2
    y, v = np.asarray(total, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    return _gamma_limit(y, v, tail, upper=False), _gamma_limit(y + one_more[0], v + one_more[1], tail, upper=True)


def _gamma_limit(mean: Floats, variance: Floats, tail: float, *, upper: bool) -> Floats:
    """A quantile of the gamma distribution with this mean and variance; the mean where nothing varies."""
    varies = (mean > 0) & (variance > 0)
    shape = np.divide(mean * mean, variance, out=np.ones_like(mean), where=varies)
    scale = np.divide(variance, mean, out=np.zeros_like(mean), where=varies)
    result: Floats = np.where(varies, scale * _gamma_quantile(shape, tail, upper=upper), mean)
    return result


# Above this shape the inverse incomplete gamma function loses time and then digits, while Wilson and Hilferty's cube
# (PNAS 17, 1931, 684) is right to more digits than a float has.
_NEARLY_NORMAL = 1e12


def _gamma_quantile(shape: Floats, tail: float, *, upper: bool) -> Floats:
    moderate = np.minimum(shape, _NEARLY_NORMAL)
    exact = special.gammainccinv(moderate, tail) if upper else special.gammaincinv(moderate, tail)
    z = special.ndtri(tail) * (-1 if upper else 1)
    cube = shape * (1 - 1 / (9 * shape) + z / (3 * np.sqrt(shape))) ** 3
    result: Floats = np.where(shape > _NEARLY_NORMAL, cube, exact)
    return result
