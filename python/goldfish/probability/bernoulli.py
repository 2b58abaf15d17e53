"""Successes and failures with a beta prior."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import betaln

from goldfish.probability import check
from goldfish.probability.beta import BetaModel
from goldfish.probability.check import Data, Known
from goldfish.probability.result import Estimate, Mode


class BetaBernoulli(BetaModel):
    """Bernoulli(theta) data, theta ~ Beta(a, b).

    With k successes in n trials the posterior is Beta(a + k, b + n - k), the maximum-likelihood estimate k / n, the MAP
    estimate (a + k - 1) / (a + b + n - 2) if both posterior parameters exceed 1, the predictive distribution of n'
    trials beta-binomial, and ``p(x) = B(a + k, b + n - k) / B(a, b)``, times C(n, k) if only the counts are known.

    Parameters
    ----------
    a, b : float
        Positive; a - 1 and b - 1 act as successes and failures seen before.

    Notes
    -----
    `update`, `mle`, `map` and `log_marginal_likelihood` take 0s and 1s, or ``successes=`` with ``trials=``. Source:
    DeGroot (1970), section 9.2; Gelman et al., BDA3, section 2.4.

    Examples
    --------
    Ten clicks in a hundred views, and the belief that about 6 % click:

    >>> from goldfish.probability import BetaBernoulli
    >>> posterior = BetaBernoulli(7, 95).update(successes=10, trials=100)
    >>> posterior
    BetaBernoulli(a=17.0, b=185.0)
    >>> posterior.mode.value, BetaBernoulli.mle(successes=10, trials=100).value
    (0.08, 0.1)
    >>> [round(end, 4) for end in posterior.interval()]
    [0.05, 0.1261]
    >>> round(float(posterior.predictive(20).pmf(0)), 4)
    0.1869
    """

    def __init__(self, a: float, b: float) -> None:
        self._begin_beta(a, b)

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        check.require(owner, data, (data.values == 0) | (data.values == 1), "0 or 1")

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> tuple[float, float]:
        successes = float(data.weights @ data.values)
        return successes, float(data.weights @ (1 - data.values))

    @classmethod
    def _counts(
        cls, method: str, x: Any, successes: Any, trials: Any, weights: ArrayLike | None, nan_policy: str
    ) -> tuple[float, float]:
        owner = f"{cls.__name__}.{method}"
        counted = successes is not None or trials is not None
        if counted == (x is not None) or (successes is None) != (trials is None):
            raise TypeError(f"{owner}: give either x, or both successes= and trials=")
        if not counted:
            return cls._summarise(cls._read(owner, x, weights, nan_policy, {}), {})
        if weights is not None:
            raise TypeError(f"{owner}: weights belong to x; successes= and trials= may be fractional themselves")
        k, n = check.count(owner, "successes", successes), check.count(owner, "trials", trials)
        if k > n:
            raise ValueError(f"{owner}: successes must be at most trials, got {successes} and {trials}")
        return k, n - k

    def update(
        self,
        x: ArrayLike | None = None,
        *,
        successes: float | None = None,
        trials: float | None = None,
        weights: ArrayLike | None = None,
        nan_policy: str = "raise",
    ) -> Self:
        """The posterior after 0s and 1s, or after ``successes`` in ``trials``; else as for every model."""
        return self._after(self._counts("update", x, successes, trials, weights, nan_policy))

    @classmethod
    def mle(
        cls,
        x: ArrayLike | None = None,
        *,
        successes: float | None = None,
        trials: float | None = None,
        weights: ArrayLike | None = None,
        nan_policy: str = "raise",
    ) -> Estimate:
        """The share of successes; 0 and 1 lie on the boundary, and without data there is none."""
        return cls._maximise(cls._counts("mle", x, successes, trials, weights, nan_policy), {})

    @classmethod
    def _maximise(cls, statistics: tuple[float, float], known: Known) -> Estimate:
        successes, failures = statistics
        if successes + failures == 0:
            return Estimate(math.nan, "undefined")
        return Estimate(successes / (successes + failures), "interior" if successes and failures else "boundary")

    def map(
        self,
        x: ArrayLike | None = None,
        *,
        successes: float | None = None,
        trials: float | None = None,
        weights: ArrayLike | None = None,
        nan_policy: str = "raise",
    ) -> Mode:
        """The posterior mode after data: ``update(...).mode``."""
        return self._after(self._counts("map", x, successes, trials, weights, nan_policy)).mode

    def log_marginal_likelihood(
        self,
        x: ArrayLike | None = None,
        *,
        successes: float | None = None,
        trials: float | None = None,
        weights: ArrayLike | None = None,
        nan_policy: str = "raise",
    ) -> float:
        """Log p(x) of the sequence, or of the count of successes, which has the factor C(trials, successes)."""
        k, rest = self._counts("log_marginal_likelihood", x, successes, trials, weights, nan_policy)
        coefficient = 0.0 if x is not None else -float(np.log1p(k + rest) + betaln(k + 1, rest + 1))
        return self._log_ratio((k, rest)) + coefficient

    def _evidence(self, statistics: tuple[float, float], data: Data) -> float:
        return self._log_ratio(statistics)

    def predictive(self, n: int = 1) -> stats.distributions.rv_frozen:
        """Bernoulli(mean) for one trial, the beta-binomial count of successes for n."""
        n = check.draws(self._owner("predictive"), n)
        return stats.bernoulli(self.mean) if n == 1 else stats.betabinom(n, self.a, self.b)
