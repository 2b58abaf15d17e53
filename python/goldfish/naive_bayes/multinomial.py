"""Naive Bayes with counts, word counts for instance."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldfish.naive_bayes.discrete import DiscreteNB
from goldfish.naive_bayes.family import Family, Fit, Scope, Statistics
from goldfish.naive_bayes.labels import Floats
from goldfish.naive_bayes.linear_family import CountFamily, LinearFit, log


class MultinomialFamily(CountFamily):
    """All columns together are one draw of words; a missing count is no exposure."""

    kind = "multinomial"

    def __init__(self, alpha: Floats) -> None:
        self.alpha = alpha

    def fit(self, statistics: Statistics, scope: Scope) -> Fit:
        """The distributions that the statistics give, smoothed."""
        smoothed = statistics["total"] + self.alpha
        total = smoothed.sum(axis=1, keepdims=True)
        undefined = np.broadcast_to(total == 0, smoothed.shape)
        with np.errstate(invalid="ignore"):
            slope = log(smoothed) - log(total)
        d = smoothed.shape[1]
        return LinearFit(
            self,
            np.zeros_like(smoothed),
            slope,
            scope,
            parameters=(d - 1, "(D - 1)"),
            attributes={"feature_count_": statistics["total"], "feature_log_prob_": slope},
            undefined=undefined,
            never=(smoothed == 0, False),
            advice="it has no counts at all; alpha > 0 would smooth them",
        )

    def zeros(self, statistics: Statistics) -> list[tuple[int, int, int]]:
        """The values that a class never had."""
        total = statistics["total"]
        return [(c, j, 1) for c, j in np.argwhere((total == 0) & (total.sum(axis=1, keepdims=True) > 0))]


class MultinomialNB(DiscreteNB):
    """Naive Bayes with counts: scikit-learn's, that merges, and explains itself.

    ``P(j | c) = (n_cj + alpha_j) / (n_c + sum of alpha)``, where n_cj is the weighted count of word j in class c, n_c
    that of all words; ``log p(x | c) = sum over j of x_j log P(j | c)``, without the multinomial coefficient. NaN is a
    count of 0.

    Parameters
    ----------
    alpha : float or array_like of shape (n_features,)
        Fake counts per word; 0 is the maximum-likelihood estimate.
    force_alpha : bool
        If False, an alpha below 1e-10 is raised to it, with a warning.
    fit_prior : bool
        Whether the classes' frequencies are the prior; a uniform one otherwise.
    class_prior : array_like of shape (n_classes,), optional
        A prior to use instead; sums to 1.

    Attributes
    ----------
    classes_, class_count_, class_log_prior_, feature_count_, feature_log_prob_, n_features_in_
        As in scikit-learn.
    sufficient_statistics_ : dict of ndarray
        ``class_count`` (K,), ``total`` and ``weight`` (K, D).
    n_parameters_, n_parameters_formula_
        K - 1 + K (D - 1).

    Notes
    -----
    X may be a scipy.sparse CSR matrix and stays sparse. Counts may be fractional. Source: McCallum and Nigam (1998).

    Examples
    --------
    >>> from goldfish.naive_bayes import MultinomialNB
    >>> X, y = [[2, 1, 0], [1, 0, 0], [0, 1, 3]], ["pond", "pond", "kitchen"]
    >>> clf = MultinomialNB().fit(X, y)
    >>> clf.predict([[1, 1, 0]]).tolist()
    ['pond']
    >>> clf.zero_frequency_report()
    [ZeroFrequency(label='kitchen', feature=0, value=1), ZeroFrequency(label='pond', feature=2, value=1)]
    """

    _sparse: ClassVar[bool] = True
    _positive: ClassVar[bool] = True

    def __init__(
        self,
        *,
        alpha: float | ArrayLike = 1.0,
        force_alpha: bool = True,
        fit_prior: bool = True,
        class_prior: ArrayLike | None = None,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior

    def _families(self, n_features: int) -> list[tuple[Family, NDArray[np.intp] | None]]:
        return [(MultinomialFamily(self._alpha(n_features)), None)]
