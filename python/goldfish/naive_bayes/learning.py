"""Learning by statistics that add up: fit, partial_fit, merge."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from goldfish.naive_bayes.family import Family, Fit, Scope, Statistics
from goldfish.naive_bayes.labels import Codes, Floats, Labels, distinct, encode
from goldfish.naive_bayes.linear_family import log
from goldfish.naive_bayes.reduce import View


class Learner(BaseEstimator, ABC):  # type: ignore[misc]
    """An estimator that learns weighted sufficient statistics; the abstract half of `NaiveBayes` that learns.

    Examples
    --------
    >>> from goldfish.naive_bayes import GaussianNB
    >>> from goldfish.naive_bayes.learning import Learner
    >>> issubclass(GaussianNB, Learner)
    True
    """

    _sparse: ClassVar[bool] = False
    _positive: ClassVar[bool] = False
    _categorical: ClassVar[bool] = False

    classes_: NDArray[Any]
    class_count_: Floats
    n_features_in_: int
    n_parameters_: int
    _statistics: list[Statistics]
    _fits: list[Fit]
    _log_prior: Floats

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = self._sparse
        tags.input_tags.positive_only = self._positive
        tags.input_tags.categorical = self._categorical
        return tags

    @abstractmethod
    def _families(self, n_features: int) -> list[tuple[Family, Codes | None]]:
        """The distributions, and the columns that each is for; ValueError for parameters that are none."""

    @abstractmethod
    def _prior(self) -> Floats:
        """The classes' prior probabilities."""

    @abstractmethod
    def _show_prior(self, prior: Floats) -> None:
        """Set the attribute by which scikit-learn shows the prior."""

    @property
    def _uses_prior(self) -> bool:
        return True

    # Learning: on a copy, which takes this estimator's place when nothing has failed.

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from data, forgetting what was learned before.

        Parameters
        ----------
        X : array_like or CSR matrix of shape (n_samples, n_features)
            NaN is missing. Sparse where the class says so. float32 and integers are not copied as a whole.
        y : array_like of shape (n_samples,)
            Labels of any kind.
        sample_weight : array_like of shape (n_samples,), optional
            Not negative: a weight of k is k copies of the row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For infinite values, values outside the distribution's support, lengths that differ, and parameters that are
            none; the estimator stays as it was.
        """
        draft = self._draft(keep_learned=False)
        draft._learn(X, y, None, sample_weight)
        return self._become(draft)

    def partial_fit(
        self, X: Any, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn from more data: the same model as from all data at once, whatever the batches.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array_like, optional
            All labels there will be. Required at the first call; later absent or the same.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As in `fit`, and for labels that were not announced.
        """
        draft = self._draft(keep_learned=True)
        draft._learn(X, y, self._announced(classes), sample_weight)
        return self._become(draft)

    def merge(self, other: Self) -> Self:
        """A new estimator that has learned from this one's data and the other's.

        Parameters
        ----------
        other : estimator of the same class
            With the same parameters and features. Its classes may differ: the result has both's.

        Returns
        -------
        estimator
            Neither operand changes.

        Raises
        ------
        TypeError
            If the other is of another class.
        ValueError
            If parameters, features or the kinds of labels differ.
        NotFittedError
            If one of them has learned nothing.
        """
        owner = f"{type(self).__name__}.merge"
        if type(other) is not type(self):
            raise TypeError(f"{owner}: other must be a {type(self).__name__}, got {type(other).__name__}")
        check_is_fitted(self)
        check_is_fitted(other)
        self._check_mergeable(owner, other)
        draft = self._draft(keep_learned=True)
        draft._absorb(other.classes_, other.class_count_, other._statistics)
        draft._finish()
        return draft

    def _check_mergeable(self, owner: str, other: Self) -> None:
        if self.n_features_in_ != other.n_features_in_:
            raise ValueError(f"{owner}: other must have {self.n_features_in_} features, got {other.n_features_in_}")
        names, others_names = (getattr(clf, "feature_names_in_", None) for clf in (self, other))
        if names is not None and others_names is not None and not np.array_equal(names, others_names):
            raise ValueError(f"{owner}: both must have the same feature names, got {names} and {others_names}")
        mine, others = self.get_params(deep=False), other.get_params(deep=False)
        for name, value in mine.items():
            if not _equal(value, others[name]):
                raise ValueError(f"{owner}: both must have the same {name}, got {value!r} and {others[name]!r}")
        kinds = [clf.classes_.dtype.kind in "biuf" for clf in (self, other)]
        if kinds[0] != kinds[1]:
            raise ValueError(
                f"{owner}: both must have labels of the same kind, got classes {self.classes_.tolist()} and "
                f"{other.classes_.tolist()}"
            )

    def _draft(self, *, keep_learned: bool) -> Self:
        draft = copy.copy(self)
        if not keep_learned:
            learned = ("_statistics", "_fits", "_log_prior")
            kept = [name for name in self.__dict__ if not name.endswith("_") and name not in learned]
            draft.__dict__ = {name: self.__dict__[name] for name in kept}
        return draft

    def _become(self, draft: Self) -> Self:
        self.__dict__ = draft.__dict__
        return self

    def _announced(self, classes: ArrayLike | None) -> NDArray[Any]:
        """The classes of `partial_fit`."""
        owner = f"{type(self).__name__}.partial_fit"
        known = getattr(self, "classes_", None)
        if classes is None:
            if known is None:
                raise ValueError(f"{owner}: classes must be given at the first call, got None")
            return np.asarray(known)
        given = np.unique(np.asarray(classes))
        if known is not None and not np.array_equal(known, given):
            raise ValueError(f"{owner}: classes must be {known.tolist()} as at the first call, got {given.tolist()}")
        return given

    def _learn(self, X: Any, y: ArrayLike, classes: NDArray[Any] | None, sample_weight: ArrayLike | None) -> None:
        first = not hasattr(self, "classes_")
        X, labels_of_rows = validate_data(
            self, X, y, reset=first, accept_sparse="csr" if self._sparse else False, ensure_all_finite=False
        )
        if labels_of_rows.dtype.kind not in "iub":  # such labels are classes, and looking at each of them takes time
            check_classification_targets(labels_of_rows)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if classes is None:
            classes = distinct(labels_of_rows)
        codes = encode(type(self).__name__, labels_of_rows, classes)
        if weights is not None and not weights.all():
            # A row of weight 0 is no row: it must not even announce a category.
            kept = np.flatnonzero(weights)
            X, codes, weights = X[kept], codes[kept], weights[kept]
            if not len(kept):
                raise ValueError(f"{type(self).__name__}: sample_weight must have a positive sum, got only zeros")
        labels = Labels(codes, weights, len(classes))
        statistics = [family.count(view, labels) for family, view in self._views(X)]
        self._absorb(classes, labels.totals(), statistics)
        self._finish()

    def _views(self, X: Any) -> list[tuple[Family, View]]:
        families = self._families(self.n_features_in_)
        return [(family, View(type(self).__name__, X, columns)) for family, columns in families]

    def _absorb(self, classes: NDArray[Any], class_count: Floats, statistics: list[Statistics]) -> None:
        """Add statistics over some classes to those learned so far."""
        if not hasattr(self, "classes_"):
            self.classes_, self.class_count_, self._statistics = classes, class_count, statistics
            return
        union = np.union1d(self.classes_, classes)
        mine, others = np.searchsorted(union, self.classes_), np.searchsorted(union, classes)
        count = np.zeros(len(union))
        count[mine] += self.class_count_
        count[others] += class_count
        families = [family for family, _ in self._families(self.n_features_in_)]
        self._statistics = [
            family.join(family.spread(a, mine, len(union)), family.spread(b, others, len(union)))
            for family, a, b in zip(families, self._statistics, statistics, strict=True)
        ]
        self.classes_, self.class_count_ = union, count

    def _finish(self) -> None:
        """Compute from the statistics all that predictions need."""
        scope = Scope(type(self).__name__, self.classes_, self.class_count_)
        families = [family for family, _ in self._families(self.n_features_in_)]
        self._fits = [
            family.fit(statistics, scope) for family, statistics in zip(families, self._statistics, strict=True)
        ]
        prior = self._prior()
        self._log_prior = log(prior)
        self._show_prior(prior)
        k = len(self.classes_)
        per_class = sum(fit.parameters[0] for fit in self._fits)
        formula = " + ".join(fit.parameters[1] for fit in self._fits)
        self.n_parameters_ = k - 1 + k * per_class
        self.n_parameters_formula_ = f"K - 1 + K ({formula}) = {k - 1} + {k} * {per_class} = {self.n_parameters_}"
        if len(self._fits) == 1:
            for name, value in self._fits[0].attributes.items():
                setattr(self, name, value)

    @property
    def sufficient_statistics_(self) -> dict[str, Any]:
        """All that was learned from data: arrays whose first axis is the class, or lists of them by feature."""
        check_is_fitted(self)
        families = [family for family, _ in self._families(self.n_features_in_)]
        result: dict[str, Any] = {"class_count": self.class_count_}
        for family, statistics in zip(families, self._statistics, strict=True):
            prefix = f"{family.kind}_" if len(families) > 1 else ""
            result |= {prefix + name: value for name, value in statistics.items()}
        return result

    def _given_prior(self, name: str, given: ArrayLike | None, *, frequencies: bool) -> Floats:
        k = len(self.classes_)
        if given is None:
            return self.class_count_ / self.class_count_.sum() if frequencies else np.full(k, 1 / k)
        prior = np.asarray(given, dtype=np.float64)
        owner = type(self).__name__
        if prior.shape != (k,):
            raise ValueError(f"{owner}: {name} must have shape ({k},), one number per class, got {prior.shape}")
        if not (prior >= 0).all() or abs(prior.sum() - 1) > 1e-9:
            raise ValueError(f"{owner}: {name} must not be negative, and of sum 1, got {prior.tolist()}")
        return prior

    def _nonnegative(self, name: str, value: Any) -> float:
        if not isinstance(value, Real):
            raise TypeError(f"{type(self).__name__}: {name} must be a number, got {value!r}")
        if not 0 <= float(value) < np.inf:
            raise ValueError(f"{type(self).__name__}: {name} must be finite and not negative, got {value!r}")
        return float(value)


def _equal(a: Any, b: Any) -> bool:
    try:
        return a is b or bool(np.array_equal(np.asarray(a), np.asarray(b)))
    except (TypeError, ValueError):
        return False
