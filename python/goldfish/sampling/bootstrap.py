"""Bootstrap errors for stratified and clustered samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goldfish._typing import ArrayLike, Rng
from goldfish.sampling import _checks
from goldfish.sampling._checks import Floats
from goldfish.sampling.estimate import Estimate

# Numbers that one block of resampling counts may hold: 32 MB.
_BLOCK = 1 << 22


@dataclass(frozen=True, eq=False)
class _Percentiles:
    """The interval between quantiles of the replicates."""

    replicates: Floats

    def __call__(self, level: float) -> tuple[float, float]:
        low, high = np.quantile(self.replicates, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


def stratified_bootstrap(
    values: Sequence[ArrayLike], sizes: ArrayLike, *, resamples: int = 2000, rng: Rng = None
) -> Estimate:
    r"""The stratified mean, with its error by resampling inside each stratum.

    From the n_h draws of a stratum n_h - 1 are drawn anew with replacement, and their mean enters
    :math:`\sum_h \frac{N_h}{N}\bar y_h`; with one draw fewer the replicates have the right variance,
    :math:`\sum_h (N_h/N)^2 s_h^2/n_h`, for any n_h.

    Like every resampling it cannot invent what a stratum did not show: where draws are all equal, the interval of
    `stratified_mean` is the honest one.

    Parameters
    ----------
    values : sequence of array_like (n_h,)
        The sampled values of each stratum, at least two.
    sizes : array_like (H,)
        The number of units of each stratum in the population.
    resamples : int
        The number of replicates, at least 2.
    rng : int, numpy.random.Generator or None
        Seed or source of the resampling.

    Returns
    -------
    Estimate
        ``se`` is the standard deviation of the replicates, ``interval`` lies between their quantiles.

    Raises
    ------
    ValueError
        If a stratum has fewer than two draws, a size is not positive, lengths differ, or resamples is below 2.

    References
    ----------
    J. N. K. Rao, C. F. J. Wu, "Resampling inference with complex survey data", JASA 83 (1988) 231.

    Examples
    --------
    >>> from goldfish import sampling
    >>> e = sampling.stratified_bootstrap([[1, 3, 2, 4], [10, 12, 11, 15]], [300, 100], rng=0)
    >>> e.value, round(e.se, 1)
    (4.875, 0.6)
    """
    name = "stratified_bootstrap"
    strata, population = _checks.groups(name, values, sizes, "stratum")
    number = _checks.whole(name, "resamples", resamples, 2)
    for i, stratum in enumerate(strata):
        if len(stratum) < 2:
            raise ValueError(f"{name}: values[{i}] must have at least 2 draws, got {len(stratum)}")
    generator = _checks.generator(name, rng)
    weight = population / population.sum()
    replicates = np.zeros(number)
    for share, stratum in zip(weight, strata, strict=True):
        replicates += share * _resample(stratum[:, None], number, generator)[:, 0] / (len(stratum) - 1)
    value = float(sum(share * stratum.mean() for share, stratum in zip(weight, strata, strict=True)))
    return Estimate(value, float(replicates.std(ddof=1)), name, bounds=_Percentiles(replicates))


def cluster_bootstrap(
    values: Sequence[ArrayLike], sizes: ArrayLike, *, resamples: int = 2000, rng: Rng = None
) -> Estimate:
    r"""The cluster mean, with its error by resampling whole clusters.

    From m clusters m - 1 are drawn anew with replacement; each replicate is the ratio
    :math:`\sum M_i\bar y_i/\sum M_i` over them.

    Parameters
    ----------
    values : sequence of array_like (m_i,)
        The values observed in each sampled cluster, at least two clusters.
    sizes : array_like (m,)
        The number of units M_i of each sampled cluster.
    resamples : int
        The number of replicates, at least 2.
    rng : int, numpy.random.Generator or None
        Seed or source of the resampling.

    Returns
    -------
    Estimate
        ``se`` is the standard deviation of the replicates, ``interval`` lies between their quantiles.

    Raises
    ------
    ValueError
        If there are fewer than two clusters, a cluster is empty, a size is not positive, lengths differ, or resamples
        is below 2.

    References
    ----------
    J. N. K. Rao, C. F. J. Wu, "Resampling inference with complex survey data", JASA 83 (1988) 231.

    Examples
    --------
    >>> from goldfish import sampling
    >>> e = sampling.cluster_bootstrap([[1, 2, 3], [2, 3, 4], [5, 6, 7], [3, 4, 5]], [3, 3, 3, 3], rng=0)
    >>> e.value, round(e.se, 1)
    (3.75, 0.9)
    """
    name = "cluster_bootstrap"
    clusters, units = _checks.groups(name, values, sizes, "cluster")
    number = _checks.whole(name, "resamples", resamples, 2)
    if len(clusters) < 2:
        raise ValueError(f"{name}: values must have at least 2 clusters, got {len(clusters)}")
    totals = units * [cluster.mean() for cluster in clusters]
    sums = _resample(np.column_stack([totals, units]), number, _checks.generator(name, rng))
    replicates = sums[:, 0] / sums[:, 1]
    value = float(totals.sum() / units.sum())
    return Estimate(value, float(replicates.std(ddof=1)), name, bounds=_Percentiles(replicates))


def _resample(columns: Floats, number: int, generator: np.random.Generator) -> Floats:
    """Column sums over n - 1 rows drawn with replacement, `number` times: (number, columns)."""
    n = len(columns)
    block = max(1, _BLOCK // n)
    sums = [
        generator.multinomial(n - 1, np.full(n, 1 / n), size=min(block, number - start)) @ columns
        for start in range(0, number, block)
    ]
    return np.concatenate(sums)
