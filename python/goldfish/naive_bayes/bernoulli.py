"""Naive Bayes with features of two values."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldfish.naive_bayes.discrete import DiscreteNB
from goldfish.naive_bayes.family import Family, Fit, Scope, Statistics
from goldfish.naive_bayes.labels import Floats
from goldfish.naive_bayes.linear_family import LinearFamily, LinearFit, log
from goldfish.naive_bayes.reduce import Block, Support, View


class BernoulliFamily(LinearFamily):
    """t(x) is 1 above the threshold and 0 elsewhere."""

    kind = "bernoulli"

    def __init__(self, binarize: float | None, alpha: Floats) -> None:
        self.binarize = self.threshold = binarize
        self.alpha = alpha
        self.support = Support(0.0, 1.0, whole=True) if binarize is None else Support()

    def check(self, view: View, block: Block) -> None:
        """ValueError for values outside the support."""
        if self.binarize is None:
            bad = (block.values != 0) & (block.values != 1)
            if bad.any():
                raise ValueError(f"{view.owner}: X must hold 0 and 1 if binarize is None, {view.place(block, bad)}")

    def check_sparse(self, view: View) -> None:
        """ValueError for stored values outside the support."""
        super().check_sparse(view)
        data = view.X.data[~np.isnan(view.X.data)]
        if self.binarize is None and not np.isin(data, (0, 1)).all():
            raise ValueError(
                f"{view.owner}: X must hold 0 and 1 if binarize is None, got {data[~np.isin(data, (0, 1))][0]:g}"
            )
        if self.binarize is not None and self.binarize < 0:
            raise ValueError(
                f"{view.owner}: binarize must not be negative for sparse X, whose zeros are not stored, "
                f"got {self.binarize}"
            )

    def statistic(self, block: Block) -> Floats:
        """t(x), 0 where x is missing."""
        if self.binarize is None:
            return block.values
        above = (block.values > self.binarize).astype(np.float64)
        if block.missing is not None:
            above[block.missing] = 0.0
        return above

    def sparse_statistic(self, view: View) -> tuple[Any, Any]:
        """t(x) and what is missing, as CSR matrices."""
        values, gone = super().sparse_statistic(view)
        above = values.copy()
        above.data = (values.data > (self.binarize or 0.0)).astype(np.float64)
        above.eliminate_zeros()
        return above, gone

    def fit(self, statistics: Statistics, scope: Scope) -> Fit:
        """The distributions that the statistics give, smoothed."""
        ones, weight = statistics["total"], statistics["weight"]
        # The difference of two sums of weights may fall below 0 by rounding.
        zeros = np.maximum(weight - ones, 0.0)
        total = log(weight + 2 * self.alpha)
        with np.errstate(invalid="ignore"):
            one, zero = log(ones + self.alpha) - total, log(zeros + self.alpha) - total
            slope = one - zero
        undefined = np.isneginf(total)
        return LinearFit(
            self,
            zero,
            np.where(np.isneginf(zero), one, np.where(np.isneginf(one), -zero, slope)),
            scope,
            parameters=(weight.shape[1], "D"),
            attributes={"feature_count_": ones, "feature_log_prob_": np.where(undefined, np.nan, one)},
            undefined=undefined,
            never=(np.isneginf(one), np.isneginf(zero)),
        )

    def zeros(self, statistics: Statistics) -> list[tuple[int, int, int]]:
        """The values that a class never had."""
        ones, weight = statistics["total"], statistics["weight"]
        found = [(c, j, 1) for c, j in np.argwhere((ones == 0) & (weight > 0))]
        return found + [(c, j, 0) for c, j in np.argwhere((ones == weight) & (weight > 0))]


class BernoulliNB(DiscreteNB):
    """Naive Bayes with features of two values: scikit-learn's, that merges, skips what is missing, and explains itself.

    ``P(x_j = 1 | c) = (n_cj + alpha_j) / (n_c + 2 alpha_j)``, where n_cj is the weight of the rows of class c in which
    feature j exceeds ``binarize``, and n_c that of the rows in which it is not missing. NaN is missing: left out of
    both counts, and summed out of the likelihood.

    Parameters
    ----------
    alpha : float or array_like of shape (n_features,)
        Fake rows per value: the posterior mean under Beta(alpha, alpha), or the mode under Beta(alpha + 1, alpha + 1).
        0 is the maximum-likelihood estimate; a row that is then impossible under every class is a ValueError.
    force_alpha : bool
        If False, an alpha below 1e-10 is raised to it, with a warning.
    binarize : float or None
        The threshold. None: X already holds 0 and 1, and anything else is a ValueError.
    fit_prior : bool
        Whether the classes' frequencies are the prior; a uniform one otherwise.
    class_prior : array_like of shape (n_classes,), optional
        A prior to use instead; sums to 1.

    Attributes
    ----------
    classes_, class_count_, class_log_prior_, feature_count_, feature_log_prob_, n_features_in_
        As in scikit-learn. `feature_log_prob_` is NaN where a class has no value to learn from and alpha is 0.
    sufficient_statistics_ : dict of ndarray
        ``class_count`` (K,), ``total`` and ``weight`` (K, D): all that `merge` needs.
    n_parameters_, n_parameters_formula_
        K - 1 + K D.

    Notes
    -----
    X may be a scipy.sparse CSR matrix and stays sparse; NaN among its stored values is missing. The log-odds of two
    classes are linear in the binarised features (`decision_boundary`). Source: Mitchell, *Machine Learning* (1997),
    section 6.9; McCallum and Nigam, "A comparison of event models for naive Bayes text classification" (1998).

    Examples
    --------
    Is the owner of a red, not affordable, efficient car interested?

    >>> from goldfish.naive_bayes import BernoulliNB
    >>> X = [[1, 1, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0], [0, 1, 1], [0, 1, 1], [1, 1, 1], [1, 0, 1], [0, 0, 0]]
    >>> y = [1, 0, 0, 1, 0, 0, 1, 1, 0]
    >>> clf = BernoulliNB().fit(X, y)
    >>> clf.predict_proba([[1, 0, 1]]).round(4).tolist()
    [[0.116, 0.884]]
    >>> clf.explain([1, 0, 1]).features.round(2).tolist()  # red speaks for it
    [1.54, 0.56, 0.15]
    >>> clf.predict_proba([[1, float("nan"), 1]]).round(4).tolist()
    [[0.1867, 0.8133]]
    """

    _sparse: ClassVar[bool] = True

    def __init__(
        self,
        *,
        alpha: float | ArrayLike = 1.0,
        force_alpha: bool = True,
        binarize: float | None = 0.0,
        fit_prior: bool = True,
        class_prior: ArrayLike | None = None,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.binarize = binarize
        self.fit_prior = fit_prior
        self.class_prior = class_prior

    def _families(self, n_features: int) -> list[tuple[Family, NDArray[np.intp] | None]]:
        return [(BernoulliFamily(self._threshold(self.binarize), self._alpha(n_features)), None)]
