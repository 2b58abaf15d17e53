"""Ten bags of sweets: a skewed sample and what it is worth once it is corrected.

Nine bags hold 500 sweets each, none of them special; the tenth holds 37, of which 9 are special.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from goldfish import sampling
from goldfish.cli.recitation.worked import Group, Number

_SIZES = [500] * 9 + [37]
_SWEETS = sum(_SIZES)
_TRUTH = Fraction(9, _SWEETS)
# Variance of one draw's y/p when a bag is drawn first: E[(y/p)^2] - T^2.
_ONE_DRAW = 370 * 9 - 81
_SIMULATED = 400


def _large() -> Fraction:
    return sampling.selection_probability([(1, 10), (1, 500)])


def _small() -> Fraction:
    return sampling.selection_probability([(1, 10), (1, 37)])


def _sample(hits: float) -> tuple[Any, Any]:
    """A hundred draws from each bag, with so many special ones, and the chance of each."""
    return np.repeat([0.0, hits / 100], [900, 100]), np.repeat([float(_large()), float(_small())], [900, 100])


def _stratified(hits: int) -> sampling.Estimate:
    strata = [np.zeros(100)] * 9 + [np.repeat([1.0, 0.0], [hits, 100 - hits])]
    return sampling.stratified_mean(strata, _SIZES, bounds=(0, 1))


def _stratified_error() -> float:
    """The estimated variance, averaged over every count that the small bag can give."""
    chances = [math.comb(100, k) * (9 / 37) ** k * (28 / 37) ** (100 - k) for k in range(101)]
    # The estimate divides by n - 1, so its mean is the exact variance.
    return math.sqrt(sum(chance * _stratified(k).se ** 2 for k, chance in enumerate(chances) if chance > 1e-18))


def _designs() -> tuple[float, ...]:
    """Mean and spread of three estimators when a bag is drawn first, a thousand draws a time."""
    rng = np.random.default_rng(42)
    found = []
    for _ in range(_SIMULATED):
        small = rng.binomial(1000, 0.1)
        y = (np.arange(1000) < rng.binomial(small, 9 / 37)).astype(float)
        p = np.where(np.arange(1000) < small, float(_small()), float(_large()))
        unbiased, ratio = sampling.hansen_hurwitz(y, p, N=_SWEETS), sampling.ratio_estimate(y, p)
        found.append((y.mean(), ratio.value, ratio.se, math.sqrt(unbiased.se**2)))
    naive, ratio_value, ratio_error, unbiased_error = np.transpose(found)
    return naive.mean(), naive.std(), ratio_value.mean(), ratio_value.std(), ratio_error.mean(), unbiased_error.mean()


def _design_effect(variance: float) -> float:
    population = np.repeat([1.0, 0.0], [9, _SWEETS - 9])
    return sampling.design_effect(variance, population, np.ones(_SWEETS), 1000)


def _kish() -> float:
    return sampling.kish_effective_size(np.repeat([1.0, 0.074], [900, 100]))


def _proportion(k: int, n: int, method: str) -> tuple[float, float]:
    return sampling.proportion_interval(k, n, method=method)


GROUPS = (
    Group(
        "Ten bags of sweets: weights undo a skewed sample",
        "Hansen and Hurwitz 1943; Horvitz and Thompson 1952; Cochran, Sampling Techniques, 1977",
        (
            Number("chance of one given sweet of a large bag, bag drawn first", Fraction(1, 5000), _large),
            Number("chance of one given sweet of the small bag", Fraction(1, 370), _small),
            Number("share of special sweets that counting alone expects", Fraction(9, 370), lambda: 9 * _small()),
            Number("true share of special sweets", Fraction(9, 4537), lambda: Fraction(9, sum(_SIZES))),
            Number("weight of a sweet of the small bag", Fraction(37, 500), lambda: _large() / _small()),
            Number(
                "the same from the chances alone",
                (1.0, 0.074),
                lambda: sampling.weights_from_selection([float(_large()), float(_small())], normalise="first"),
            ),
            Number("24 special of 1000 drawn, unweighted", 0.024, lambda: _sample(24)[0].mean()),
            Number("the same, weighted (Hajek)", 222 / 113425, lambda: sampling.hajek(*_sample(24)).value),
            Number("the same, stratified: a hundred from each bag", 222 / 113425, lambda: _stratified(24).value),
            Number(
                "weighted, at the expected count 900/37", 9 / 4537, lambda: sampling.hajek(*_sample(900 / 37)).value
            ),
            Number("standard error, a hundred from each bag", 0.00034988996839, _stratified_error, rel=6e-3),
            Number(
                "design effect of a hundred from each bag",
                0.06184,
                lambda: _design_effect(0.00034988996839**2),
                rel=1e-4,
            ),
            Number(
                "design effect of a thousand draws, bag first",
                0.07973,
                lambda: _design_effect(_ONE_DRAW / 1000 / _SWEETS**2),
                rel=1e-4,
            ),
            Number(
                "design effect of a simple random sample (its error is 0.001407038)",
                1.0,
                lambda: _design_effect(0.0014070382**2),
                rel=1e-6,
            ),
            Number("Kish's effective size, which knows nothing of y", 914.3045, _kish, rel=1e-7),
            Number("Kish's weighting effect", 1.093727, lambda: 1000 / _kish(), rel=1e-6),
            Number(
                "bag first, simulated: naive mean and spread, ratio mean and spread, their errors",
                (0.024327, 0.00488, 0.001986, 0.000408, 0.000405, 0.000397289),
                _designs,
                rel=0.1,
            ),
        ),
    ),
    Group(
        "Intervals for counts",
        "Clopper and Pearson 1934; Wilson 1927; Fay and Feuer 1997",
        (
            Number(
                "9 of 37, Clopper-Pearson", (0.117725, 0.411992), lambda: _proportion(9, 37, "clopper-pearson"), 5e-6
            ),
            Number("9 of 37, Wilson", (0.133614, 0.401173), lambda: _proportion(9, 37, "wilson"), 5e-6),
            Number(
                "24 of 1000, Clopper-Pearson",
                (0.015436, 0.035501),
                lambda: _proportion(24, 1000, "clopper-pearson"),
                4e-5,
            ),
            Number("24 of 1000, Wilson", (0.016180, 0.035463), lambda: _proportion(24, 1000, "wilson"), 4e-5),
            Number(
                "0 of 100, Clopper-Pearson: the upper end",
                0.036217,
                lambda: _proportion(0, 100, "clopper-pearson")[1],
                2e-5,
            ),
            Number(
                "five samples, each for 32768.5 objects: interval of the total",
                (53199.2138, 382353.7397),
                lambda: sampling.weighted_poisson_interval([5], [32768.5]),
            ),
        ),
    ),
)
