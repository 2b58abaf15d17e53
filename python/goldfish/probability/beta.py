"""Posteriors of a probability that are beta distributions."""

from __future__ import annotations

import math

from scipy import stats
from scipy.special import betaln

from goldfish.probability import check
from goldfish.probability.base import ConjugateModel
from goldfish.probability.result import Estimate, Mode


def beta_mode(a: float, b: float) -> Mode:
    """The mode of Beta(a, b) for every a, b > 0."""
    if a > 1 and b > 1:
        return Mode((a - 1) / (a + b - 2), "interior")
    if a == b == 1:
        return Mode(math.nan, "nonunique", (0.0, 1.0))
    if a < 1 and b < 1:
        return Mode(math.nan, "unbounded")
    return Mode(0.0 if a < b else 1.0, "unbounded" if min(a, b) < 1 else "boundary")


def success_estimate(successes: float, failures: float) -> Estimate:
    """Successes / trials, where trials go on until there is a success."""
    if successes == 0:
        return Estimate(math.nan, "undefined")
    return Estimate(successes / (successes + failures), "interior" if failures else "boundary")


class BetaModel(ConjugateModel):
    """A probability with a Beta(a, b) distribution: what the models below share."""

    _learned = ("a", "b")
    a: float
    b: float

    def _begin_beta(self, a: float, b: float, **known: float) -> None:
        owner = type(self).__name__
        self._begin(a=check.positive(owner, "a", a), b=check.positive(owner, "b", b), **known)

    def _nothing(self) -> tuple[float, float]:
        return 0.0, 0.0

    def _posterior(self, statistics: tuple[float, float]) -> dict[str, float]:
        return {"a": self.a + statistics[0], "b": self.b + statistics[1]}

    def _log_ratio(self, statistics: tuple[float, float]) -> float:
        """Log of B(a', b') / B(a, b)."""
        return float(betaln(self.a + statistics[0], self.b + statistics[1]) - betaln(self.a, self.b))

    @property
    def mean(self) -> float:
        """A / (a + b)."""
        return self.a / (self.a + self.b)

    @property
    def var(self) -> float:
        """A b / ((a + b)^2 (a + b + 1))."""
        total = self.a + self.b
        return self.a / total * (self.b / total) / (total + 1)

    @property
    def mode(self) -> Mode:
        """(a - 1) / (a + b - 2) if both exceed 1; else an end of [0, 1], or no point at all. Never outside [0, 1]."""
        return beta_mode(self.a, self.b)

    def _marginals(self) -> stats.distributions.rv_frozen:
        return stats.beta(self.a, self.b)
