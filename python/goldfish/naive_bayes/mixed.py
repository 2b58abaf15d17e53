"""Naive Bayes whose columns have different distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish.naive_bayes.bernoulli import BernoulliFamily
from goldfish.naive_bayes.categorical import CategoricalFamily
from goldfish.naive_bayes.discrete import DiscreteNB
from goldfish.naive_bayes.family import Family
from goldfish.naive_bayes.gaussian import GaussianFamily
from goldfish.naive_bayes.labels import Codes
from goldfish.naive_bayes.multinomial import MultinomialFamily
from goldfish.naive_bayes.rates import ExponentialFamily, PoissonFamily

KINDS = ("gaussian", "bernoulli", "categorical", "multinomial", "poisson", "exponential")


class MixedNB(DiscreteNB):
    """Naive Bayes with a distribution per column.

    ``log p(c, x) = log p(c) + sum over columns of log p(x_j | c)``: one prior, and one term per column, whatever its
    kind. NaN is missing: left out of the column's statistics, and summed out of the likelihood (a count of 0 in
    multinomial columns).

    Parameters
    ----------
    features : str, list of str, or dict
        A kind for all columns, one per column, or a mapping from every column (its number, or its name if X is a data
        frame) to a kind: ``'gaussian'``, ``'bernoulli'``, ``'categorical'``, ``'multinomial'`` (all such columns
        together are the counts of one draw of words), ``'poisson'``, ``'exponential'``.
    alpha : float or array_like of shape (n_features,)
        Fake rows per value in bernoulli and categorical columns, fake counts in multinomial ones; a poisson rate is
        (S + alpha) / (n + alpha). Does not act on gaussian and exponential columns.
    binarize : float or None
        The threshold of bernoulli columns, as in `BernoulliNB`.
    fit_prior : bool
        Whether the classes' frequencies are the prior; a uniform one otherwise.
    class_prior : array_like of shape (n_classes,), optional
        A prior to use instead; sums to 1.
    var_smoothing : float
        As in `GaussianNB`, over the gaussian columns.
    min_categories : int or array_like of shape (n_features,), optional
        As in `CategoricalNB`; entries of other columns do not matter.

    Attributes
    ----------
    classes_, class_count_, class_log_prior_, n_features_in_
        As in scikit-learn.
    sufficient_statistics_ : dict
        ``class_count`` (K,), and each kind's statistics, named ``gaussian_mean`` and so on if there are several kinds.
    n_parameters_, n_parameters_formula_
        K - 1 + K times the sum over columns of 2 (gaussian), 1 (bernoulli, poisson, exponential), V_j - 1
        (categorical), and D - 1 for D multinomial columns.

    Notes
    -----
    An exponential rate is n / S, its maximum-likelihood estimate. Source: Mitchell (1997), section 6.9.

    Examples
    --------
    >>> from goldfish.naive_bayes import MixedNB
    >>> nan = float("nan")
    >>> X = [[1.7, 0, 2], [nan, 1, 0], [0.3, 1, 1], [0.1, nan, 1], [2.2, 0, nan], [0.2, 1, 0]]
    >>> y = ["a", "a", "b", "b", "a", "b"]
    >>> clf = MixedNB(features=["gaussian", "bernoulli", "categorical"]).fit(X, y)
    >>> clf.predict([[2.0, 0, nan], [nan, 1, 1]]).tolist()
    ['a', 'b']
    >>> clf.n_parameters_formula_
    'K - 1 + K (2 D + D + sum over j of (V_j - 1)) = 1 + 2 * 5 = 11'
    """

    def __init__(
        self,
        *,
        features: str | Sequence[str] | Mapping[Any, str] = "gaussian",
        alpha: float | ArrayLike = 1.0,
        binarize: float | None = 0.0,
        fit_prior: bool = True,
        class_prior: ArrayLike | None = None,
        var_smoothing: float = 1e-9,
        min_categories: int | ArrayLike | None = None,
    ) -> None:
        self.features = features
        self.alpha = alpha
        self.binarize = binarize
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.var_smoothing = var_smoothing
        self.min_categories = min_categories

    def _kinds(self, n_features: int) -> list[str]:
        """The kind of every column."""
        given = self.features
        if isinstance(given, str):
            kinds = [given] * n_features
        elif isinstance(given, Mapping):
            kinds = self._kinds_by_column(given, n_features)
        elif isinstance(given, (Sequence, np.ndarray)):
            kinds = list(given)
        else:
            raise TypeError(f"MixedNB: features must be a kind, a list of kinds or a dict by column, got {given!r}")
        if len(kinds) != n_features:
            raise ValueError(f"MixedNB: features must name a kind for each of {n_features} columns, got {len(kinds)}")
        for j, kind in enumerate(kinds):
            if kind not in KINDS:
                raise ValueError(f"MixedNB: features must be of {', '.join(KINDS)}, got {kind!r} for column {j}")
        return kinds

    def _kinds_by_column(self, given: Mapping[Any, str], n_features: int) -> list[str]:
        names = {str(name): j for j, name in enumerate(getattr(self, "feature_names_in_", ()))}
        kinds: dict[int, str] = {}
        for column, kind in given.items():
            j = names.get(column) if isinstance(column, str) else column
            if j is None or j not in range(n_features) or j in kinds:
                raise ValueError(f"MixedNB: features must have each of {n_features} columns once, got {column!r}")
            kinds[int(j)] = kind
        left = sorted(set(range(n_features)) - set(kinds))
        if left:
            raise ValueError(f"MixedNB: features must have all of {n_features} columns, got none for column {left[0]}")
        return [kinds[j] for j in range(n_features)]

    def _families(self, n_features: int) -> list[tuple[Family, Codes | None]]:
        kinds = np.array(self._kinds(n_features))
        alpha, least = self._alpha(n_features), self._least_categories(self.min_categories, n_features)
        threshold, smoothing = self._threshold(self.binarize), self._nonnegative("var_smoothing", self.var_smoothing)
        result: list[tuple[Family, Codes | None]] = []
        for kind in dict.fromkeys(kinds.tolist()):
            columns = np.flatnonzero(kinds == kind)
            families: dict[str, Family] = {
                "gaussian": GaussianFamily(smoothing),
                "bernoulli": BernoulliFamily(threshold, alpha[columns]),
                "categorical": CategoricalFamily(alpha[columns], least[columns]),
                "multinomial": MultinomialFamily(alpha[columns]),
                "poisson": PoissonFamily(alpha[columns]),
                "exponential": ExponentialFamily(),
            }
            result.append((families[kind], None if len(columns) == n_features else columns))
        return result
