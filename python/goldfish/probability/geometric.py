"""Numbers of trials up to a first success with a beta prior."""

from __future__ import annotations

from numpy.typing import ArrayLike
from scipy import stats

from goldfish.probability import check
from goldfish.probability.beta import BetaModel, success_estimate
from goldfish.probability.check import Data, Known
from goldfish.probability.predictive import beta_negative_binomial
from goldfish.probability.result import Estimate


def _support(owner: str, support: int) -> int:
    if support not in (0, 1):
        raise ValueError(f"{owner}: support must be 1 (count trials) or 0 (count failures), got {support!r}")
    return int(support)


class BetaGeometric(BetaModel):
    """Geometric data, success probability p ~ Beta(a, b).

    With n observations of sum S, counted in trials, the posterior is Beta(a + n, b + S - n), the maximum-likelihood
    estimate n / S, and ``p(x) = B(a', b') / B(a, b)``. The predictive probability of x trials is B(a' + 1, b' + x - 1)
    / B(a', b').

    Parameters
    ----------
    a, b : float
        Positive.
    support : {1, 0}
        The smallest possible value: 1 if data count the trials up to and with the success, 0 if they count the failures
        before it.

    Notes
    -----
    Source: DeGroot (1970), section 9.2, with r = 1.

    Examples
    --------
    >>> from goldfish.probability import BetaGeometric
    >>> BetaGeometric(2, 3).update([3, 1, 2])
    BetaGeometric(a=5.0, b=6.0, support=1)
    >>> BetaGeometric.mle([3, 1, 2])
    Estimate(value=0.5, status='interior')
    >>> round(BetaGeometric(2, 3).log_marginal_likelihood([3, 1, 2]), 6)
    -4.65396
    """

    _given = ("support",)
    support: int

    def __init__(self, a: float, b: float, *, support: int = 1) -> None:
        self._begin_beta(a, b, support=_support(type(self).__name__, support))

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        least = known["support"]
        check.require(owner, data, check.whole(data.values - least), f"an integer of at least {least}")

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> tuple[float, float]:
        return float(data.weights.sum()), float(data.weights @ (data.values - known["support"]))

    @classmethod
    def mle(
        cls, x: ArrayLike, *, support: int = 1, weights: ArrayLike | None = None, nan_policy: str = "raise"
    ) -> Estimate:
        """N / (number of trials); 1, on the boundary, if no trial failed."""
        return cls._mle(x, weights, nan_policy, {"support": _support(f"{cls.__name__}.mle", support)})

    @classmethod
    def _maximise(cls, statistics: tuple[float, float], known: Known) -> Estimate:
        return success_estimate(*statistics)

    def _evidence(self, statistics: tuple[float, float], data: Data) -> float:
        return self._log_ratio(statistics)

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """The beta-geometric distribution; for n > 1 the sum of n, a shifted beta-negative-binomial one."""
        n = check.draws(self._owner("predictive"), n)
        return beta_negative_binomial(float(n), self.a, self.b, loc=n * self.support)
