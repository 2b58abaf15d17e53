"""Normal data with a normal inverse gamma prior on mean and variance."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import gammaln

from goldfish.probability import check
from goldfish.probability.base import ConjugateModel
from goldfish.probability.check import Data, Known
from goldfish.probability.moments import Moments
from goldfish.probability.result import Estimate, Mode


class NormalInvGamma(ConjugateModel):
    """Normal(mu, s2) data, s2 ~ InvGamma(shape a, scale), mu given s2 ~ Normal(m, s2 / k).

    With SS the sum of squares about xbar: ``k' = k + n``, ``m' = (k m + n xbar) / k'``, ``a' = a + n/2`` and ``scale' =
    scale + SS/2 + k n (xbar - m)^2 / (2 k')``. The maximum-likelihood estimate is (xbar, SS / n). A new value is
    Student's t with 2a' degrees of freedom at m', its squared scale scale' (k' + 1) / (a' k').

    Parameters
    ----------
    m : float
        The prior mean of mu.
    k : float
        Positive: how many values the prior mean is worth.
    a : float
        Positive: the inverse gamma's shape.
    rate, scale : float
        One of the two, by keyword: the density of s2 is proportional to ``s2^(-a - 1) exp(-scale / s2)``, rate = 1 /
        scale.

    Notes
    -----
    `mean`, `var`, `mode` and `interval` speak of (mu, s2). `mode` is that of the joint density, whose s2 is scale / (a
    + 3/2); `marginal_mode` maximises each marginal density and has scale / (a + 1). Squares are taken about the mean,
    so data far from zero keep their digits. Source: DeGroot (1970), section 9.6; Murphy, "Conjugate Bayesian analysis
    of the Gaussian distribution" (2007), section 3.

    Examples
    --------
    >>> from goldfish.probability import NormalInvGamma
    >>> posterior = NormalInvGamma(0.5, 2, 3, scale=1.5).update([1.2, 0.7, 2.1, 1.9])
    >>> [round(value, 6) for value in (posterior.m, posterior.k, posterior.a, posterior.scale)]
    [1.15, 6.0, 5.0, 2.7575]
    >>> (
    ...     [round(value, 6) for value in posterior.mode.value],
    ...     [round(value, 6) for value in posterior.marginal_mode.value],
    ... )
    ([1.15, 0.424231], [1.15, 0.459583])
    """

    _learned = ("m", "k", "a", "scale")
    m: float
    k: float
    a: float
    scale: float

    def __init__(self, m: float, k: float, a: float, *, rate: float | None = None, scale: float | None = None) -> None:
        owner = type(self).__name__
        centre, worth, shape = (
            check.finite(owner, "m", m),
            check.positive(owner, "k", k),
            check.positive(owner, "a", a),
        )
        by_rate, by_scale = check.rate_or_scale(owner, rate, scale)
        self._begin(m=centre, k=worth, a=shape, scale=by_scale if by_rate is None else 1 / by_rate)

    @property
    def rate(self) -> float:
        """1 / scale."""
        return 1 / self.scale

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
        n, mean, scatter = statistics
        k = self.k + n
        apart = mean - self.m
        scale = self.scale + scatter / 2 + self.k * n / k * apart**2 / 2
        return {"m": self.m + n / k * apart if n else self.m, "k": k, "a": self.a + n / 2, "scale": scale}

    def _evidence(self, statistics: Moments, data: Data) -> float:
        after = self._posterior(statistics)
        grown = gammaln(after["a"]) - gammaln(self.a) + 0.5 * math.log(self.k / after["k"])
        shrunk = self.a * math.log1p((after["scale"] - self.scale) / self.scale)
        return float(grown - shrunk - statistics.n / 2 * math.log(2 * math.pi * after["scale"]))

    @classmethod
    def mle(cls, x: ArrayLike, *, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Estimate:
        """(mean, variance with divisor n); a variance of 0 lies on the boundary."""
        return cls._mle(x, weights, nan_policy, {})

    @classmethod
    def _maximise(cls, statistics: Moments, known: Known) -> Estimate:
        n, mean, scatter = statistics
        if n == 0:
            return Estimate((math.nan, math.nan), "undefined")
        return Estimate((mean, scatter / n), "interior" if scatter > 0 else "boundary")

    @property
    def mean(self) -> tuple[float, float]:
        """(m, scale / (a - 1)); m is the mean of mu for a > 1/2, the other is infinite for a <= 1."""
        return self.m if self.a > 0.5 else math.nan, self.scale / (self.a - 1) if self.a > 1 else math.inf

    @property
    def var(self) -> tuple[float, float]:
        """(scale / ((a - 1) k), scale^2 / ((a - 1)^2 (a - 2))), infinite for a <= 1 and a <= 2."""
        a = self.a
        of_mu = self.scale / ((a - 1) * self.k) if a > 1 else math.inf if a > 0.5 else math.nan
        return of_mu, self.scale**2 / ((a - 1) ** 2 * (a - 2)) if a > 2 else math.inf

    @property
    def mode(self) -> Mode:
        """(m, scale / (a + 3/2)): where the joint density of (mu, s2) is largest."""
        return Mode((self.m, self.scale / (self.a + 1.5)), "interior")

    @property
    def marginal_mode(self) -> Mode:
        """(m, scale / (a + 1)): where each marginal density is largest."""
        return Mode((self.m, self.scale / (self.a + 1)), "interior")

    def _marginals(self) -> list[stats.distributions.rv_frozen]:
        of_mu = stats.t(2 * self.a, self.m, math.sqrt(self.scale / (self.a * self.k)))
        return [of_mu, stats.invgamma(self.a, scale=self.scale)]

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """Student's t: of one new value, or of the sum of n."""
        n = check.draws(self._owner("predictive"), n)
        width = math.sqrt(self.scale / self.a * (n + n**2 / self.k))
        return stats.t(2 * self.a, n * self.m, width)
