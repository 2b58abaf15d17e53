"""Numbers of failures before the r-th success with a beta prior."""

from __future__ import annotations

from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import gammaln

from goldfish.probability import check
from goldfish.probability.beta import BetaModel, success_estimate
from goldfish.probability.check import Data, Known
from goldfish.probability.predictive import beta_negative_binomial
from goldfish.probability.result import Estimate


class BetaNegBinomial(BetaModel):
    """Negative binomial data with known r, success probability p ~ Beta(a, b).

    A value counts the failures before the r-th success: ``f(x) = Gamma(x + r) / (Gamma(r) x!) p^r (1 - p)^x``. With n
    observations of sum S the posterior is Beta(a + r n, b + S), the maximum-likelihood estimate r n / (r n + S), and
    the predictive distribution beta-negative-binomial.

    Parameters
    ----------
    a, b : float
        Positive.
    r : float
        Positive; need not be an integer.

    Notes
    -----
    Source: DeGroot (1970), section 9.2.

    Examples
    --------
    >>> from goldfish.probability import BetaNegBinomial
    >>> BetaNegBinomial(2, 3, r=2.5).update([4, 0, 1])
    BetaNegBinomial(a=9.5, b=8.0, r=2.5)
    >>> BetaNegBinomial.mle([4, 0, 1], r=2.5)
    Estimate(value=0.6, status='interior')
    """

    _given = ("r",)
    r: float

    def __init__(self, a: float, b: float, *, r: float) -> None:
        self._begin_beta(a, b, r=check.positive(type(self).__name__, "r", r))

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        check.require(owner, data, check.whole(data.values), "an integer of at least 0")

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> tuple[float, float]:
        return known["r"] * float(data.weights.sum()), float(data.weights @ data.values)

    @classmethod
    def mle(cls, x: ArrayLike, *, r: float, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Estimate:
        """R n / (r n + S); 1, on the boundary, if there was no failure."""
        return cls._mle(x, weights, nan_policy, {"r": check.positive(f"{cls.__name__}.mle", "r", r)})

    @classmethod
    def _maximise(cls, statistics: tuple[float, float], known: Known) -> Estimate:
        return success_estimate(*statistics)

    def _evidence(self, statistics: tuple[float, float], data: Data) -> float:
        x, r = data.values, self.r
        return self._log_ratio(statistics) + float(data.weights @ (gammaln(x + r) - gammaln(r) - gammaln(x + 1)))

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """The beta-negative-binomial distribution with n r successes: of one value, or of the sum of n."""
        n = check.draws(self._owner("predictive"), n)
        return beta_negative_binomial(n * self.r, self.a, self.b)
