"""Means from samples that were drawn stratum by stratum, or cluster by cluster."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goldfish._typing import ArrayLike
from goldfish.sampling import _checks
from goldfish.sampling._checks import Floats
from goldfish.sampling.design import probabilities
from goldfish.sampling.errors import SamplingWarning
from goldfish.sampling.estimate import Estimate, quantile


@dataclass(frozen=True)
class _ChargeEmpty:
    """An interval that allows for values which the constant strata did not show.

    What a stratum of weight W with n equal draws c hides: with confidence 1 - a/2 at most a share -ln(a/2)/n of its
    units differ, and by at most the distance from c to the end of the range. If all constant strata share the allowance
    in the worst way, the mean moves by -ln(a/2) max(W/n distance). This is joined with the error of the other strata by
    adding squares, as for limits of a sum of independent estimates.
    """

    value: float
    se: float
    df: float
    # Per constant stratum: weight, weight per draw, and the distances to the lower and upper end of the range.
    weight: tuple[float, ...]
    per_draw: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]

    def __call__(self, level: float) -> tuple[float, float]:
        seen = quantile(level, self.df) * self.se
        allowance = -math.log((1 - level) / 2)
        low = math.hypot(seen, self._hidden(self.below, allowance))
        high = math.hypot(seen, self._hidden(self.above, allowance))
        return self.value - low, self.value + high

    def _hidden(self, distance: tuple[float, ...], allowance: float) -> float:
        worst = allowance * max((w * d for w, d in zip(self.per_draw, distance, strict=True)), default=0.0)
        return min(worst, math.fsum(w * d for w, d in zip(self.weight, distance, strict=True)))


def stratified_mean(
    values: Sequence[ArrayLike],
    sizes: ArrayLike,
    *,
    interval: str = "charge-empty",
    bounds: tuple[float, float] | None = None,
    fpc: bool = False,
) -> Estimate:
    r"""Mean of a population from independent samples of its strata: :math:`\sum_h \frac{N_h}{N} \bar y_h`.

    Its variance is estimated by :math:`\sum_h (N_h/N)^2 s_h^2/n_h`.

    Parameters
    ----------
    values : sequence of array_like (n_h,)
        The sampled values of each stratum.
    sizes : array_like (H,)
        The number of units N_h of each stratum in the population.
    interval : {"charge-empty", "wald"}
        What ``interval()`` of the result does about strata whose draws are all equal, such as 0 hits in 900: they add
        nothing to the standard error although they may hide rare units. "charge-empty" widens the interval by what they
        can hide: at confidence 1 - a/2 a share -ln(a/2)/n of their units (the rule of three), each at the end of the
        range. "wald" is value +- t se and does not see them.
    bounds : (low, high), optional
        The smallest and the largest value that a unit can have; those in the sample if None.
    fpc : bool
        Whether each stratum was drawn without replacement, so that its variance has the factor 1 - n_h/N_h.

    Returns
    -------
    Estimate
        With n - H degrees of freedom. One draw in a stratum gives ``se`` nan and a SamplingWarning.

    Raises
    ------
    ValueError
        If a stratum has no draws, a size is not positive, lengths differ, a value lies outside `bounds`, the interval
        is unknown, or ``fpc`` meets more draws than units.

    References
    ----------
    W. G. Cochran, Sampling Techniques, 3rd ed. (1977), ch. 5. J. A. Hanley, A. Lippman-Hand, "If nothing goes wrong, is
    everything all right?", JAMA 249 (1983) 1743. G. Y. Zou, A. Donner, Stat. Med. 27 (2008) 1693 (adding squares).

    Examples
    --------
    Ten bags of sweets, nine of 500 and one of 37; a hundred draws from each, 24 hits, all in the small bag.

    >>> import numpy as np
    >>> from goldfish import sampling
    >>> draws = [np.zeros(100)] * 9 + [np.repeat([1.0, 0.0], [24, 76])]
    >>> e = sampling.stratified_mean(draws, [500] * 9 + [37])
    >>> round(e.value, 5), round(e.se, 5)
    (0.00196, 0.00035)
    >>> [round(end, 4) for end in e.interval()]
    [0.0013, 0.0061]
    >>> [round(end, 4) for end in sampling.stratified_mean(draws, [500] * 9 + [37], interval="wald").interval()]
    [0.0013, 0.0026]
    """
    name = "stratified_mean"
    strata, population = _checks.groups(name, values, sizes, "stratum")
    _checks.choice(name, "interval", interval, ("charge-empty", "wald"))
    n = np.array([len(stratum) for stratum in strata])
    weight = population / population.sum()
    means = np.array([stratum.mean() for stratum in strata])
    variances = np.array([stratum.var(ddof=1) if len(stratum) > 1 else math.nan for stratum in strata])
    rest = _left(name, n, population) if fpc else 1.0
    variance = float((weight**2 * variances / n * rest).sum())
    if (n == 1).any():
        stratum = int(np.argmax(n == 1))
        warnings.warn(f"{name}: values[{stratum}] has one draw, so the standard error is unknown", SamplingWarning, 2)
    value, se, df = float(weight @ means), math.sqrt(variance), float(n.sum() - len(n))
    low, high = _range(name, strata, bounds)
    if interval == "wald":
        return Estimate(value, se, name, df)
    hidden = (variances == 0) & (np.asarray(rest) > 0)
    if hidden.all() and low == high:
        warnings.warn(
            f"{name}: every value is {low:g}, so the interval is empty unless bounds= tells what could have been",
            SamplingWarning,
            2,
        )
    columns = (weight[hidden], (weight / n)[hidden], means[hidden] - low, high - means[hidden])
    parts = (tuple(column.tolist()) for column in (columns[0], columns[1], columns[2], columns[3]))
    weight_, per_draw, below, above = parts
    return Estimate(value, se, name, df, _ChargeEmpty(value, se, df, weight_, per_draw, below, above))


def _range(name: str, strata: list[Floats], bounds: tuple[float, float] | None) -> tuple[float, float]:
    """The smallest and the largest value that a unit can have."""
    low = min(float(stratum.min()) for stratum in strata)
    high = max(float(stratum.max()) for stratum in strata)
    if bounds is None:
        return low, high
    ends = _checks.floats(name, "bounds", bounds)
    if ends.shape != (2,) or not ends[0] <= low <= high <= ends[1]:
        raise ValueError(f"{name}: bounds must be two numbers around all values, {low:g} to {high:g}, got {bounds}")
    return float(ends[0]), float(ends[1])


def _left(name: str, n: Floats, population: Floats) -> Floats:
    """The finite-population corrections."""
    _checks.first(name, "sizes", population, population < n, "at least the number of draws where fpc=True")
    return 1 - n / population


def cluster_mean(
    values: Sequence[ArrayLike], sizes: ArrayLike, *, clusters: int | None = None, fpc: bool = False
) -> Estimate:
    r"""Mean of a population from a simple random sample of m clusters.

    The ratio of estimated totals, :math:`\bar y = \sum M_i\bar y_i/\sum M_i`, with the variance between clusters
    :math:`\frac{m}{m-1}\sum \left(M_i(\bar y_i - \bar y)/\sum M\right)^2`, whatever the sampling inside.

    Parameters
    ----------
    values : sequence of array_like (m_i,)
        The values observed in each sampled cluster: all of its units, or a random part.
    sizes : array_like (m,)
        The number of units M_i of each sampled cluster.
    clusters : int, optional
        The number of clusters in the population; for ``fpc``.
    fpc : bool
        Whether clusters were drawn without replacement and are observed whole: the variance has the factor
        1 - m/clusters. (`two_stage` is for clusters observed in part.)

    Returns
    -------
    Estimate
        With m - 1 degrees of freedom. One cluster gives ``se`` nan and a SamplingWarning.

    Raises
    ------
    ValueError
        If a cluster has no values or more than its size, a size is not positive, or lengths differ.

    References
    ----------
    W. G. Cochran, Sampling Techniques, 3rd ed. (1977), ch. 9 and 9A.

    Examples
    --------
    >>> from goldfish import sampling
    >>> e = sampling.cluster_mean([[1, 2, 3], [2, 3, 4], [5, 6, 7]], [3, 3, 3])
    >>> round(e.value, 3), round(e.se, 3)
    (3.667, 1.202)
    """
    name = "cluster_mean"
    sampled, units = _clusters(name, values, sizes)
    totals = units * [cluster.mean() for cluster in sampled]
    left = 1 - len(sampled) / _population(name, clusters, len(sampled)) if fpc else 1.0
    value = float(totals.sum() / units.sum())
    between = _between(name, (totals - value * units) / units.sum())
    return Estimate(value, math.sqrt(between * left), name, df=len(sampled) - 1)


def two_stage(
    values: Sequence[ArrayLike],
    sizes: ArrayLike,
    *,
    p: ArrayLike | None = None,
    clusters: int | None = None,
    fpc: bool = False,
) -> Estimate:
    r"""Mean per unit from clusters drawn first, and units drawn at random inside them.

    Clusters drawn with equal chances give :math:`\bar y = \sum M_i\bar y_i/\sum M_i`; clusters drawn with replacement
    and probabilities p give :math:`\sum (M_i\bar y_i/p_i)/\sum (M_i/p_i)`. The variance is that between the clusters'
    estimates (the ultimate-cluster variance). With ``fpc=True`` both stages are taken as drawn without replacement:

    .. math:: \left(1 - \frac mM\right)\frac{\sum M_i^2(\bar y_i - \bar y)^2}{m(m-1)\bar M^2}
        + \frac{1}{mM\bar M^2}\sum M_i^2\left(1 - \frac{m_i}{M_i}\right)\frac{s_i^2}{m_i}

    with m of M clusters drawn and :math:`\bar M` the mean size of the drawn ones.

    Parameters
    ----------
    values : sequence of array_like (m_i,)
        The values of the units drawn in each drawn cluster.
    sizes : array_like (m,)
        The number of units M_i of each drawn cluster.
    p : array_like (m,), optional
        The probability with which one draw takes this cluster, 0 < p <= 1; equal chances if None.
    clusters : int, optional
        The number M of clusters in the population; for ``fpc``.
    fpc : bool
        Whether both stages were drawn without replacement; not together with `p`.

    Returns
    -------
    Estimate
        With m - 1 degrees of freedom. One cluster gives ``se`` nan and a SamplingWarning.

    Raises
    ------
    ZeroInclusionError
        If a probability is 0.
    ValueError
        As `cluster_mean`; or ``fpc`` comes with `p`, without `clusters`, or with a cluster of one draw out of several
        units.

    References
    ----------
    W. G. Cochran, Sampling Techniques, 3rd ed. (1977), ch. 11, eq. 11.30. C.-E. Särndal, B. Swensson, J. Wretman, Model
    Assisted Survey Sampling (1992), ch. 4.

    Examples
    --------
    >>> from goldfish import sampling
    >>> drawn, sizes = [[1.0, 2.0], [2.0, 4.0, 3.0], [6.0, 5.0]], [20, 30, 10]
    >>> e = sampling.two_stage(drawn, sizes, clusters=40, fpc=True)
    >>> round(e.value, 3), round(e.se, 3)
    (2.917, 0.76)
    """
    name = "two_stage"
    sampled, units = _clusters(name, values, sizes)
    if p is not None and fpc:
        raise ValueError(f"{name}: fpc must be False for clusters drawn with replacement by p")
    chances = np.ones_like(units) if p is None else probabilities(name, "p", p)
    _checks.same_length(name, "p", chances, "values", len(sampled))
    weight = units / chances
    means = np.array([cluster.mean() for cluster in sampled])
    value = float((weight * means).sum() / weight.sum())
    variance = _between(name, weight * (means - value) / weight.sum())
    if fpc:
        population = _population(name, clusters, len(sampled))
        n = np.array([len(cluster) for cluster in sampled])
        _checks.first(name, "sizes", units, (n == 1) & (units > 1), "1 where one unit was drawn and fpc=True")
        within = np.array([cluster.var(ddof=1) if len(cluster) > 1 else 0.0 for cluster in sampled])
        inside = (units**2 * (1 - n / units) * within / n).sum() / units.mean() ** 2
        variance = (1 - len(sampled) / population) * variance + inside / (len(sampled) * population)
    return Estimate(value, math.sqrt(variance), name, df=len(sampled) - 1)


def _clusters(name: str, values: Sequence[ArrayLike], sizes: ArrayLike) -> tuple[list[Floats], Floats]:
    sampled, units = _checks.groups(name, values, sizes, "cluster")
    observed = np.array([len(cluster) for cluster in sampled])
    _checks.first(name, "sizes", units, units < observed, "at least the number of values of the cluster")
    return sampled, units


def _population(name: str, clusters: int | None, sampled: int) -> int:
    if clusters is None:
        raise ValueError(f"{name}: clusters, their number in the population, must be given where fpc=True")
    return _checks.whole(name, "clusters", clusters, sampled)


def _between(name: str, residuals: Floats) -> float:
    """m/(m-1) times the sum of squares; nan for one cluster."""
    m = len(residuals)
    if m == 1:
        warnings.warn(f"{name}: values has one cluster, so the standard error is unknown", SamplingWarning, 3)
        return math.nan
    return float(m / (m - 1) * (residuals**2).sum())
