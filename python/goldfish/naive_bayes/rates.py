"""Families of a rate: Poisson counts and exponential times."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from goldfish.naive_bayes.family import Fit, Scope, Statistics
from goldfish.naive_bayes.labels import Floats
from goldfish.naive_bayes.linear_family import LinearFamily, LinearFit, log
from goldfish.naive_bayes.reduce import Block, Support, View


def _log_factorials(x: Floats) -> Floats:
    return np.asarray(-gammaln(x + 1).sum(axis=1))


class PoissonFamily(LinearFamily):
    """Counts of a class are Poisson with rate (S + alpha) / (n + alpha): alpha fake rows with one event each."""

    support = Support(least=0.0, whole=True)

    kind = "poisson"

    def __init__(self, alpha: Floats) -> None:
        self.alpha = alpha

    def check(self, view: View, block: Block) -> None:
        """ValueError for values outside the support."""
        bad = (block.values < 0) | (block.values != np.floor(block.values))
        if bad.any():
            raise ValueError(
                f"{view.owner}: a poisson feature must hold integers of at least 0, {view.place(block, bad)}"
            )

    def fit(self, statistics: Statistics, scope: Scope) -> Fit:
        """The distributions that the statistics give, smoothed."""
        events, weight = statistics["total"] + self.alpha, statistics["weight"] + self.alpha
        undefined = weight == 0
        rate = np.divide(events, weight, out=np.ones_like(events), where=~undefined)
        return LinearFit(
            self,
            -rate,
            log(rate),
            scope,
            parameters=(rate.shape[1], "D"),
            undefined=undefined,
            never=(rate == 0, False),
            carrier=_log_factorials,
        )

    def zeros(self, statistics: Statistics) -> list[tuple[int, int, int]]:
        """The values that a class never had."""
        total, weight = statistics["total"], statistics["weight"]
        return [(c, j, 1) for c, j in np.argwhere((total == 0) & (weight > 0))]


class ExponentialFamily(LinearFamily):
    """Times of a class are exponential with rate n / S."""

    support = Support(least=0.0)

    kind = "exponential"

    def check(self, view: View, block: Block) -> None:
        """ValueError for values outside the support."""
        bad = block.values < 0
        if bad.any():
            raise ValueError(f"{view.owner}: an exponential feature must be at least 0, {view.place(block, bad)}")

    def fit(self, statistics: Statistics, scope: Scope) -> Fit:
        """The distributions that the statistics give, smoothed."""
        total, weight = statistics["total"], statistics["weight"]
        undefined = (total == 0) | (weight == 0)
        rate = np.divide(weight, total, out=np.ones_like(total), where=~undefined)
        return LinearFit(
            self,
            np.log(rate),
            -rate,
            scope,
            parameters=(rate.shape[1], "D"),
            undefined=undefined,
            advice="it was never observed there, or is 0 throughout",
        )
