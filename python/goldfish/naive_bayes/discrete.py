"""What the naive Bayes estimators with fake counts share."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags

from goldfish.naive_bayes.base import NaiveBayes
from goldfish.naive_bayes.labels import Floats

_LEAST_ALPHA = 1e-10


class DiscreteNB(NaiveBayes):
    """What the estimators with fake counts share; abstract.

    Examples
    --------
    >>> from goldfish.naive_bayes import BernoulliNB
    >>> from goldfish.naive_bayes.discrete import DiscreteNB
    >>> issubclass(BernoulliNB, DiscreteNB)
    True
    """

    alpha: float | ArrayLike
    force_alpha: bool = True
    fit_prior: bool
    class_prior: ArrayLike | None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def _prior(self) -> Floats:
        return self._given_prior("class_prior", self.class_prior, frequencies=bool(self.fit_prior))

    def _show_prior(self, prior: Floats) -> None:
        self.class_log_prior_ = self._log_prior

    def _alpha(self, n_features: int) -> Floats:
        """Alpha for every feature."""
        owner = type(self).__name__
        try:
            alpha = np.asarray(self.alpha, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{owner}: alpha must be a number or one per feature, got {self.alpha!r}") from error
        if alpha.shape not in ((), (n_features,)):
            raise ValueError(f"{owner}: alpha must be a number or have shape ({n_features},), got shape {alpha.shape}")
        if not (np.isfinite(alpha) & (alpha >= 0)).all():
            raise ValueError(f"{owner}: alpha must be finite and not negative, got {self.alpha!r}")
        if not self.force_alpha and alpha.min() < _LEAST_ALPHA:
            warnings.warn(f"{owner}: alpha below {_LEAST_ALPHA} is raised to it, since force_alpha=False", stacklevel=5)
            alpha = np.maximum(alpha, _LEAST_ALPHA)
        return np.broadcast_to(alpha, (n_features,))

    def _threshold(self, binarize: Any) -> float | None:
        if binarize is None:
            return None
        if not isinstance(binarize, Real) or np.isnan(float(binarize)):
            raise ValueError(f"{type(self).__name__}: binarize must be a number or None, got {binarize!r}")
        return float(binarize)

    def _least_categories(self, given: Any, n_features: int) -> NDArray[np.intp]:
        """min_categories for every feature."""
        if given is None:
            return np.zeros(n_features, dtype=np.intp)
        least = np.asarray(given)
        owner = type(self).__name__
        if least.dtype.kind not in "iu":
            raise ValueError(f"{owner}: min_categories must hold integers, got {given!r}")
        if least.shape not in ((), (n_features,)) or (least < 0).any():
            raise ValueError(f"{owner}: min_categories must be one number or {n_features}, not negative, got {given!r}")
        return np.broadcast_to(least, (n_features,)).astype(np.intp)
