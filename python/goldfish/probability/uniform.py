"""Uniform data of unknown upper end with a Pareto prior."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from goldfish.probability import check
from goldfish.probability.base import ConjugateModel
from goldfish.probability.check import Data, Known
from goldfish.probability.predictive import pareto_uniform_sum
from goldfish.probability.result import Estimate, Mode


class ParetoUniform(ConjugateModel):
    """Uniform(0, theta) data, theta ~ Pareto(xm, a).

    The posterior is Pareto(max(xm, max x), a + n), the maximum-likelihood estimate max x, on the boundary, as the MAP
    estimate is. The predictive density is ``a' / ((a' + 1) xm')`` up to xm' and falls as ``(xm' / x)^(a' + 1)`` above,
    and ``log p(x) = log a + a log xm - log a' - a' log xm'``.

    Parameters
    ----------
    xm : float
        Positive: theta's lower end.
    a : float
        Positive: the Pareto distribution's shape. The mean is finite above 1, the variance above 2.

    Notes
    -----
    Source: DeGroot (1970), section 9.7.

    Examples
    --------
    >>> from goldfish.probability import ParetoUniform
    >>> posterior = ParetoUniform(0.4, 2).update([0.3, 0.9, 0.5])
    >>> posterior
    ParetoUniform(xm=0.9, a=5.0)
    >>> posterior.mode
    Mode(value=0.9, kind='boundary', interval=None)
    >>> posterior.predictive().pdf([0.2, 1.3]).round(6).tolist()
    [0.925926, 0.101946]
    """

    _learned = ("xm", "a")
    xm: float
    a: float

    def __init__(self, xm: float, a: float) -> None:
        owner = type(self).__name__
        self._begin(xm=check.positive(owner, "xm", xm), a=check.positive(owner, "a", a))

    def _nothing(self) -> tuple[float, float]:
        return 0.0, -math.inf

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        check.require(owner, data, data.values >= 0, "at least 0")

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> tuple[float, float]:
        counted = data.values[data.weights > 0]
        return float(data.weights.sum()), float(counted.max(initial=-math.inf))

    @classmethod
    def _combine(cls, a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
        return a[0] + b[0], max(a[1], b[1])

    def _posterior(self, statistics: tuple[float, float]) -> dict[str, float]:
        n, largest = statistics
        return {"xm": max(self.xm, largest), "a": self.a + n}

    def _evidence(self, statistics: tuple[float, float], data: Data) -> float:
        n, largest = statistics
        growth = math.log(max(largest, self.xm)) - math.log(self.xm)
        return -math.log1p(n / self.a) - n * math.log(self.xm) - (self.a + n) * growth

    @classmethod
    def mle(cls, x: ArrayLike, *, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Estimate:
        """The largest value, always on the boundary."""
        return cls._mle(x, weights, nan_policy, {})

    @classmethod
    def _maximise(cls, statistics: tuple[float, float], known: Known) -> Estimate:
        n, largest = statistics
        return Estimate(largest, "boundary") if n else Estimate(math.nan, "undefined")

    @property
    def mean(self) -> float:
        """A xm / (a - 1), infinite for a <= 1."""
        return self.a * self.xm / (self.a - 1) if self.a > 1 else math.inf

    @property
    def var(self) -> float:
        """A xm^2 / ((a - 1)^2 (a - 2)), infinite for a <= 2."""
        a = self.a
        return a * self.xm**2 / ((a - 1) ** 2 * (a - 2)) if a > 2 else math.inf

    @property
    def mode(self) -> Mode:
        """xm, on the boundary."""
        return Mode(self.xm, "boundary")

    def _marginals(self) -> stats.distributions.rv_frozen:
        return stats.pareto(self.a, scale=self.xm)

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """One new value, or the sum of n."""
        n = check.draws(self._owner("predictive"), n)
        return pareto_uniform_sum(np.float64(n), self.a, scale=self.xm)
