"""Means and ratios from unequal probabilities, and the mean of sizes that were sampled by size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from goldfish._typing import ArrayLike
from goldfish.sampling import _checks
from goldfish.sampling._checks import Floats
from goldfish.sampling.estimate import Estimate
from goldfish.sampling.totals import poisson_variance, values_and


def hajek(y: ArrayLike, pi: ArrayLike, *, x: ArrayLike | None = None) -> Estimate:
    r"""Estimate a mean, or a ratio of totals, from a sample whose units entered independently.

    :math:`r = \sum (y_i/\pi_i) / \sum (x_i/\pi_i)`, with x = 1 for the mean. Its variance is that of the
    Horvitz-Thompson total of the linearised values :math:`z_i = (y_i - r x_i)/\hat X` under Poisson sampling,
    :math:`\sum (1 - \pi_i) z_i^2/\pi_i^2`.

    Parameters
    ----------
    y : array_like (n,)
        The sampled values.
    pi : array_like (n,)
        Their inclusion probabilities, 0 < pi <= 1.
    x : array_like (n,), optional
        The denominator's values.

    Returns
    -------
    Estimate
        The ratio; it is consistent, its bias is of the order 1/n.

    Raises
    ------
    ZeroInclusionError
        If a probability is 0.
    ValueError
        If lengths differ, a probability lies outside (0, 1], or the denominator's total is 0.

    See Also
    --------
    ratio_estimate : The same ratio for draws with replacement.

    References
    ----------
    J. Hájek, comment in Foundations of Statistical Inference (1971) 236. R. S. Woodruff, JASA 66 (1971) 411.

    Examples
    --------
    A hundred sweets of each of ten bags; those of the small bag are drawn more easily and count less.

    >>> import numpy as np
    >>> from goldfish import sampling
    >>> y = np.repeat([0, 1, 0], [900, 24, 76])
    >>> pi = np.repeat([1 / 5000, 1 / 370], [900, 100])
    >>> round(float(y.mean()), 5), round(sampling.hajek(y, pi).value, 5)
    (0.024, 0.00196)
    """
    value, residual, p = _ratio("hajek", y, "pi", pi, x)
    return Estimate(value, math.sqrt(poisson_variance(residual, p)), "hajek")


def ratio_estimate(y: ArrayLike, p: ArrayLike, *, x: ArrayLike | None = None) -> Estimate:
    r"""Estimate a mean, or a ratio of totals, from n draws with replacement.

    :math:`r = \sum w_i y_i / \sum w_i x_i` with :math:`w_i = 1/p_i`, and x = 1 for the mean; by Taylor linearisation
    its variance is :math:`\frac{n}{n-1}\sum \left(w_i (y_i - r x_i)/\sum w x\right)^2`.

    Parameters
    ----------
    y : array_like (n,)
        The value of each draw.
    p : array_like (n,)
        The probability with which one draw takes this unit, 0 < p <= 1; a common factor does not matter.
    x : array_like (n,), optional
        The denominator's values.

    Returns
    -------
    Estimate
        The ratio, with n - 1 degrees of freedom. One draw gives ``se`` nan.

    Raises
    ------
    ZeroInclusionError
        If a probability is 0.
    ValueError
        If lengths differ, a probability lies outside (0, 1], or the denominator's total is 0.

    References
    ----------
    C.-E. Särndal, B. Swensson, J. Wretman, Model Assisted Survey Sampling (1992), ch. 5.

    Examples
    --------
    >>> from goldfish import sampling
    >>> e = sampling.ratio_estimate([3.0, 5.0, 1.0], [0.1, 0.25, 0.05])
    >>> round(e.value, 3), round(e.se, 3)
    (2.059, 0.936)
    """
    value, residual, chances = _ratio("ratio_estimate", y, "p", p, x)
    n = len(residual)
    variance = n / (n - 1) * float(((residual / chances) ** 2).sum()) if n > 1 else math.nan
    return Estimate(value, math.sqrt(variance), "ratio_estimate", df=n - 1)


def _ratio(function: str, y: ArrayLike, name: str, p: ArrayLike, x: ArrayLike | None) -> tuple[float, Floats, Floats]:
    """The ratio, its linearised values (before weighting), and the probabilities."""
    values, chances = values_and(function, y, name, p)
    below = np.ones_like(values) if x is None else _checks.floats(function, "x", x)
    _checks.same_length(function, "x", below, "y", len(values))
    total = float((below / chances).sum())
    if total == 0:
        raise ValueError(f"{function}: x must have a weighted sum other than 0")
    ratio = float((values / chances).sum()) / total
    return ratio, (values - ratio * below) / total, chances


@dataclass(frozen=True)
class SizeBiasedMean:
    """The mean size of sampled units, as they came and corrected.

    Attributes
    ----------
    biased : Estimate
        The plain mean of the sampled sizes; it estimates E[s^2]/E[s].
    corrected : Estimate
        Their harmonic mean; it estimates E[s], the mean size in the population.

    Examples
    --------
    >>> from goldfish import sampling
    >>> sampling.size_biased_mean([2.0, 4.0, 4.0]).corrected.value
    3.0
    """

    biased: Estimate
    corrected: Estimate


def size_biased_mean(sizes: ArrayLike) -> SizeBiasedMean:
    r"""Mean size when units were sampled with probability proportional to size.

    A byte picked at random lies in a large object more often than in a small one (the inspection paradox): the mean of
    the sampled sizes estimates :math:`E[s^2]/E[s]`. Weighting each by 1/s gives the mean of the population,
    :math:`n/\sum 1/s_i`; it is a ratio estimate with y = s, x = 1 and p proportional to s.

    Parameters
    ----------
    sizes : array_like (n,)
        The sizes of the sampled units; positive.

    Returns
    -------
    SizeBiasedMean
        The plain and the corrected mean, each with its standard error (nan for one unit).

    Raises
    ------
    ValueError
        If a size is not positive.

    References
    ----------
    D. R. Cox, "Some sampling problems in technology", in New Developments in Survey Sampling (1969) 506.

    Examples
    --------
    Half of the objects have 16 bytes and half 4096, but nearly every sampled byte lies in the large ones.

    >>> from goldfish import sampling
    >>> m = sampling.size_biased_mean([16] + [4096] * 256)
    >>> round(m.biased.value), round(m.corrected.value)
    (4080, 2056)
    """
    name = "size_biased_mean"
    array = _checks.floats(name, "sizes", sizes)
    _checks.first(name, "sizes", array, array <= 0, "positive")
    n = len(array)
    error = array.std(ddof=1) / math.sqrt(n) if n > 1 else math.nan
    corrected = ratio_estimate(array, array / array.max())
    return SizeBiasedMean(
        Estimate(float(array.mean()), float(error), "mean", df=n - 1),
        Estimate(corrected.value, corrected.se, name, df=n - 1),
    )
