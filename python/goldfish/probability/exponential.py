"""Waiting times with a gamma prior on their rate."""

from __future__ import annotations

from numpy.typing import ArrayLike
from scipy import stats

from goldfish.probability import check
from goldfish.probability.check import Data, Known
from goldfish.probability.gamma import GammaModel, ratio_estimate
from goldfish.probability.result import Estimate


class GammaExponential(GammaModel):
    """Exponential(lambda) times, lambda ~ Gamma(shape a, rate).

    With n times of sum S the posterior is Gamma(a + n, rate + S), the maximum-likelihood estimate n / S, the MAP
    estimate (a + n - 1) / (rate + S), and a new time has the Lomax density ``a' rate'^a' / (rate' + t)^(a' + 1)``.

    Parameters
    ----------
    a : float
        Positive: the gamma distribution's shape.
    rate, scale : float
        One of the two, by keyword. The rate is in the unit of the times.

    Notes
    -----
    Source: DeGroot (1970), section 9.4.

    Examples
    --------
    >>> from goldfish.probability import GammaExponential
    >>> posterior = GammaExponential(2, rate=1).update([0.5, 1.5, 0.2])
    >>> posterior
    GammaExponential(a=5.0, rate=3.2)
    >>> round(float(posterior.predictive().pdf(0.1)), 6)
    1.299081
    >>> GammaExponential.mle([0.0, 0.0])
    Estimate(value=inf, status='infinite')
    """

    def __init__(self, a: float, *, rate: float | None = None, scale: float | None = None) -> None:
        self._begin_gamma(a, rate, scale)

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        check.require(owner, data, data.values >= 0, "at least 0")

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> tuple[float, float]:
        return float(data.weights.sum()), float(data.weights @ data.values)

    @classmethod
    def mle(cls, x: ArrayLike, *, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Estimate:
        """1 / mean; infinite if all times are 0."""
        return cls._mle(x, weights, nan_policy, {})

    @classmethod
    def _maximise(cls, statistics: tuple[float, float], known: Known) -> Estimate:
        return ratio_estimate(*statistics)

    def _evidence(self, statistics: tuple[float, float], data: Data) -> float:
        return self._log_ratio(statistics)

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """Lomax for one new time, a scaled beta prime for the sum of n."""
        n = check.draws(self._owner("predictive"), n)
        return stats.lomax(self.a, scale=self.rate) if n == 1 else stats.betaprime(n, self.a, scale=self.rate)
