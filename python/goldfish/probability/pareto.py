"""Pareto data of known lower end with a gamma prior on their shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from goldfish.probability import check
from goldfish.probability.check import Data, Known
from goldfish.probability.gamma import GammaModel, ratio_estimate
from goldfish.probability.predictive import log_lomax
from goldfish.probability.result import Estimate


class GammaPareto(GammaModel):
    """Pareto(xm, theta) data with known lower end xm, shape theta ~ Gamma(shape a, rate).

    ``f(x) = theta xm^theta / x^(theta + 1)`` for x >= xm. With T the sum of log(x / xm) the posterior is Gamma(a + n,
    rate + T), the maximum-likelihood estimate n / T, and log(x / xm) of a new value has a Lomax distribution.

    Parameters
    ----------
    a : float
        Positive: the prior's shape.
    rate, scale : float
        One of the two, by keyword.
    xm : float
        Positive: the data's known lower end.

    Notes
    -----
    Source: Arnold and Press, "Bayesian inference for Pareto populations", *Journal of Econometrics* 21 (1983).

    Examples
    --------
    >>> from goldfish.probability import GammaPareto
    >>> posterior = GammaPareto(2, rate=1, xm=1).update([2.0, 4.0])
    >>> posterior.a, round(posterior.rate, 6)
    (4.0, 3.079442)
    >>> round(GammaPareto.mle([2.0, 4.0], xm=1).value, 6)
    0.961797
    """

    _given = ("xm",)
    xm: float

    def __init__(self, a: float, *, rate: float | None = None, scale: float | None = None, xm: float) -> None:
        self._begin_gamma(a, rate, scale, xm=check.positive(type(self).__name__, "xm", xm))

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        check.require(owner, data, data.values >= known["xm"], f"at least xm = {known['xm']:g}")

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> tuple[float, float]:
        return float(data.weights.sum()), float(data.weights @ np.log(data.values / known["xm"]))

    @classmethod
    def mle(cls, x: ArrayLike, *, xm: float, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Estimate:
        """N / sum of log(x / xm); infinite if all data lie at xm."""
        return cls._mle(x, weights, nan_policy, {"xm": check.positive(f"{cls.__name__}.mle", "xm", xm)})

    @classmethod
    def _maximise(cls, statistics: tuple[float, float], known: Known) -> Estimate:
        return ratio_estimate(*statistics)

    def _evidence(self, statistics: tuple[float, float], data: Data) -> float:
        return self._log_ratio(statistics) - float(data.weights @ np.log(data.values))

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """One new value; the sum of several has no closed form, and n > 1 is a ValueError."""
        owner = self._owner("predictive")
        if check.draws(owner, n) > 1:
            raise ValueError(f"{owner}: n must be 1, since the sum of Pareto values has no closed form, got {n}")
        return log_lomax(self.a, self.rate, scale=self.xm)
