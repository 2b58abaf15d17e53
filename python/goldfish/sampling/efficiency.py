"""What a design costs or gains in precision."""

from __future__ import annotations

from goldfish._typing import ArrayLike
from goldfish.sampling import _checks


def kish_effective_size(w: ArrayLike) -> float:
    r"""Kish's effective sample size of weights: :math:`(\sum w)^2/\sum w^2`.

    It is the number of equally weighted draws with the same variance *if the weights have nothing to do with the
    values*. It looks at weights alone: where more is drawn on purpose from the strata in which the values vary, it
    promises a loss although the design gains. For a hundred sweets from each of ten bags it finds 914 of 1000, while
    the weighted estimate is as precise as that of 16 000 aligned draws (see `design_effect`).

    Parameters
    ----------
    w : array_like (n,)
        Weights of at least 0, not all 0.

    Returns
    -------
    float
        From 1 to n.

    Raises
    ------
    ValueError
        If a weight is negative, or all are 0.

    References
    ----------
    L. Kish, Survey Sampling (1965), sec. 11.7.

    Examples
    --------
    >>> from goldfish import sampling
    >>> round(sampling.kish_effective_size([1.0] * 900 + [0.074] * 100), 2)
    914.3
    """
    name = "kish_effective_size"
    weights = _checks.floats(name, "w", w)
    _checks.first(name, "w", weights, weights < 0, "at least 0")
    largest = weights.max()
    if largest == 0:
        raise ValueError(f"{name}: w must not be 0 throughout")
    scaled = weights / largest
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def design_effect(var: float, y: ArrayLike, w: ArrayLike, n: int) -> float:
    r"""How the variance of an estimated mean compares with that of a simple random sample of the same size.

    deff = var / (S^2/n), where :math:`S^2 = \sum w(y - \bar y_w)^2/\sum w` estimates the population's variance. Below 1
    the design is more precise than n aligned draws, above 1 less.

    This is the real design effect: it knows the values. Kish's weighting factor n / `kish_effective_size` does not, and
    may lie on the wrong side of 1.

    Parameters
    ----------
    var : float
        The variance of the estimated mean under the design, such as ``estimate.se**2``.
    y : array_like (m,)
        The sampled values (or the whole population's).
    w : array_like (m,)
        Their weights, 1 throughout for a population.
    n : int
        The number of draws to compare with.

    Returns
    -------
    float
        The ratio of variances.

    Raises
    ------
    ValueError
        If var is negative, lengths differ, a weight is negative, all are 0, n is below 1, or y does not vary.

    References
    ----------
    L. Kish, Survey Sampling (1965), sec. 8.2.

    Examples
    --------
    Ten bags, nine hits among 37 sweets of the small one, none among the other 4500; 100 draws from each bag.

    >>> import numpy as np
    >>> from goldfish import sampling
    >>> y = np.repeat([1.0, 0.0], [9, 4528])
    >>> variance = (37 / 4537) ** 2 * (9 / 37) * (28 / 37) / 100
    >>> round(sampling.design_effect(variance, y, np.ones(4537), 1000), 4)
    0.0618
    """
    name = "design_effect"
    values, weights = _checks.floats(name, "y", y), _checks.floats(name, "w", w)
    _checks.same_length(name, "w", weights, "y", len(values))
    _checks.first(name, "w", weights, weights < 0, "at least 0")
    draws = _checks.whole(name, "n", n, 1)
    design = _checks.floats(name, "var", var, ndim=0)
    _checks.first(name, "var", design, design < 0, "at least 0")
    if weights.sum() == 0:
        raise ValueError(f"{name}: w must not be 0 throughout")
    mean = weights @ values / weights.sum()
    spread = weights @ (values - mean) ** 2 / weights.sum()
    if spread == 0:
        raise ValueError(f"{name}: y must vary, got {values[0]:g} throughout")
    return float(design / (spread / draws))
