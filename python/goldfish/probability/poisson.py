"""Counts with a gamma prior."""

from __future__ import annotations

from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import gammaln

from goldfish.probability import check
from goldfish.probability.check import Data, Known
from goldfish.probability.gamma import GammaModel, ratio_estimate
from goldfish.probability.result import Estimate


class GammaPoisson(GammaModel):
    """Poisson(lambda) counts, lambda ~ Gamma(shape a, rate).

    With n counts of sum S the posterior is Gamma(a + S, rate + n), the maximum-likelihood estimate S / n, the MAP
    estimate (a + S - 1) / (rate + n) if a + S > 1, else 0. The count of m new periods together is negative binomial
    with size a' and probability rate' / (rate' + m).

    Parameters
    ----------
    a : float
        Positive: the gamma distribution's shape.
    rate, scale : float
        One of the two, by keyword: Gamma(2, rate=2) and Gamma(2, scale=2) are different priors.

    Notes
    -----
    Source: DeGroot (1970), section 9.3; Gelman et al., BDA3, section 2.6.

    Examples
    --------
    Three, four and one posts on three days:

    >>> from goldfish.probability import GammaPoisson
    >>> posterior = GammaPoisson(2, scale=2).update([3, 4, 1])
    >>> posterior
    GammaPoisson(a=10.0, rate=3.5)
    >>> round(posterior.mode.value, 4), round(posterior.mean, 4)
    (2.5714, 2.8571)
    >>> round(float(posterior.predictive(4).pmf(12)), 5)  # twelve posts in the next four days
    0.07626
    """

    def __init__(self, a: float, *, rate: float | None = None, scale: float | None = None) -> None:
        self._begin_gamma(a, rate, scale)

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        check.require(owner, data, check.whole(data.values), "an integer of at least 0")

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> tuple[float, float]:
        return float(data.weights @ data.values), float(data.weights.sum())

    @classmethod
    def mle(cls, x: ArrayLike, *, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Estimate:
        """The mean; 0 lies on the boundary."""
        return cls._mle(x, weights, nan_policy, {})

    @classmethod
    def _maximise(cls, statistics: tuple[float, float], known: Known) -> Estimate:
        return ratio_estimate(*statistics)

    def _evidence(self, statistics: tuple[float, float], data: Data) -> float:
        return self._log_ratio(statistics) - float(data.weights @ gammaln(data.values + 1))

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """Negative binomial: the count of one new period, or of n together."""
        n = check.draws(self._owner("predictive"), n)
        return stats.nbinom(self.a, self.rate / (self.rate + n))
