"""Passes over the rows of a data matrix: by the core where they lie, or a block at a time by NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from goldfish import _core
from goldfish.naive_bayes.labels import Codes, Floats, Labels

# Elements in a block: half a megabyte, so that a few such arrays share a core's second-level cache.
_BLOCK = 1 << 16
# Elements that are converted at a time where the core cannot read them.
_PIECE = 1 << 20


class Support(NamedTuple):
    """The finite values that a distribution has: from the least to the most, with or without fractions."""

    least: float = -np.inf
    most: float = np.inf
    whole: bool = False


class Block(NamedTuple):
    """A run of rows as float64, 0 where a value is missing; the array may be the caller's own data."""

    rows: slice
    values: Floats
    missing: NDArray[np.bool_] | None


@dataclass(frozen=True)
class View:
    """Some columns of a data matrix, and what errors call them.

    Attributes
    ----------
    owner : str
        The estimator's name.
    X : ndarray or csr matrix of shape (N, P)
        All columns.
    columns : ndarray of int, optional
        Those meant; all if None.
    first_row : int
        Which row of the caller's matrix the first one is.
    """

    owner: str
    X: Any
    columns: Codes | None = None
    first_row: int = 0

    @property
    def width(self) -> int:
        """How many columns are meant."""
        return self.X.shape[1] if self.columns is None else len(self.columns)

    def feature(self, j: int) -> int:
        """The place of the view's column j in X."""
        return int(j if self.columns is None else self.columns[j])

    def row(self, block: Block, i: int) -> int:
        """The place of a block's row i in the caller's matrix."""
        return int(self.first_row + block.rows.start + i)

    def part(self, rows: slice) -> View:
        """A run of the rows."""
        return View(self.owner, self.X[rows], self.columns, self.first_row + rows.start)

    def place(self, block: Block, bad: NDArray[np.bool_]) -> str:
        """Value, row and feature of the first bad entry of a block, for an error message."""
        row, j = np.argwhere(bad)[0]
        return f"got {block.values[row, j]:g} at row {self.row(block, row)}, feature {self.feature(j)}"

    def pieces(self) -> Iterator[tuple[slice, View]]:
        """All rows in as few runs as the core can read: one, unless the dtype or the layout has to be changed."""
        readable = _readable(self.X)
        step = max(len(self.X) if readable is not None else _PIECE // self.X.shape[1], 1)
        for start in range(0, len(self.X), step):
            rows = slice(start, min(start + step, len(self.X)))
            part = readable if readable is not None else self.X[rows].astype(np.float64)
            yield rows, View(self.owner, part, self.columns, self.first_row + start)

    def refuse(self, row: int, check: Callable[[View, Block], Any]) -> NoReturn:
        """The ValueError for a row that a pass has refused, by the checks of its block."""
        part = self.part(slice(row, row + 1))
        for block in part.blocks():
            check(part, block)
        raise AssertionError(f"row {row} passes every check")

    def blocks(self) -> Iterator[Block]:
        """All rows, in blocks of half a megabyte; ValueError at the first infinite value."""
        step = max(_BLOCK // max(self.width, 1), 64)
        for start in range(0, len(self.X), step):
            rows = slice(start, min(start + step, len(self.X)))
            part = self.X[rows] if self.columns is None else self.X[rows][:, self.columns]
            yield self._finite(rows, np.ascontiguousarray(part, dtype=np.float64))

    def _finite(self, rows: slice, values: Floats) -> Block:
        # A sum shows whether anything is not finite; where, is looked for only then.
        with np.errstate(over="ignore", invalid="ignore"):
            if self.X.dtype.kind != "f" or np.isfinite(values.sum()):
                return Block(rows, values, None)
        block = Block(rows, values, np.isnan(values))
        infinite = np.isinf(values)
        if infinite.any():
            raise ValueError(f"{self.owner}: X must not hold infinity, {self.place(block, infinite)}")
        assert block.missing is not None
        if not block.missing.any():
            return Block(rows, values, None)
        return Block(rows, np.where(block.missing, 0.0, values), block.missing)


def _readable(X: NDArray[Any]) -> NDArray[Any] | None:
    """X for the core, without a copy; None where that is impossible."""
    fits = X.dtype.kind in "iub" or X.dtype in (np.float32, np.float64)
    if not (fits and X.dtype.isnative and X.flags.aligned) or any(stride % X.itemsize for stride in X.strides):
        return None
    return X.view(np.uint8) if X.dtype.kind == "b" else X


def class_sums(
    view: View, labels: Labels, threshold: float | None, support: Support, check: Callable[[View, Block], Any]
) -> tuple[Floats, Floats]:
    """The weighted sums of the values, or of whether they exceed a threshold, and the weights observed, (K, p) each.

    NaN is left out. The first value outside the support is refused by ``check``.
    """
    total, weight = np.zeros((2, labels.n_classes, view.width))
    for rows, piece in view.pieces():
        part = labels.part(rows)
        place, sums, seen = _core.class_sums(
            piece.X, view.columns, part.codes, part.weights, labels.n_classes, threshold, support
        )
        if place is not None:
            piece.refuse(place[0], check)
        total += sums
        weight += seen
    return total, weight


def sparse_class_sums(X: Any, labels: Labels, threshold: float | None) -> tuple[Floats, Floats]:
    """`class_sums` of a CSR matrix, without making it dense."""
    total, gone = _core.sparse_class_sums(
        X.data, X.indices, X.indptr, X.shape[1], labels.codes, labels.weights, labels.n_classes, threshold
    )
    weight = np.repeat(labels.totals()[:, None], X.shape[1], axis=1)
    return total, weight if gone is None else weight - gone
