"""What all naive Bayes estimators share."""

from __future__ import annotations

import copy
import warnings
from abc import ABC, abstractmethod
from functools import reduce
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from goldfish import functional
from goldfish.naive_bayes.boundary import Boundary
from goldfish.naive_bayes.explanation import Explanation
from goldfish.naive_bayes.family import Family, Fit, Scope, Statistics, ZeroFrequency
from goldfish.naive_bayes.labels import Codes, Floats, Labels, distinct, encode
from goldfish.naive_bayes.linear_family import log
from goldfish.naive_bayes.plot import plot_boundary
from goldfish.naive_bayes.reduce import View, over_parts


class NaiveBayes(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier whose features are independent given the class: the abstract base of all.

    ``log p(c, x) = log p(c) + sum over observed features j of log p(x_j | c)``. Learned are weighted sufficient
    statistics, which add up: `partial_fit` over any batches and `merge` of any parts give the model that one `fit`
    gives.

    Notes
    -----
    A call that fails leaves the estimator as it was. Source: Mitchell, *Machine Learning* (1997), chapter 6.

    Examples
    --------
    >>> from goldfish.naive_bayes import GaussianNB
    >>> from goldfish.naive_bayes.base import NaiveBayes
    >>> issubclass(GaussianNB, NaiveBayes)
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
        statistics = [_count(family, view, labels) for family, view in self._views(X)]
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

    # Predicting.

    def _query(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_data(
            self, X, reset=False, accept_sparse="csr" if self._sparse else False, ensure_all_finite=False
        )

    def _joint(self, X: Any) -> Floats:
        X = self._query(X)
        out = np.empty((X.shape[0], len(self.classes_)))
        out[:] = self._log_prior if self._uses_prior else 0.0
        for (_, view), fit in zip(self._views(X), self._fits, strict=True):
            _add(fit, view, out)
        return out

    def predict_joint_log_proba(self, X: Any) -> Floats:
        """Log p(class, row), (n_samples, n_classes), up to what depends on the row alone; -inf if impossible."""
        return self._joint(X)

    def _decidable(self, method: str, X: Any) -> Floats:
        """The joint log-probabilities; ValueError for a row that no class, or several with certainty, produced."""
        joint = self._joint(X)
        top = joint.max(axis=1)
        if np.isfinite(top).all():
            return joint
        owner = f"{type(self).__name__}.{method}"
        if np.isneginf(top).any():
            at = int(np.isneginf(top).argmax())
            raise ValueError(f"{owner}: row {at} of X is impossible under every class (alpha > 0 would smooth it)")
        certain = np.isposinf(joint)
        several = certain.sum(axis=1) > 1
        if several.any():
            at = int(several.argmax())
            raise ValueError(f"{owner}: row {at} of X is certain to be of several classes (alpha > 0 would smooth it)")
        return np.where(certain.any(axis=1, keepdims=True), np.where(certain, 0.0, -np.inf), joint)

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of each row, (n_samples,). Errors as in `predict_proba`."""
        best = self._decidable("predict", X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_log_proba(self, X: Any) -> Floats:
        """Log p(class | row), (n_samples, n_classes). Errors as in `predict_proba`."""
        return np.asarray(functional.log_softmax(self._decidable("predict_log_proba", X), axis=-1))

    def predict_proba(self, X: Any) -> Floats:
        """p(class | row), (n_samples, n_classes).

        Raises
        ------
        ValueError
            For a row that is impossible under every class, naming it, or has a value for which a class has no
            distribution.
        """
        return np.asarray(np.exp(functional.log_softmax(self._decidable("predict_proba", X), axis=-1)))

    def log_odds(self, X: Any, *, classes: tuple[Any, Any] | None = None) -> Floats:
        """Log p(positive | row) - log p(negative | row), (n_samples,).

        ``classes`` is (positive, negative); it defaults to the second and the first if there are two classes, and is
        required if there are more.
        """
        check_is_fitted(self)
        positive, negative = self._pair("log_odds", classes)
        joint = self._decidable("log_odds", X)
        self._refuse_zeros("log_odds", np.isneginf(joint[:, positive]) & np.isneginf(joint[:, negative]))
        return np.asarray(joint[:, positive] - joint[:, negative])

    def _refuse_zeros(self, method: str, both: NDArray[np.bool_]) -> None:
        if both.any():
            at = int(both.argmax())
            raise ValueError(f"{type(self).__name__}.{method}: row {at} of X is impossible under both classes")

    def _pair(self, method: str, classes: tuple[Any, Any] | None) -> tuple[int, int]:
        """The places of (positive, negative) among the classes."""
        owner, known = f"{type(self).__name__}.{method}", self.classes_.tolist()
        if classes is None:
            if len(known) != 2:
                raise ValueError(
                    f"{owner}: classes=(positive, negative) must be given with {len(known)} classes, got None"
                )
            return 1, 0
        pair = list(classes)
        if len(pair) != 2 or any(label not in known for label in pair) or pair[0] == pair[1]:
            raise ValueError(f"{owner}: classes must be two different ones of {known}, got {classes!r}")
        return known.index(pair[0]), known.index(pair[1])

    # Explaining.

    def explain(self, x: ArrayLike, *, classes: tuple[Any, Any] | None = None) -> Explanation:
        """What each feature of a row contributes to the log-odds of two classes.

        Parameters
        ----------
        x : array_like of shape (n_features,)
            One row; NaN is missing and contributes 0.
        classes : (positive, negative), optional
            Two labels. By default the second against the first of two classes; of more, the winner against the
            runner-up.

        Returns
        -------
        Explanation
            ``prior + features.sum() == log_odds``.
        """
        check_is_fitted(self)
        row = self._row(x)
        joint = self._joint(row)[0]
        if classes is None and len(joint) > 2:
            order = np.argsort(joint, kind="stable")
            positive, negative = int(order[-1]), int(order[-2])
        else:
            positive, negative = self._pair("explain", classes)
        if np.isneginf(joint[[positive, negative]]).all():
            self._refuse_zeros("explain", np.array([True]))
        features = np.zeros(self.n_features_in_)
        for (_, view), fit in zip(self._views(row), self._fits, strict=True):
            terms = fit.terms(view)
            with np.errstate(invalid="ignore"):
                difference = terms[positive] - terms[negative]
            features[slice(None) if view.columns is None else view.columns] = difference
        prior = float(self._log_prior[positive] - self._log_prior[negative]) if self._uses_prior else 0.0
        names = getattr(self, "feature_names_in_", None)
        pair = self.classes_[positive], self.classes_[negative]
        return Explanation(pair, prior, features, prior + float(features.sum()), names)

    def _row(self, x: Any) -> Floats:
        owner = f"{type(self).__name__}.explain"
        if sparse.issparse(x):
            x = x.toarray()
        try:
            row = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{owner}: x must hold numbers, got {x!r}") from error
        if row.shape not in ((self.n_features_in_,), (1, self.n_features_in_)):
            raise ValueError(f"{owner}: x must have shape ({self.n_features_in_},), got {row.shape}")
        return row.reshape(1, -1)

    def decision_boundary(self, classes: tuple[Any, Any] | None = None) -> Boundary | None:
        """Where two classes are equally likely, as a function that is their log-odds.

        Parameters
        ----------
        classes : (positive, negative), optional
            Two labels; required if there are more than two classes.

        Returns
        -------
        Linear, Quadratic, Additive or None
            Linear for Bernoulli, multinomial, complement, Poisson and exponential features, Quadratic for normal ones,
            Additive for categories, None for columns of different kinds.

        Raises
        ------
        ValueError
            If a class is not known, has no rows, or gives some value probability zero.
        """
        check_is_fitted(self)
        positive, negative = self._pair("decision_boundary", classes)
        if len(self._fits) > 1:
            return None
        owner = f"{type(self).__name__}.decision_boundary"
        odds = float(self._log_prior[positive] - self._log_prior[negative]) if self._uses_prior else 0.0
        if not np.isfinite(odds):
            raise ValueError(f"{owner}: both classes must have a positive prior, got log-odds {odds}")
        return self._fits[0].boundary(owner, positive, negative, odds)

    def plot_decision_boundary(
        self,
        ax: Any = None,
        *,
        classes: tuple[Any, Any] | None = None,
        xlim: tuple[float, float] | None = None,
        ylim: tuple[float, float] | None = None,
        **style: Any,
    ) -> Any:
        """Draw the boundary of a model with two features.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            A new figure's by default.
        classes : (positive, negative), optional
            As in `decision_boundary`.
        xlim, ylim : (float, float), optional
            The window; by default the axes' if something is drawn on them, else one around the classes.
        **style
            For ``ax.plot``.

        Returns
        -------
        Axes

        Raises
        ------
        ValueError
            If there are not two features, or they are categories or of different kinds.
        """
        check_is_fitted(self)
        owner = f"{type(self).__name__}.plot_decision_boundary"
        if self.n_features_in_ != 2:
            raise ValueError(f"{owner}: the model must have 2 features, got {self.n_features_in_}")
        boundary = self.decision_boundary(classes)
        return plot_boundary(owner, boundary, ax, xlim, ylim, self._fits[0].window(), style)

    def zero_frequency_report(self) -> list[ZeroFrequency]:
        """Values that a class, though it observed the feature, never had; unsmoothed, each decides against the class.

        Returns
        -------
        list of (label, feature, value)
            From the counts, whatever alpha is. A count's value is 1, which stands for every positive one. Continuous
            features have no entries.
        """
        check_is_fitted(self)
        found = []
        for (family, columns), statistics in zip(self._families(self.n_features_in_), self._statistics, strict=True):
            for c, j, value in family.zeros(statistics):
                feature = j if columns is None else columns[j]
                found.append(ZeroFrequency(self.classes_[c].item(), int(feature), int(value)))
        order = {label: c for c, label in enumerate(self.classes_.tolist())}
        return sorted(found, key=lambda zero: (order[zero.label], zero.feature, zero.value))


def _add(fit: Fit, view: View, out: Floats) -> None:
    over_parts(view.X, lambda rows: fit.add_log_likelihood(view.part(rows), out[rows]))


def _count(family: Family, view: View, labels: Labels) -> Statistics:
    parts = over_parts(view.X, lambda rows: family.count(view.part(rows), labels.part(rows)))
    return reduce(family.join, parts)


def _equal(a: Any, b: Any) -> bool:
    try:
        return a is b or bool(np.array_equal(np.asarray(a), np.asarray(b)))
    except (TypeError, ValueError):
        return False


class DiscreteNB(NaiveBayes):
    """What the estimators with fake counts share; abstract.

    Examples
    --------
    >>> from goldfish.naive_bayes import BernoulliNB
    >>> from goldfish.naive_bayes.base import DiscreteNB
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


_LEAST_ALPHA = 1e-10
