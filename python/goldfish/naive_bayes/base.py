"""What all naive Bayes estimators share: predictions from what was learned, and their explanation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from goldfish import _core, functional
from goldfish.naive_bayes.boundary import Boundary
from goldfish.naive_bayes.explanation import Explanation
from goldfish.naive_bayes.family import ZeroFrequency
from goldfish.naive_bayes.labels import Codes, Floats
from goldfish.naive_bayes.learning import Learner
from goldfish.naive_bayes.plot import plot_boundary


class NaiveBayes(ClassifierMixin, Learner):  # type: ignore[misc]
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
            fit.add_log_likelihood(view, out)
        return out

    def predict_joint_log_proba(self, X: Any) -> Floats:
        """Log p(class, row), (n_samples, n_classes), up to what depends on the row alone; -inf if impossible."""
        return self._joint(X)

    def _decidable(self, method: str, X: Any) -> tuple[Floats, Codes]:
        """The joint log-probabilities, and the likeliest class of each row.

        ValueError for a row that no class, or several with certainty, produced.
        """
        joint = self._joint(X)
        best, undecided = _core.likeliest(joint)
        if undecided is None:
            return joint, best
        top = joint[np.arange(len(joint)), best]
        owner = f"{type(self).__name__}.{method}"
        if np.isneginf(top).any():
            at = int(np.isneginf(top).argmax())
            raise ValueError(f"{owner}: row {at} of X is impossible under every class (alpha > 0 would smooth it)")
        certain = np.isposinf(joint)
        several = certain.sum(axis=1) > 1
        if several.any():
            at = int(several.argmax())
            raise ValueError(f"{owner}: row {at} of X is certain to be of several classes (alpha > 0 would smooth it)")
        return np.where(certain.any(axis=1, keepdims=True), np.where(certain, 0.0, -np.inf), joint), best

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of each row, (n_samples,). Errors as in `predict_proba`."""
        best = self._decidable("predict", X)[1]
        return np.asarray(self.classes_[best])

    def predict_log_proba(self, X: Any) -> Floats:
        """Log p(class | row), (n_samples, n_classes). Errors as in `predict_proba`."""
        return np.asarray(functional.log_softmax(self._decidable("predict_log_proba", X)[0], axis=-1))

    def predict_proba(self, X: Any) -> Floats:
        """p(class | row), (n_samples, n_classes).

        Raises
        ------
        ValueError
            For a row that is impossible under every class, naming it, or has a value for which a class has no
            distribution.
        """
        return np.asarray(np.exp(functional.log_softmax(self._decidable("predict_proba", X)[0], axis=-1)))

    def log_odds(self, X: Any, *, classes: tuple[Any, Any] | None = None) -> Floats:
        """Log p(positive | row) - log p(negative | row), (n_samples,).

        ``classes`` is (positive, negative); it defaults to the second and the first if there are two classes, and is
        required if there are more.
        """
        check_is_fitted(self)
        positive, negative = self._pair("log_odds", classes)
        joint = self._decidable("log_odds", X)[0]
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
