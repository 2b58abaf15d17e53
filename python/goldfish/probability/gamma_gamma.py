"""Gamma data of known shape with a gamma prior on their rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import gammaln

from goldfish.probability import check
from goldfish.probability.check import Data, Known
from goldfish.probability.gamma import GammaModel, ratio_estimate
from goldfish.probability.result import Estimate


class GammaGamma(GammaModel):
    """Gamma(shape k, rate lambda) data with known k, lambda ~ Gamma(shape a, rate).

    With n values of sum S the posterior is Gamma(a + n k, rate + S), the maximum-likelihood estimate n k / S, and a new
    value is a scaled beta prime (compound gamma): ``x / rate' ~ BetaPrime(k, a')``.

    Parameters
    ----------
    a : float
        Positive: the prior's shape.
    rate, scale : float
        One of the two, by keyword.
    k : float
        Positive: the data's known shape; 1 gives exponential data.

    Notes
    -----
    Source: Fink, *A Compendium of Conjugate Priors* (1997), section 1.3.3.

    Examples
    --------
    >>> from goldfish.probability import GammaGamma
    >>> GammaGamma(2, rate=1, k=3).update([2.0, 4.5])
    GammaGamma(a=8.0, rate=7.5, k=3.0)
    >>> GammaGamma.mle([2.0, 4.0], k=3)
    Estimate(value=1.0, status='interior')
    """

    _given = ("k",)
    k: float

    def __init__(self, a: float, *, rate: float | None = None, scale: float | None = None, k: float) -> None:
        self._begin_gamma(a, rate, scale, k=check.positive(type(self).__name__, "k", k))

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        check.require(owner, data, data.values > 0, "positive")

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> tuple[float, float]:
        return known["k"] * float(data.weights.sum()), float(data.weights @ data.values)

    @classmethod
    def mle(cls, x: ArrayLike, *, k: float, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Estimate:
        """K / mean."""
        return cls._mle(x, weights, nan_policy, {"k": check.positive(f"{cls.__name__}.mle", "k", k)})

    @classmethod
    def _maximise(cls, statistics: tuple[float, float], known: Known) -> Estimate:
        return ratio_estimate(*statistics)

    def _evidence(self, statistics: tuple[float, float], data: Data) -> float:
        return self._log_ratio(statistics) + float(
            data.weights @ ((self.k - 1) * np.log(data.values) - gammaln(self.k))
        )

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """A scaled beta prime: of one new value, or of the sum of n."""
        n = check.draws(self._owner("predictive"), n)
        return stats.betaprime(n * self.k, self.a, scale=self.rate)
