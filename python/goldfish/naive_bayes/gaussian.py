"""Naive Bayes with normal features, each with its own mean and variance in each class."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldfish import _core
from goldfish.naive_bayes.base import NaiveBayes
from goldfish.naive_bayes.boundary import Quadratic, quadratic
from goldfish.naive_bayes.family import Family, Fit, Scope, Statistics, refuse_undefined
from goldfish.naive_bayes.labels import Floats, Labels
from goldfish.naive_bayes.reduce import Block, View


class GaussianFamily(Family):
    """Statistics: weight, mean and sum of squares about the mean, per class and feature."""

    kind = "gaussian"

    def __init__(self, var_smoothing: float) -> None:
        self.var_smoothing = var_smoothing

    def count(self, view: View, labels: Labels) -> Statistics:
        """The sufficient statistics of rows."""
        total: Statistics = {name: np.zeros((labels.n_classes, view.width)) for name in ("weight", "mean", "m2")}
        with np.errstate(over="ignore", invalid="ignore"):  # `fit` refuses what overflows
            for rows, piece in view.pieces():
                part = labels.part(rows)
                place, weight, mean, m2 = _core.class_moments(
                    piece.X, view.columns, part.codes, part.weights, labels.n_classes
                )
                if place is not None:
                    piece.refuse(place[0], _admit)
                total = self.join(total, {"weight": weight, "mean": mean, "m2": m2})
        return total

    def join(self, a: Statistics, b: Statistics) -> Statistics:
        """Chan, Golub and LeVeque (1983), equation 2.1: no difference of large squares."""
        weight = a["weight"] + b["weight"]
        share = np.divide(b["weight"], weight, out=np.zeros_like(weight), where=weight > 0)
        delta = b["mean"] - a["mean"]
        # A side without data has no mean; taking the other's bits keeps a merge with nothing exact.
        mean = np.where(a["weight"] == 0, b["mean"], a["mean"] + share * delta)
        return {"weight": weight, "mean": mean, "m2": a["m2"] + b["m2"] + delta**2 * (a["weight"] * share)}

    def fit(self, statistics: Statistics, scope: Scope) -> Fit:
        """The distributions that the statistics give, smoothed."""
        broken = ~(np.isfinite(statistics["m2"]) & np.isfinite(statistics["mean"])).all(axis=0)
        if broken.any():
            raise ValueError(f"{scope.owner}: X is too large for a variance in feature {int(broken.argmax())}")
        return _GaussianFit(statistics, self.epsilon(statistics), scope)

    def epsilon(self, statistics: Statistics) -> float:
        """``var_smoothing`` times the largest variance of a feature, all classes together."""
        weight, mean, m2 = statistics["weight"], statistics["mean"], statistics["m2"]
        total = weight.sum(axis=0)
        safe = np.where(total > 0, total, 1)
        centre = (weight * mean).sum(axis=0) / safe
        between = (weight * (mean - centre) ** 2).sum(axis=0)
        return self.var_smoothing * float(((m2.sum(axis=0) + between) / safe).max(initial=0.0))


def _admit(view: View, block: Block) -> None:
    """Every finite value has a density."""


class _GaussianFit(Fit):
    def __init__(self, statistics: Statistics, epsilon: float, scope: Scope) -> None:
        weight = statistics["weight"]
        seen = weight > 0
        var = np.divide(statistics["m2"], weight, out=np.zeros_like(weight), where=seen) + epsilon
        self.scope = scope
        self.undefined = ~seen | (var <= 0)
        self.mean = np.where(seen, statistics["mean"], 0.0)
        self.var = np.where(self.undefined, 1.0, var)
        self.log_width = -0.5 * np.log(2 * math.pi * self.var)
        self.parameters = 2 * weight.shape[1], "2 D"
        self.attributes = {
            "theta_": np.where(seen, self.mean, np.nan),
            "var_": np.where(seen, var, np.nan),
            "epsilon_": epsilon,
        }

    def add_log_likelihood(self, view: View, out: Floats) -> None:
        refuse_undefined(view, self.undefined, self.scope, _ADVICE)
        rate = np.minimum(0.5 / self.var, np.finfo(np.float64).max)
        for rows, piece in view.pieces():
            place = _core.add_normal_scores(piece.X, view.columns, self.mean, rate, self.log_width, out[rows])
            if place is not None:
                piece.refuse(place[0], _admit)

    def terms(self, view: View) -> Floats:
        refuse_undefined(view, self.undefined, self.scope, _ADVICE)
        block = next(view.blocks())
        values = self.log_width - (block.values[0] - self.mean) ** 2 * (0.5 / self.var)
        return values if block.missing is None else np.where(block.missing[0], 0.0, values)

    def boundary(self, owner: str, positive: int, negative: int, prior: float) -> Quadratic:
        pair = [negative, positive]
        if self.undefined[pair].any():
            j = int(self.undefined[pair].any(axis=0).argmax())
            raise ValueError(f"{owner}: feature {j} must have a distribution in both classes ({_ADVICE})")
        return quadratic(self.mean[pair], self.var[pair], prior)

    def window(self) -> tuple[tuple[float, float], tuple[float, float]]:
        reach = 3 * np.sqrt(self.var)
        ends = [
            (float(lo), float(hi))
            for lo, hi in zip((self.mean - reach).min(0), (self.mean + reach).max(0), strict=True)
        ]
        return ends[0], ends[1]


_ADVICE = "it was never observed there, or its variance is 0 and var_smoothing does not widen it"


class GaussianNB(NaiveBayes):
    """Naive Bayes with normal features: scikit-learn's, that merges, skips what is missing, and explains itself.

    ``log p(x | c) = sum over j of -log(2 pi v_cj) / 2 - (x_j - m_cj)^2 / (2 v_cj)`` with the weighted mean m and
    variance v of each class, v enlarged by `epsilon_`. NaN is missing: left out of the feature's statistics, and
    integrated out of the likelihood.

    Parameters
    ----------
    priors : array_like of shape (n_classes,), optional
        The classes' prior; sums to 1. Their frequencies by default.
    var_smoothing : float
        Not negative. `epsilon_` is this share of the largest variance of any feature, over all rows so far. It is added
        when fits are used, and never stored in the statistics, so neither batches nor their order matter.

    Attributes
    ----------
    classes_, class_count_, class_prior_, theta_, var_, epsilon_, n_features_in_
        As in scikit-learn. `theta_` and `var_` are NaN where a class has no value to learn from.
    sufficient_statistics_ : dict of ndarray
        ``class_count`` (K,); ``weight``, ``mean`` and ``m2``, the sum of squares about the mean, (K, D).
    n_parameters_, n_parameters_formula_
        K - 1 + 2 K D.

    Notes
    -----
    Statistics are joined by the rule of Chan, Golub and LeVeque ("Algorithms for computing the sample variance", *The
    American Statistician* 37, 1983), so data of mean 1e8 and standard deviation 1 keep their variance. scikit-learn's
    `epsilon_` ignores weights and, in `partial_fit`, depends on the batch; here a weight of k is k copies, in any
    number of batches. A value for which some class has no distribution (variance 0, or nothing observed) is a
    ValueError at prediction. The log-odds of two classes are quadratic, linear if their variances agree (Ng and Jordan,
    "On discriminative vs. generative classifiers", 2002).

    Examples
    --------
    >>> from goldfish.naive_bayes import GaussianNB
    >>> nan = float("nan")
    >>> X, y = [[1.0, 5.0], [2.0, nan], [3.0, 7.0], [6.0, 1.0], [8.0, 3.0]], [0, 0, 0, 1, 1]
    >>> clf = GaussianNB().fit(X, y)
    >>> clf.theta_.tolist()
    [[2.0, 6.0], [7.0, 2.0]]
    >>> clf.predict([[2.0, nan], [nan, 2.5]]).tolist()
    [0, 1]
    >>> halves = GaussianNB().fit(X[:2], y[:2]).merge(GaussianNB().fit(X[2:], y[2:]))
    >>> halves.theta_.tolist()
    [[2.0, 6.0], [7.0, 2.0]]
    """

    def __init__(self, *, priors: ArrayLike | None = None, var_smoothing: float = 1e-9) -> None:
        self.priors = priors
        self.var_smoothing = var_smoothing

    def _families(self, n_features: int) -> list[tuple[Family, NDArray[np.intp] | None]]:
        return [(GaussianFamily(self._nonnegative("var_smoothing", self.var_smoothing)), None)]

    def _prior(self) -> Floats:
        return self._given_prior("priors", self.priors, frequencies=True)

    def _show_prior(self, prior: Floats) -> None:
        self.class_prior_ = prior
