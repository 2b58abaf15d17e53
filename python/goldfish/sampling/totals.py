"""Totals from unequal probabilities: Horvitz-Thompson and Hansen-Hurwitz."""

from __future__ import annotations

import math
import warnings

import numpy as np

from goldfish._typing import ArrayLike
from goldfish.sampling import _checks
from goldfish.sampling._checks import Floats
from goldfish.sampling.design import probabilities
from goldfish.sampling.errors import SamplingWarning, ZeroInclusionError
from goldfish.sampling.estimate import Estimate

_DESIGNS = ("poisson", "joint", "fixed")


def horvitz_thompson(y: ArrayLike, pi: ArrayLike, *, joint: ArrayLike | None = None, design: str) -> Estimate:
    r"""Estimate a population total from a sample without replacement: :math:`T = \sum y_i/\pi_i`.

    The variance is estimated for the design that produced the sample, which therefore must be named:

    * "poisson", units enter independently: :math:`\sum (1 - \pi_i) y_i^2/\pi_i^2`;
    * "joint", any design: :math:`\sum_{ij} \frac{\pi_{ij} - \pi_i\pi_j}{\pi_{ij}} \frac{y_i y_j}{\pi_i\pi_j}`;
    * "fixed", the sample size is fixed, Sen, Yates and Grundy's form:
      :math:`\sum_{i<j} \frac{\pi_i\pi_j - \pi_{ij}}{\pi_{ij}} \left(\frac{y_i}{\pi_i} - \frac{y_j}{\pi_j}\right)^2`.

    Parameters
    ----------
    y : array_like (n,)
        The sampled values.
    pi : array_like (n,)
        Their inclusion probabilities, 0 < pi <= 1.
    joint : array_like (n, n), optional
        The probabilities that i and j are both in the sample, the diagonal being pi; for "joint" and "fixed".
    design : {"poisson", "joint", "fixed"}
        Where the variance comes from.

    Returns
    -------
    Estimate
        Of the total. ``se`` is nan, with a SamplingWarning, where the variance estimate is negative ("joint" may be),
        or where a fixed design has one unit.

    Raises
    ------
    ZeroInclusionError
        If an inclusion probability, or a joint one, is 0.
    ValueError
        If shapes or probabilities do not fit, or a design lacks `joint` (or has it without using it).

    References
    ----------
    D. G. Horvitz, D. J. Thompson, JASA 47 (1952) 663. A. R. Sen, J. Indian Soc. Agric. Stat. 5 (1953) 119;
    F. Yates, P. M. Grundy, JRSS B 15 (1953) 253. C.-E. Särndal, B. Swensson, J. Wretman, Model Assisted Survey
    Sampling (1992), results 2.8.1 and 2.8.2.

    Examples
    --------
    >>> from goldfish import sampling
    >>> sampling.horvitz_thompson([4.0, 6.0], [0.5, 1.0], design="poisson")
    Estimate(value=14.0, se=5.656854249492381, method='horvitz_thompson', df=inf)
    """
    name = "horvitz_thompson"
    values, inclusion = values_and(name, y, "pi", pi)
    _checks.choice(name, "design", design, _DESIGNS)
    expanded = values / inclusion
    if design == "poisson":
        if joint is not None:
            raise ValueError(f"{name}: joint must be None for design 'poisson', which does not use it")
        variance = poisson_variance(values, inclusion)
    else:
        if joint is None:
            raise ValueError(f"{name}: joint must be given for design {design!r}")
        pairs = _joint(joint, inclusion)
        covariance = (pairs - np.outer(inclusion, inclusion)) / pairs
        if design == "joint":
            variance = float(expanded @ covariance @ expanded)
        else:
            variance = float(-0.5 * (covariance * np.subtract.outer(expanded, expanded) ** 2).sum())
    return Estimate(float(expanded.sum()), _root(name, variance, design, len(values)), name)


def hansen_hurwitz(y: ArrayLike, p: ArrayLike, *, N: float | None = None) -> Estimate:
    r"""Estimate a population total from n draws with replacement: :math:`T = \frac1n\sum y_i/p_i`.

    Its variance is estimated by :math:`\sum (y_i/p_i - T)^2/(n(n-1))`.

    Parameters
    ----------
    y : array_like (n,)
        The value of each draw; a unit that is drawn twice counts twice.
    p : array_like (n,)
        The probability with which one draw takes this unit, 0 < p <= 1.
    N : float, optional
        The number of units in the population; with it the estimate is that of the mean, T/N.

    Returns
    -------
    Estimate
        Of the total, or of the mean; n - 1 degrees of freedom. One draw gives ``se`` nan.

    Raises
    ------
    ZeroInclusionError
        If a probability is 0.
    ValueError
        If lengths differ, a probability lies outside (0, 1], or N is not positive.

    References
    ----------
    M. H. Hansen, W. N. Hurwitz, Ann. Math. Stat. 14 (1943) 333.

    Examples
    --------
    >>> from goldfish import sampling
    >>> e = sampling.hansen_hurwitz([3.0, 5.0, 1.0], [0.1, 0.25, 0.05])
    >>> round(e.value, 2), round(e.se, 2)
    (23.33, 3.33)
    """
    name = "hansen_hurwitz"
    values, chances = values_and(name, y, "p", p)
    units = 1.0 if N is None else _checks.positive(name, "N", N)
    expanded, n = values / chances / units, len(values)
    variance = expanded.var(ddof=1) / n if n > 1 else math.nan
    return Estimate(float(expanded.mean()), math.sqrt(variance), name, df=n - 1)


def poisson_variance(values: Floats, inclusion: Floats) -> float:
    """The estimated variance of a Horvitz-Thompson total if units enter independently."""
    return float(((1 - inclusion) * (values / inclusion) ** 2).sum())


def values_and(function: str, y: ArrayLike, name: str, p: ArrayLike) -> tuple[Floats, Floats]:
    """Sampled values and as many probabilities."""
    values = _checks.floats(function, "y", y)
    chances = probabilities(function, name, p)
    _checks.same_length(function, name, chances, "y", len(values))
    return values, chances


def _joint(joint: ArrayLike, pi: Floats) -> Floats:
    name = "horvitz_thompson"
    pairs = _checks.floats(name, "joint", joint, ndim=2)
    if pairs.shape != (len(pi), len(pi)):
        raise ValueError(f"{name}: joint must have shape {(len(pi), len(pi))}, got {pairs.shape}")
    if (pairs == 0).any():
        index = tuple(np.argwhere(pairs == 0)[0].tolist())
        raise ZeroInclusionError(
            f"{name}: joint must be positive, got 0.0 at index {index}: that pair is never sampled"
        )
    _checks.first(name, "joint", pairs, (pairs < 0) | (pairs > 1), "from 0 to 1")
    _checks.first(name, "joint", pairs, ~np.isclose(pairs, pairs.T, rtol=1e-9, atol=0), "symmetric")
    diagonal = np.diag(pairs)
    _checks.first(name, "joint", diagonal, ~np.isclose(diagonal, pi, rtol=1e-9, atol=0), "equal to pi on the diagonal")
    return pairs


def _root(name: str, variance: float, design: str, n: int) -> float:
    if design == "fixed" and n == 1:
        warnings.warn(f"{name}: one unit of a fixed design tells nothing about its error", SamplingWarning, 3)
        return math.nan
    if variance < 0:
        warnings.warn(f"{name}: the variance estimate is negative, {variance:.3g}", SamplingWarning, 3)
        return math.nan
    return math.sqrt(variance)
