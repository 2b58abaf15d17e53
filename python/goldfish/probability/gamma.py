"""Posteriors of a rate that are gamma distributions."""

from __future__ import annotations

import math

from scipy import stats
from scipy.special import gammaln

from goldfish.probability import check
from goldfish.probability.base import ConjugateModel
from goldfish.probability.result import Estimate, Mode


def gamma_mode(a: float, rate: float) -> Mode:
    """The mode of Gamma(a, rate) for every a, rate > 0."""
    if a > 1:
        return Mode((a - 1) / rate, "interior")
    return Mode(0.0, "boundary" if a == 1 else "unbounded")


def ratio_estimate(events: float, exposure: float) -> Estimate:
    """Events / exposure, the maximum-likelihood estimate of a rate."""
    if events == exposure == 0:
        return Estimate(math.nan, "undefined")
    if exposure == 0:
        return Estimate(math.inf, "infinite")
    return Estimate(events / exposure, "interior" if events else "boundary")


class GammaModel(ConjugateModel):
    """A positive parameter with a Gamma(a, rate) distribution: what the models of rates share."""

    _learned = ("a", "rate")
    a: float
    rate: float

    def _begin_gamma(self, a: float, rate: float | None, scale: float | None, **known: float) -> None:
        owner = type(self).__name__
        shape = check.positive(owner, "a", a)
        by_rate, by_scale = check.rate_or_scale(owner, rate, scale)
        self._begin(a=shape, rate=by_rate if by_scale is None else 1 / by_scale, **known)

    @property
    def scale(self) -> float:
        """1 / rate."""
        return 1 / self.rate

    def _nothing(self) -> tuple[float, float]:
        return 0.0, 0.0

    def _posterior(self, statistics: tuple[float, float]) -> dict[str, float]:
        return {"a": self.a + statistics[0], "rate": self.rate + statistics[1]}

    def _log_ratio(self, statistics: tuple[float, float]) -> float:
        """Log of Gamma(a') / rate'^a' over Gamma(a) / rate^a."""
        more, exposure = statistics
        grown = gammaln(self.a + more) - gammaln(self.a)
        # log(rate'/rate) by log1p: a long series of small exposures must not lose it.
        return float(grown - more * math.log(self.rate + exposure) - self.a * math.log1p(exposure / self.rate))

    @property
    def mean(self) -> float:
        """A / rate."""
        return self.a / self.rate

    @property
    def var(self) -> float:
        """A / rate^2."""
        return self.a / self.rate / self.rate

    @property
    def mode(self) -> Mode:
        """(a - 1) / rate if a > 1, else 0, where the density is unbounded if a < 1."""
        return gamma_mode(self.a, self.rate)

    def _marginals(self) -> stats.distributions.rv_frozen:
        return stats.gamma(self.a, scale=1 / self.rate)
