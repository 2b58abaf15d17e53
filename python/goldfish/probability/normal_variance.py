"""Normal data of known mean with an inverse gamma prior on their variance."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import gammaln

from goldfish.probability import check
from goldfish.probability.base import ConjugateModel
from goldfish.probability.check import Data, Known
from goldfish.probability.result import Estimate, Mode


class InvGammaNormal(ConjugateModel):
    """Normal(mu, s2) data with known mean mu, variance s2 ~ InvGamma(shape a, scale).

    With SS the sum of (x - mu)^2 the posterior is InvGamma(a + n/2, scale + SS/2), the maximum-likelihood estimate SS /
    n, the MAP estimate scale' / (a' + 1), and a new value is Student's t with 2a' degrees of freedom at mu, its squared
    scale scale' / a'.

    Parameters
    ----------
    a : float
        Positive: the inverse gamma's shape. The mean is finite above 1, the variance above 2.
    rate, scale : float
        One of the two, by keyword: the density is proportional to ``s2^(-a - 1) exp(-scale / s2)``, and rate = 1 /
        scale.
    mu : float
        The known mean.

    Notes
    -----
    Source: Gelman et al., BDA3, section 2.6.

    Examples
    --------
    >>> from goldfish.probability import InvGammaNormal
    >>> posterior = InvGammaNormal(2, scale=1, mu=0).update([1.0, -1.0, 2.0, 0.0])
    >>> posterior
    InvGammaNormal(a=4.0, scale=4.0, mu=0.0)
    >>> posterior.mode.value, InvGammaNormal.mle([1.0, -1.0, 2.0, 0.0], mu=0).value
    (0.8, 1.5)
    """

    _learned = ("a", "scale")
    _given = ("mu",)
    a: float
    scale: float
    mu: float

    def __init__(self, a: float, *, rate: float | None = None, scale: float | None = None, mu: float) -> None:
        owner = type(self).__name__
        shape = check.positive(owner, "a", a)
        by_rate, by_scale = check.rate_or_scale(owner, rate, scale)
        width = by_scale if by_rate is None else 1 / by_rate
        self._begin(a=shape, scale=width, mu=check.finite(owner, "mu", mu))

    @property
    def rate(self) -> float:
        """1 / scale."""
        return 1 / self.scale

    def _nothing(self) -> tuple[float, float]:
        return 0.0, 0.0

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        pass  # every finite number will do

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> tuple[float, float]:
        return float(data.weights.sum()), float(data.weights @ (data.values - known["mu"]) ** 2)

    def _posterior(self, statistics: tuple[float, float]) -> dict[str, float]:
        return {"a": self.a + statistics[0] / 2, "scale": self.scale + statistics[1] / 2}

    def _evidence(self, statistics: tuple[float, float], data: Data) -> float:
        n, squares = statistics
        after = self._posterior(statistics)
        grown = gammaln(after["a"]) - gammaln(self.a) - self.a * math.log1p(squares / 2 / self.scale)
        return float(grown - n / 2 * math.log(2 * math.pi * after["scale"]))

    @classmethod
    def mle(cls, x: ArrayLike, *, mu: float, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Estimate:
        """The mean squared distance from mu; 0 lies on the boundary."""
        return cls._mle(x, weights, nan_policy, {"mu": check.finite(f"{cls.__name__}.mle", "mu", mu)})

    @classmethod
    def _maximise(cls, statistics: tuple[float, float], known: Known) -> Estimate:
        n, squares = statistics
        if n == 0:
            return Estimate(math.nan, "undefined")
        return Estimate(squares / n, "interior" if squares else "boundary")

    @property
    def mean(self) -> float:
        """Scale / (a - 1), infinite for a <= 1."""
        return self.scale / (self.a - 1) if self.a > 1 else math.inf

    @property
    def var(self) -> float:
        """scale^2 / ((a - 1)^2 (a - 2)), infinite for a <= 2."""
        return self.scale**2 / ((self.a - 1) ** 2 * (self.a - 2)) if self.a > 2 else math.inf

    @property
    def mode(self) -> Mode:
        """Scale / (a + 1)."""
        return Mode(self.scale / (self.a + 1), "interior")

    def _marginals(self) -> stats.distributions.rv_frozen:
        return stats.invgamma(self.a, scale=self.scale)

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """Student's t: of one new value, or of the sum of n."""
        n = check.draws(self._owner("predictive"), n)
        return stats.t(2 * self.a, n * self.mu, math.sqrt(n * self.scale / self.a))
