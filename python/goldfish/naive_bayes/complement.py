"""Naive Bayes with counts, each class judged by the words of all others."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldfish.naive_bayes.discrete import DiscreteNB
from goldfish.naive_bayes.family import Family, Fit, Scope, Statistics
from goldfish.naive_bayes.labels import Floats
from goldfish.naive_bayes.linear_family import CountFamily, LinearFit, log


class ComplementFamily(CountFamily):
    """Weights of words from the counts of all other classes."""

    kind = "complement"

    def __init__(self, alpha: Floats, norm: bool) -> None:
        self.alpha, self.norm = alpha, norm

    def fit(self, statistics: Statistics, scope: Scope) -> Fit:
        """The distributions that the statistics give, smoothed."""
        counts = statistics["total"]
        everywhere = counts.sum(axis=0)
        elsewhere = np.maximum(everywhere - counts, 0.0) + self.alpha
        total = elsewhere.sum(axis=1, keepdims=True)
        undefined = np.broadcast_to(total == 0, counts.shape)
        with np.errstate(invalid="ignore"):
            logged = log(elsewhere) - log(total)
        only_here = elsewhere == 0
        if self.norm and only_here.any():
            raise ValueError(
                f"{scope.owner}: alpha must be positive with norm=True, since feature "
                f"{int(np.argwhere(only_here)[0][1])} occurs in one class alone"
            )
        slope = logged / logged.sum(axis=1, keepdims=True) if self.norm else -logged
        return LinearFit(
            self,
            np.zeros_like(slope),
            slope,
            scope,
            parameters=(counts.shape[1] - 1, "(D - 1)"),
            attributes={"feature_count_": counts, "feature_all_": everywhere, "feature_log_prob_": slope},
            undefined=undefined,
            certain=only_here & ~undefined,
            advice="the other classes have no counts at all; alpha > 0 would smooth them",
        )

    def zeros(self, statistics: Statistics) -> list[tuple[int, int, int]]:
        """The values that a class never had."""
        elsewhere = statistics["total"].sum(axis=0) - statistics["total"]
        return [(c, j, 1) for c, j in np.argwhere((elsewhere <= 0) & (elsewhere.sum(axis=1, keepdims=True) > 0))]


class ComplementNB(DiscreteNB):
    """Complement naive Bayes: scikit-learn's, that merges, and explains itself.

    A class's weight for word j is ``-log`` of the smoothed share that j has in the words of all other classes, so a
    class with few rows is judged by many. A row's score for the class is the weighted sum of its counts; the prior is
    not used unless there is one class. NaN is a count of 0.

    Parameters
    ----------
    alpha : float or array_like of shape (n_features,)
        Fake counts per word. With 0, a word that occurs in one class alone decides for it; two such words of different
        classes in one row are a ValueError.
    force_alpha : bool
        If False, an alpha below 1e-10 is raised to it, with a warning.
    fit_prior, class_prior
        Only for `class_log_prior_`.
    norm : bool
        Whether each class's weights are divided by their sum.

    Attributes
    ----------
    classes_, class_count_, class_log_prior_, feature_count_, feature_all_, feature_log_prob_, n_features_in_
        As in scikit-learn; `feature_log_prob_` are the weights.
    sufficient_statistics_ : dict of ndarray
        ``class_count`` (K,), ``total`` and ``weight`` (K, D).
    n_parameters_, n_parameters_formula_
        K - 1 + K (D - 1).

    Notes
    -----
    `zero_frequency_report` lists (class, word, 1) for words that no other class has. X may be a scipy.sparse CSR matrix
    and stays sparse. Source: Rennie, Shih, Teevan and Karger, "Tackling the poor assumptions of naive Bayes text
    classifiers" (2003).

    Examples
    --------
    >>> from goldfish.naive_bayes import ComplementNB
    >>> clf = ComplementNB().fit([[2, 1, 0], [1, 0, 0], [0, 1, 3]], ["pond", "pond", "kitchen"])
    >>> clf.predict([[1, 1, 0]]).tolist()
    ['pond']
    >>> clf.feature_all_.tolist()
    [3.0, 2.0, 3.0]
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
        norm: bool = False,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.norm = norm

    @property
    def _uses_prior(self) -> bool:
        return len(self.classes_) == 1

    def _families(self, n_features: int) -> list[tuple[Family, NDArray[np.intp] | None]]:
        return [(ComplementFamily(self._alpha(n_features), bool(self.norm)), None)]
