"""Naive Bayes with categories."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldfish import _core
from goldfish.naive_bayes.boundary import Additive
from goldfish.naive_bayes.discrete import DiscreteNB
from goldfish.naive_bayes.family import Family, Fit, Scope, Statistics, refuse_undefined
from goldfish.naive_bayes.labels import Floats, Labels
from goldfish.naive_bayes.linear_family import log
from goldfish.naive_bayes.reduce import Block, View

# The largest category code; a table has one entry per code, so an identifier is better not taken for a category.
_LARGEST = 1 << 24
# Rows behind the table: the core reads whole vectors.
_SPARE = 8

Place = tuple[int, int]


class CategoricalFamily(Family):
    """Statistics: the weight of every category, per class and feature."""

    kind = "categorical"

    def __init__(self, alpha: Floats, min_categories: NDArray[np.intp], *, truncate: bool = False) -> None:
        self.alpha, self.min_categories, self.truncate = alpha, min_categories, truncate

    def count(self, view: View, labels: Labels) -> Statistics:
        """The sufficient statistics of rows."""
        sizes = self.min_categories.astype(np.int64)
        for _, piece in view.pieces():
            place, found, fraction = _core.categories(piece.X, view.columns, np.nextafter(_LARGEST, 0))
            self.warn_or_refuse(piece, place, fraction)
            sizes = np.maximum(sizes, found)
        table = np.zeros((labels.n_classes, int(sizes.sum())))
        for rows, piece in view.pieces():
            part = labels.part(rows)
            table += _core.category_counts(piece.X, view.columns, part.codes, part.weights, labels.n_classes, sizes)
        return {"category_count": [part.copy() for part in np.split(table, np.cumsum(sizes)[:-1], axis=1)]}

    def warn_or_refuse(self, piece: View, place: Place | None, fraction: Place | None) -> None:
        """ValueError for what is no category; a fraction is cut off where scikit-learn's contract asks for it."""
        for bad in (place, fraction):
            if bad is not None:
                part = piece.part(slice(bad[0], bad[0] + 1))
                for block in part.blocks():
                    self.check(part, block)

    def check(self, view: View, block: Block) -> None:
        """ValueError for what is no category; a fraction is cut off where scikit-learn's contract asks for it."""
        if block.values.min(initial=0.0) < 0:
            raise ValueError(
                f"{view.owner}: Negative values in data passed to X, {view.place(block, block.values < 0)}"
            )
        fraction = block.values != np.floor(block.values)
        if self.truncate and fraction.any():
            warnings.warn(
                f"{view.owner}: X should hold integers; fractions are cut off, {view.place(block, fraction)}",
                stacklevel=2,
            )
            fraction[:] = False
        bad = fraction | (block.values >= _LARGEST)
        if bad.any():
            raise ValueError(
                f"{view.owner}: a categorical feature must hold integers from 0 to {_LARGEST - 1}, "
                f"{view.place(block, bad)}"
            )

    def join(self, a: Statistics, b: Statistics) -> Statistics:
        """The statistics of both sets of rows."""
        pairs = zip(a["category_count"], b["category_count"], strict=True)
        return {"category_count": [_padded(u, v.shape[1]) + _padded(v, u.shape[1]) for u, v in pairs]}

    def fit(self, statistics: Statistics, scope: Scope) -> Fit:
        """The distributions that the statistics give, smoothed."""
        return _CategoricalFit(self, statistics["category_count"], scope)

    def zeros(self, statistics: Statistics) -> list[tuple[int, int, int]]:
        """The values that a class never had."""
        found = []
        for j, counts in enumerate(statistics["category_count"]):
            seen = counts.sum(axis=1, keepdims=True) > 0
            found += [(c, j, v) for c, v in np.argwhere((counts == 0) & seen)]
        return found


def _padded(counts: Floats, width: int) -> Floats:
    more = max(width - counts.shape[1], 0)
    return np.pad(counts, ((0, 0), (0, more))) if more else counts


class _CategoricalFit(Fit):
    def __init__(self, family: CategoricalFamily, counts: list[Floats], scope: Scope) -> None:
        self.family, self.scope = family, scope
        self.sizes = np.array([table.shape[1] for table in counts], dtype=np.intp)
        self.first = np.cumsum(self.sizes) - self.sizes
        self.tables = []
        undefined = np.zeros((len(scope.classes), len(counts)), dtype=bool)
        for j, (table, a) in enumerate(zip(counts, family.alpha, strict=True)):
            smoothed = table + a
            total = smoothed.sum(axis=1, keepdims=True)
            undefined[:, j] = total[:, 0] == 0
            with np.errstate(invalid="ignore"):
                self.tables.append(log(smoothed) - log(total))
        self.undefined = undefined
        # A row per category of every feature, one of zeros for what is missing, and more, which the core asks for.
        joined = np.concatenate([np.nan_to_num(t, nan=0.0, neginf=-np.inf).T for t in self.tables], axis=0)
        self.joined = np.concatenate([joined, np.zeros((1 + _SPARE, len(scope.classes)))])
        self.parameters = int(np.maximum(self.sizes - 1, 0).sum()), "sum over j of (V_j - 1)"
        self.attributes = {
            "category_count_": counts,
            "feature_log_prob_": self.tables,
            "n_categories_": self.sizes.astype(np.int64),
        }

    def places(self, view: View, block: Block) -> NDArray[np.intp]:
        """The row of `joined` for every value."""
        self.family.check(view, block)
        places = block.values.astype(np.intp)
        unseen = places >= self.sizes
        if block.missing is not None:
            unseen &= ~block.missing
        if unseen.any():
            row, j = np.argwhere(unseen)[0]
            raise ValueError(
                f"{view.owner}: feature {view.feature(j)} has categories 0 to {self.sizes[j] - 1}, "
                f"got {places[row, j]} at row {view.row(block, row)} (min_categories announces more)"
            )
        places += self.first
        if block.missing is not None:
            places[block.missing] = self.sizes.sum()
        return places

    def add_log_likelihood(self, view: View, out: Floats) -> None:
        refuse_undefined(view, self.undefined, self.scope, _ADVICE)
        for rows, piece in view.pieces():
            place, fraction = _core.add_category_scores(piece.X, view.columns, self.sizes, self.joined, out[rows])
            if place is not None:
                piece.refuse(place[0], self.places)
            self.family.warn_or_refuse(piece, None, fraction)

    def terms(self, view: View) -> Floats:
        refuse_undefined(view, self.undefined, self.scope, _ADVICE)
        block = next(view.blocks())
        return np.asarray(self.joined[self.places(view, block)[0]].T)

    def boundary(self, owner: str, positive: int, negative: int, prior: float) -> Additive:
        pair = [positive, negative]
        for j, table in enumerate(self.tables):
            if not np.isfinite(table[pair]).all():
                raise ValueError(
                    f"{owner}: feature {j} has a category of probability zero, so its log-odds are not finite "
                    "(alpha > 0 would smooth it)"
                )
        return Additive([table[positive] - table[negative] for table in self.tables], prior)


_ADVICE = "it was never observed there; alpha > 0 would smooth it"


class CategoricalNB(DiscreteNB):
    """Naive Bayes with categories: scikit-learn's, that merges, skips what is missing, and explains itself.

    ``P(x_j = v | c) = (n_cjv + alpha_j) / (n_cj + alpha_j V_j)``, where n_cjv is the weight of the rows of class c in
    which feature j has category v, n_cj that of the rows in which it is not missing, and V_j the number of its
    categories. NaN is missing: left out of the counts, and summed out of the likelihood.

    Parameters
    ----------
    alpha : float or array_like of shape (n_features,)
        Fake rows per category; 0 is the maximum-likelihood estimate.
    force_alpha : bool
        If False, an alpha below 1e-10 is raised to it, with a warning.
    fit_prior : bool
        Whether the classes' frequencies are the prior; a uniform one otherwise.
    class_prior : array_like of shape (n_classes,), optional
        A prior to use instead; sums to 1.
    min_categories : int or array_like of shape (n_features,), optional
        The least number of categories, 0 to ``min_categories - 1``; as many as the data show by default. A category
        beyond is a ValueError at prediction.

    Attributes
    ----------
    classes_, class_count_, class_log_prior_, category_count_, feature_log_prob_, n_categories_, n_features_in_
        As in scikit-learn; those of categories are lists with one (K, V_j) array per feature.
    sufficient_statistics_ : dict
        ``class_count`` (K,) and ``category_count``, a list of (K, V_j) arrays. Parts that saw different categories
        merge.
    n_parameters_, n_parameters_formula_
        K - 1 + K times the sum of V_j - 1.

    Notes
    -----
    X holds integers from 0 on, as `sklearn.preprocessing.OrdinalEncoder` makes them; the fraction of another number is
    cut off, as in scikit-learn, with a warning. This is what textbooks call multinomial naive Bayes. Source: Mitchell
    (1997), section 6.9.

    Examples
    --------
    >>> from goldfish.naive_bayes import CategoricalNB
    >>> monday = CategoricalNB().fit([[0, 1], [1, 0]], ["no", "yes"])
    >>> tuesday = CategoricalNB().fit([[2, 1], [2, 0]], ["no", "yes"])
    >>> week = monday.merge(tuesday)
    >>> week.n_categories_.tolist(), week.n_parameters_
    ([3, 2], 7)
    >>> week.predict([[2, float("nan")], [0, 1]]).tolist()
    ['no', 'no']
    """

    _positive: ClassVar[bool] = True
    _categorical: ClassVar[bool] = True

    def __init__(
        self,
        *,
        alpha: float | ArrayLike = 1.0,
        force_alpha: bool = True,
        fit_prior: bool = True,
        class_prior: ArrayLike | None = None,
        min_categories: int | ArrayLike | None = None,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.min_categories = min_categories

    def _families(self, n_features: int) -> list[tuple[Family, NDArray[np.intp] | None]]:
        least = self._least_categories(self.min_categories, n_features)
        return [(CategoricalFamily(self._alpha(n_features), least, truncate=True), None)]
