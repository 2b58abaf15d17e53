"""Why a row belongs to one class rather than to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldfish.naive_bayes.labels import Floats


@dataclass(frozen=True)
class Explanation:
    """The log-odds of two classes for one row, feature by feature: the weights of evidence.

    Attributes
    ----------
    classes : (positive, negative)
        The two labels.
    prior : float
        log p(positive) - log p(negative).
    features : ndarray of shape (n_features,)
        log p(x_j | positive) - log p(x_j | negative); 0 where the value is missing.
    log_odds : float
        ``prior + features.sum()``; positive if the first class is likelier.
    feature_names : ndarray of str, optional
        Those of the fitted data frame.

    Notes
    -----
    Good, *Probability and the Weighing of Evidence* (1950), chapter 6. As text, it lists the features, the strongest
    first.

    Examples
    --------
    >>> from goldfish.naive_bayes import BernoulliNB
    >>> clf = BernoulliNB().fit([[1, 1], [1, 0], [0, 1], [0, 0]], ["spam", "spam", "spam", "ham"])
    >>> print(clf.explain([1, 1]))
    spam rather than ham: log-odds +2.27
      prior      +1.10
      feature 0  +0.59
      feature 1  +0.59
    """

    classes: tuple[Any, Any]
    prior: float
    features: Floats
    log_odds: float
    feature_names: NDArray[Any] | None = None

    def ranked(self) -> list[tuple[str, float]]:
        """(name, contribution) of every feature, the strongest first."""
        names = self.feature_names
        labels = [f"feature {j}" if names is None else str(names[j]) for j in range(len(self.features))]
        order = np.argsort(-np.abs(self.features), kind="stable")
        return [(labels[j], float(self.features[j])) for j in order]

    def __str__(self) -> str:
        """The log-odds, the prior and at most ten features."""
        lines = [("prior", self.prior), *self.ranked()[:10]]
        width = max(len(name) for name, _ in lines)
        head = f"{self.classes[0]} rather than {self.classes[1]}: log-odds {self.log_odds:+.2f}"
        return "\n".join([head, *(f"  {name:<{width}}  {value:+.2f}" for name, value in lines)])
