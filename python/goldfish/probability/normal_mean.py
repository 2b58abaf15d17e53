"""Normal data of known variance with a normal prior on their mean."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike
from scipy import stats

from goldfish.probability import check
from goldfish.probability.base import ConjugateModel
from goldfish.probability.check import Data, Known
from goldfish.probability.moments import Moments
from goldfish.probability.result import Estimate, Mode


class NormalNormal(ConjugateModel):
    """Normal(mu, s2) data with known variance s2, mu ~ Normal(m, t2).

    Precisions add: ``1/t2' = 1/t2 + n/s2`` and ``m' = t2' (m/t2 + n xbar/s2)``. The maximum-likelihood estimate is
    xbar, the MAP estimate m', and a new value is Normal(m', s2 + t2').

    Parameters
    ----------
    m : float
        The prior mean.
    t2 : float
        Positive: the prior variance of mu.
    s2 : float
        Positive: the known variance of one value.

    Notes
    -----
    Source: DeGroot (1970), section 9.5; Gelman et al., BDA3, section 2.5.

    Examples
    --------
    >>> from goldfish.probability import NormalNormal
    >>> posterior = NormalNormal(0, 1, s2=4).update([2.0, 4.0, 3.0, 3.0])
    >>> posterior
    NormalNormal(m=1.5, t2=0.5, s2=4.0)
    >>> round(posterior.predictive().var(), 6).item()
    4.5
    """

    _learned = ("m", "t2")
    _given = ("s2",)
    m: float
    t2: float
    s2: float

    def __init__(self, m: float, t2: float, *, s2: float) -> None:
        owner = type(self).__name__
        known = {"t2": check.positive(owner, "t2", t2), "s2": check.positive(owner, "s2", s2)}
        self._begin(m=check.finite(owner, "m", m), **known)

    def _nothing(self) -> Moments:
        return Moments.none()

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        pass  # every finite number will do

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> Moments:
        return Moments.of(data.values, data.weights)

    @classmethod
    def _combine(cls, a: Moments, b: Moments) -> Moments:
        return a.join(b)

    def _posterior(self, statistics: Moments) -> dict[str, float]:
        share = statistics.n * self.t2 / (self.s2 + statistics.n * self.t2)
        return {
            "m": self.m + share * (statistics.mean - self.m),
            "t2": self.t2 * self.s2 / (self.s2 + statistics.n * self.t2),
        }

    def _evidence(self, statistics: Moments, data: Data) -> float:
        n, mean, scatter = statistics
        spread = self.s2 + n * self.t2
        return -0.5 * float(
            n * math.log(2 * math.pi * self.s2)
            + scatter / self.s2
            + math.log1p(n * self.t2 / self.s2)
            + n * (mean - self.m) ** 2 / spread
        )

    @classmethod
    def mle(cls, x: ArrayLike, *, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Estimate:
        """The sample mean, whatever the known variance."""
        return cls._mle(x, weights, nan_policy, {})

    @classmethod
    def _maximise(cls, statistics: Moments, known: Known) -> Estimate:
        return Estimate(statistics.mean, "interior") if statistics.n else Estimate(math.nan, "undefined")

    @property
    def mean(self) -> float:
        """M."""
        return self.m

    @property
    def var(self) -> float:
        """t2."""
        return self.t2

    @property
    def mode(self) -> Mode:
        """M."""
        return Mode(self.m, "interior")

    def _marginals(self) -> stats.distributions.rv_frozen:
        return stats.norm(self.m, math.sqrt(self.t2))

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """Normal: of one new value, or of the sum of n."""
        n = check.draws(self._owner("predictive"), n)
        return stats.norm(n * self.m, math.sqrt(n * self.s2 + n**2 * self.t2))
