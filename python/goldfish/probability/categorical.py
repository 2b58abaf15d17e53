"""Categories with a Dirichlet prior."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import gammaln

from goldfish.probability import check
from goldfish.probability.base import ConjugateModel
from goldfish.probability.beta import beta_mode
from goldfish.probability.check import Data, Floats, Known
from goldfish.probability.result import Estimate, Mode


def _log_beta(alpha: Floats) -> float:
    """Log of the multivariate beta function."""
    return float(gammaln(alpha).sum() - gammaln(alpha.sum()))


class DirichletCategorical(ConjugateModel):
    """Categories 0 to K - 1 with probabilities theta ~ Dirichlet(alpha).

    With c_i observations of category i the posterior is Dirichlet(alpha + c), the maximum-likelihood estimate c / n,
    the MAP estimate (alpha_i + c_i - 1) / (sum - K) if no alpha' is below 1, and ``p(x) = B(alpha + c) / B(alpha)``,
    times the multinomial coefficient if only the counts are known.

    Parameters
    ----------
    alpha : array_like of shape (K,)
        Positive; K is at least 2.

    Notes
    -----
    `update`, `mle`, `map` and `log_marginal_likelihood` take categories, or ``counts=`` of shape (K,). All results have
    one entry per category. Source: Gelman et al., BDA3, section 3.4.

    Examples
    --------
    >>> from goldfish.probability import DirichletCategorical
    >>> posterior = DirichletCategorical([1, 1, 2]).update([0, 2, 2, 1])
    >>> posterior
    DirichletCategorical(alpha=[2.0, 2.0, 4.0])
    >>> posterior.mode.value.tolist()
    [0.2, 0.2, 0.6]
    >>> posterior == DirichletCategorical([1, 1, 2]).update(counts=[1, 1, 2])
    True
    """

    _learned = ("alpha",)
    alpha: Floats

    def __init__(self, alpha: ArrayLike) -> None:
        owner = type(self).__name__
        values = check.array(owner, "alpha", alpha)
        if values.ndim != 1 or len(values) < 2:
            raise ValueError(f"{owner}: alpha must have shape (K,) with K of at least 2, got {values.shape}")
        wrong = ~(np.isfinite(values) & (values > 0))
        if wrong.any():
            at = int(wrong.argmax())
            raise ValueError(f"{owner}: alpha must be positive and finite, got {values[at]} at index {at}")
        self._begin(alpha=values)

    def _nothing(self) -> Floats:
        return np.zeros_like(self.alpha)

    def _known(self) -> dict[str, float]:
        return {"K": len(self.alpha)}

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        k = known["K"]
        fits = check.whole(data.values) & (data.values < k)
        check.require(
            owner, data, fits, f"a category from 0 to {k - 1:g}" if np.isfinite(k) else "a category from 0 on"
        )

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> Floats:
        codes = data.values.astype(np.intp)
        size = int(known["K"]) if np.isfinite(known["K"]) else int(codes.max(initial=-1)) + 1
        return np.bincount(codes, weights=data.weights, minlength=size).astype(np.float64)

    @classmethod
    def _combine(cls, a: Floats, b: Floats) -> Floats:
        return a + b

    def _posterior(self, statistics: Floats) -> dict[str, Floats]:
        return {"alpha": self.alpha + statistics}

    @classmethod
    def _counts(
        cls, method: str, x: Any, counts: Any, weights: ArrayLike | None, nan_policy: str, known: Known
    ) -> Floats:
        owner = f"{cls.__name__}.{method}"
        if (x is None) == (counts is None):
            raise TypeError(f"{owner}: give either x or counts=")
        if counts is None:
            return cls._summarise(cls._read(owner, x, weights, nan_policy, known), known)
        if weights is not None:
            raise TypeError(f"{owner}: weights belong to x; counts= may be fractional themselves")
        given, k = check.array(owner, "counts", counts), known["K"]
        if given.ndim != 1 or (np.isfinite(k) and len(given) != k):
            raise ValueError(f"{owner}: counts must have one entry per category ({k:g}), got shape {given.shape}")
        wrong = ~(np.isfinite(given) & (given >= 0))
        if wrong.any():
            at = int(wrong.argmax())
            raise ValueError(f"{owner}: counts must be finite and not negative, got {given[at]} at index {at}")
        return given

    def update(
        self,
        x: ArrayLike | None = None,
        *,
        counts: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        nan_policy: str = "raise",
    ) -> Self:
        """The posterior after categories, or after ``counts`` of shape (K,); else as for every model."""
        return self._after(self._counts("update", x, counts, weights, nan_policy, self._known()))

    @classmethod
    def mle(
        cls,
        x: ArrayLike | None = None,
        *,
        counts: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        nan_policy: str = "raise",
    ) -> Estimate:
        """The shares, one per category up to the largest seen or per entry of ``counts``; 0 is on the boundary."""
        return cls._maximise(cls._counts("mle", x, counts, weights, nan_policy, {"K": math.inf}), {})

    @classmethod
    def _maximise(cls, statistics: Floats, known: Known) -> Estimate:
        total = statistics.sum()
        if total == 0:
            return Estimate(np.full(len(statistics), np.nan), "undefined")
        return Estimate(statistics / total, "interior" if (statistics > 0).all() else "boundary")

    def map(
        self,
        x: ArrayLike | None = None,
        *,
        counts: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        nan_policy: str = "raise",
    ) -> Mode:
        """The posterior mode after data: ``update(...).mode``."""
        return self._after(self._counts("map", x, counts, weights, nan_policy, self._known())).mode

    def log_marginal_likelihood(
        self,
        x: ArrayLike | None = None,
        *,
        counts: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        nan_policy: str = "raise",
    ) -> float:
        """Log p(x) of the sequence, or of the counts, which has the multinomial coefficient."""
        c = self._counts("log_marginal_likelihood", x, counts, weights, nan_policy, self._known())
        coefficient = 0.0 if counts is None else float(gammaln(c.sum() + 1) - gammaln(c + 1).sum())
        return _log_beta(self.alpha + c) - _log_beta(self.alpha) + coefficient

    def _evidence(self, statistics: Floats, data: Data) -> float:
        return _log_beta(self.alpha + statistics) - _log_beta(self.alpha)

    @property
    def mean(self) -> Floats:
        """Alpha / sum of alpha."""
        return np.asarray(self.alpha / self.alpha.sum())

    @property
    def var(self) -> Floats:
        """m_i (1 - m_i) / (sum of alpha + 1), m being the mean."""
        total = self.alpha.sum()
        return np.asarray(self.mean * (total - self.alpha) / total / (total + 1))

    @property
    def mode(self) -> Mode:
        """(alpha_i - 1) / (sum - K) if no alpha is below 1; NaN where the density has no single largest point."""
        alpha, k = self.alpha, len(self.alpha)
        if k == 2:
            beta = beta_mode(*alpha)
            return Mode(np.array([beta.value, 1 - beta.value]), beta.kind, beta.interval)
        if (alpha < 1).any():
            return Mode(np.full(k, np.nan), "unbounded")
        if (alpha == 1).all():
            return Mode(np.full(k, np.nan), "nonunique", (0.0, 1.0))
        value = (alpha - 1) / (alpha - 1).sum()
        return Mode(value, "interior" if (alpha > 1).all() else "boundary")

    def _marginals(self) -> list[stats.distributions.rv_frozen]:
        total = self.alpha.sum()
        return [stats.beta(a, total - a) for a in self.alpha]

    def predictive(self, n: int = 1) -> Any:
        """Categorical(mean) for one new observation, the Dirichlet-multinomial counts for n."""
        n = check.draws(self._owner("predictive"), n)
        if n == 1:
            return stats.rv_discrete(values=(np.arange(len(self.alpha)), self.mean))
        return stats.dirichlet_multinomial(self.alpha, n)
