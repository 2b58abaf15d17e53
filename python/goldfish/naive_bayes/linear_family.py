"""Families whose log-likelihood is linear: sum over features of a + b t(x), with a statistic t of the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from goldfish import _core, functional
from goldfish.naive_bayes.boundary import Linear
from goldfish.naive_bayes.family import Family, Fit, Scope, Statistics, refuse_undefined
from goldfish.naive_bayes.labels import Floats, Labels
from goldfish.naive_bayes.reduce import Block, Support, View, class_sums, sparse_class_sums


def log(x: Floats) -> Floats:
    """The logarithm, -inf at 0 without a warning."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(x))


class LinearFamily(Family):
    """Statistics: the weighted sum of t(x), and the weight of the rows that observed the feature."""

    support = Support()
    threshold: float | None = None
    """t(x) is x if None, else 1 above the threshold and 0 elsewhere."""

    def check(self, view: View, block: Block) -> None:
        """ValueError for values outside the support."""

    def check_sparse(self, view: View) -> None:
        """ValueError for stored values outside the support."""
        data = view.X.data
        if np.isinf(data).any():
            raise ValueError(f"{view.owner}: X must not hold infinity, got {data[np.isinf(data)][0]:g}")

    def statistic(self, block: Block) -> Floats:
        """t(x), 0 where x is missing."""
        return block.values

    def sparse_statistic(self, view: View) -> tuple[Any, Any]:
        """t(x) as a CSR matrix without missing values, and the matrix of ones where a value is missing, or None."""
        self.check_sparse(view)
        missing = np.isnan(view.X.data)
        if not missing.any():
            return view.X, None
        kept, gone = view.X.copy(), view.X.copy()
        kept.data = np.where(missing, 0.0, view.X.data)
        gone.data = missing.astype(np.float64)
        return kept, gone

    def count(self, view: View, labels: Labels) -> Statistics:
        """The weighted sums of t(x), and the weights observed."""
        if sparse.issparse(view.X):
            self.check_sparse(view)
            total, weight = sparse_class_sums(view.X, labels, self.threshold)
        else:
            total, weight = class_sums(view, labels, self.threshold, self.support, self.check)
        return {"total": total, "weight": weight}


def _finite(numbers: Floats) -> Floats:
    """The numbers, 0 where they are infinite or none."""
    finite = np.isfinite(numbers)
    return numbers if finite.all() else np.where(finite, numbers, 0.0)


class LinearFit(Fit):
    """log p(x | c) = sum over observed features of a[c] + b[c] t(x), plus what does not depend on the class.

    Infinite entries are kept apart, as masks: ``0 * inf`` is no number, but an event of probability zero that did not
    happen is no obstacle.
    """

    def __init__(
        self,
        family: LinearFamily,
        a: Floats,
        b: Floats,
        scope: Scope,
        *,
        parameters: tuple[int, str],
        attributes: dict[str, Any] | None = None,
        undefined: Any = False,
        never: tuple[Any, Any] = (False, False),
        certain: Any = False,
        carrier: Callable[[Floats], Floats] | None = None,
        advice: str = "it was never observed there; alpha > 0 would smooth it",
    ) -> None:
        self.family, self.scope, self.carrier, self.advice = family, scope, carrier, advice
        self.undefined = np.broadcast_to(undefined, a.shape)
        # Where t(x) > 0, or t(x) = 0, has probability zero in a class; and where t(x) > 0 decides for it.
        self.never_positive, self.never_zero = (self._defined(mask) for mask in never)
        self.certain = np.broadcast_to(certain, a.shape)
        self.a, self.b = _finite(a), _finite(b)
        self.parameters, self.attributes = parameters, attributes or {}

    def _defined(self, mask: Any) -> NDArray[np.bool_]:
        """A mask without what is not defined. Arrays of a large vocabulary are made only where they are needed."""
        if not np.any(mask):
            return np.broadcast_to(np.False_, self.undefined.shape)
        return np.asarray(np.broadcast_to(mask, self.undefined.shape) & ~self.undefined)

    def add_log_likelihood(self, view: View, out: Floats) -> None:
        """Add the log-likelihood of rows, dense or sparse."""
        if sparse.issparse(view.X):
            values, gone = self.family.sparse_statistic(view)
            self._add(values, gone, out)
            return
        refuse_undefined(view, self.undefined, self.scope, self.advice)
        rough = self.never_positive.any() or self.never_zero.any() or self.certain.any()
        if rough:
            for block in view.blocks():
                self.family.check(view, block)
                missing = None if block.missing is None else block.missing.astype(np.float64)
                self._add(self.family.statistic(block), missing, out[block.rows])
        else:
            self._add_smooth(view, out)
        if self.carrier is not None:
            for block in view.blocks():
                out[block.rows] += self.carrier(block.values)[:, None]

    def _add_smooth(self, view: View, out: Floats) -> None:
        family = self.family
        for rows, piece in view.pieces():
            place = _core.add_linear_scores(
                piece.X, view.columns, family.threshold, family.support, self.b, self.a, out[rows]
            )
            if place is not None:
                piece.refuse(place[0], family.check)

    def _add(self, t: Any, missing: Any, out: Floats) -> None:
        out += t @ self.b.T if sparse.issparse(t) else functional.linear(t, self.b)
        out += self.a.sum(axis=1)
        if missing is not None:
            out -= missing @ self.a.T
        positive = t > 0 if self.never_positive.any() or self.never_zero.any() or self.certain.any() else None
        if positive is None:
            return
        positive = positive.astype(np.float64)
        if self.never_zero.any():
            zeros = self.never_zero.sum(axis=1) - positive @ self.never_zero.T.astype(np.float64)
            if missing is not None:
                zeros = zeros - missing @ self.never_zero.T.astype(np.float64)
            out[zeros > 0.5] = -np.inf
        out[positive @ self.never_positive.T.astype(np.float64) > 0.5] = -np.inf
        out[positive @ self.certain.T.astype(np.float64) > 0.5] = np.inf

    def terms(self, view: View) -> Floats:
        """A + b t(x) of a single row."""
        refuse_undefined(view, self.undefined, self.scope, self.advice)
        block = next(view.blocks())
        self.family.check(view, block)
        t = self.family.statistic(block)[0]
        values = self.a + self.b * t
        values = np.where(np.where(t > 0, self.never_positive, self.never_zero), -np.inf, values)
        values = np.where(self.certain & (t > 0), np.inf, values)
        return values if block.missing is None else np.where(block.missing[0], 0.0, values)

    def boundary(self, owner: str, positive: int, negative: int, prior: float) -> Linear:
        """A line, or a plane."""
        pair = [positive, negative]
        rough = (self.undefined | self.never_positive | self.never_zero | self.certain)[pair].any(axis=0)
        if rough.any():
            raise ValueError(
                f"{owner}: feature {int(rough.argmax())} has a value of probability zero, so the log-odds are not "
                "linear (alpha > 0 would smooth it)"
            )
        constant = prior + float((self.a[positive] - self.a[negative]).sum())
        return Linear(self.b[positive] - self.b[negative], constant)


class CountFamily(LinearFamily):
    """Values that are not negative."""

    support = Support(least=0.0)

    def check(self, view: View, block: Block) -> None:
        """ValueError for negative values."""
        if block.values.min(initial=0.0) < 0:
            raise ValueError(
                f"{view.owner}: Negative values in data passed to X, {view.place(block, block.values < 0)}"
            )

    def check_sparse(self, view: View) -> None:
        """ValueError for negative stored values."""
        super().check_sparse(view)
        if (view.X.data < 0).any():
            raise ValueError(
                f"{view.owner}: Negative values in data passed to X, got {view.X.data[view.X.data < 0][0]:g}"
            )
