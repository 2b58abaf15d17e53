"""Intervals: published numbers, exact coverage, refusals."""

import math

import numpy as np
import pytest
from scipy import stats

from goldfish import sampling
from goldfish.sampling.intervals import gamma_limits

METHODS = ["wilson", "clopper-pearson", "jeffreys", "agresti-coull"]


@pytest.mark.parametrize("k, n", [(0, 10), (1, 10), (9, 37), (24, 1000), (37, 37), (5, 10**6)])
def test_proportions_against_scipy(k, n) -> None:
    test = stats.binomtest(k, n)
    for method, theirs in (("wilson", "wilson"), ("clopper-pearson", "exact")):
        for level in (0.8, 0.95, 0.999):
            expected = test.proportion_ci(level, theirs)
            found = sampling.proportion_interval(k, n, level=level, method=method)
            assert found == pytest.approx((expected.low, expected.high), rel=1e-7, abs=1e-15)
    low, high = sampling.proportion_interval(k, n, method="jeffreys")
    beta = stats.beta(k + 0.5, n - k + 0.5)
    assert low == pytest.approx(beta.ppf(0.025) if k else 0)
    assert high == pytest.approx(beta.ppf(0.975) if k < n else 1)


@pytest.mark.parametrize("method", METHODS)
def test_proportions_cover_on_average(method) -> None:
    """Exactly: summed over the binomial distribution, averaged over proportions."""
    n, p = 60, np.linspace(0.02, 0.98, 193)
    k = np.arange(n + 1)
    ends = np.array([sampling.proportion_interval(int(i), n, method=method) for i in k])
    inside = (ends[:, :1] <= p) & (p <= ends[:, 1:])
    cover = (stats.binom.pmf(k[:, None], n, p) * inside).sum(axis=0)
    assert 0.93 <= cover.mean() <= (0.985 if method == "clopper-pearson" else 0.97)
    if method == "clopper-pearson":
        assert cover.min() >= 0.95


@pytest.mark.parametrize("method", METHODS)
def test_proportions_mirror(method) -> None:
    for k in range(12):
        low, high = sampling.proportion_interval(k, 11, method=method) if k <= 11 else (0, 1)
        mirrored = sampling.proportion_interval(11 - k, 11, method=method)
        assert (low, high) == pytest.approx((1 - mirrored[1], 1 - mirrored[0]), abs=1e-12)
        assert 0 <= low <= k / 11 <= high <= 1


def test_one_stratum_is_garwood() -> None:
    for k in (0, 1, 5, 80):
        low, high = sampling.weighted_poisson_interval([k], [3.0], level=0.9)
        assert low == pytest.approx(3 * stats.chi2.ppf(0.05, 2 * k) / 2 if k else 0)
        assert high == pytest.approx(3 * stats.chi2.ppf(0.95, 2 * k + 2) / 2)
    assert sampling.weighted_poisson_interval([5], [32768.5]) == pytest.approx((53199.21377, 382353.73974), rel=1e-9)


@pytest.mark.parametrize(
    "means, weights", [([40.0], [2.0]), ([20, 30, 50], [1, 3, 2]), ([100, 60, 80], [1.0, 2.0, 1.5])]
)
def test_weighted_counts_cover(rng, means, weights) -> None:
    counts = rng.poisson(means, (4000, len(means)))
    truth = np.dot(means, weights)
    ends = np.array([sampling.weighted_poisson_interval(k, weights) for k in counts])
    assert 0.94 <= np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])) <= 0.97


def test_empty_strata_are_charged() -> None:
    with_, without = (sampling.weighted_poisson_interval(*pair) for pair in (([5, 0], [1.0, 30.0]), ([5], [1.0])))
    assert with_[1] > without[1]
    assert with_[0] == pytest.approx(without[0])


def test_limits_of_enormous_counts_are_those_of_the_normal_distribution() -> None:
    """Where the shape passes 10^12 another formula takes over, without a step."""
    for count in (0.99e12, 1.01e12, 1e20, 1e40):
        low, high = gamma_limits(count, count, (1.0, 1.0), 0.95)
        half = stats.norm.ppf(0.975) * math.sqrt(count)
        assert float(low) == pytest.approx(count - half, rel=1e-11)
        assert float(high) == pytest.approx(count + half, rel=1e-11)


@pytest.mark.parametrize(
    "args, kwargs, kind, word",
    [
        ((5, 4), {}, ValueError, "k"),
        ((0.5, 4), {}, ValueError, "k"),
        (("1", 4), {}, TypeError, "k"),
        ((1, 0), {}, ValueError, "n"),
        ((1, 4), {"level": 1}, ValueError, "level"),
        ((1, 4), {"level": None}, TypeError, "level"),
        ((1, 4), {"method": "exact"}, ValueError, "method"),
    ],
)
def test_refused_proportions(args, kwargs, kind, word) -> None:
    with pytest.raises(kind, match=f"^proportion_interval: {word} "):
        sampling.proportion_interval(*args, **kwargs)


@pytest.mark.parametrize(
    "args, word",
    [
        (([-1], [1.0]), "counts"),
        (([0.5], [1.0]), "counts"),
        (([], []), "counts"),
        (([1], [0.0]), "weights"),
        (([1, 2], [1.0]), "weights"),
    ],
)
def test_refused_counts(args, word) -> None:
    with pytest.raises(ValueError, match=f"^weighted_poisson_interval: {word} "):
        sampling.weighted_poisson_interval(*args)
