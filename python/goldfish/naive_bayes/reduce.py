"""Passes over the rows of a data matrix, a block at a time so that every step stays in the processor's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from goldfish import functional
from goldfish.naive_bayes.labels import Codes, Floats, Labels

T = TypeVar("T")

# Up to so many classes, a product with their indicator is faster than sorting the rows.
_FEW = 64
# Above so many elements, a pass is cut into parts for several threads. The cuts do not depend on how many there are.
_LARGE = 1 << 20
_PARTS = 16
# Elements in a block: half a megabyte, so that a few such arrays share a core's second-level cache.
_BLOCK = 1 << 16


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

    def blocks(self, least: int = _BLOCK) -> Iterator[Block]:
        """All rows, in blocks of about ``least`` elements or more; ValueError at the first infinite value."""
        step = max(max(_BLOCK, least) // max(self.width, 1), 64)
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


def over_parts(X: Any, work: Callable[[slice], T]) -> list[T]:
    """The results of work on runs of rows that together are all, in order; by several threads if X is large."""
    n = X.shape[0]
    if sparse.issparse(X) or n * X.shape[1] < _LARGE or n < _PARTS:
        return [work(slice(0, n))]
    ends = np.linspace(0, n, _PARTS + 1).astype(int)
    runs = [slice(int(a), int(b)) for a, b in pairwise(ends)]
    with ThreadPoolExecutor(functional.get_num_threads()) as threads:
        return list(threads.map(work, runs))


class Groups:
    """The rows of a block, sorted by class."""

    def __init__(self, labels: Labels) -> None:
        self.order = np.argsort(labels.codes, kind="stable")
        ordered = labels.codes[self.order]
        self.starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        self.present = ordered[self.starts]
        self.sizes = np.diff(self.starts, append=len(ordered))
        self.weights = None if labels.weights is None else labels.weights[self.order, None]
        self.n_classes = labels.n_classes

    def sums(self, ordered: NDArray[Any]) -> Floats:
        """The weighted sums, (K, p), of rows that are sorted by class."""
        result = np.zeros((self.n_classes, ordered.shape[1]))
        if len(self.starts):
            weighted = ordered if self.weights is None else ordered * self.weights
            result[self.present] = np.add.reduceat(weighted, self.starts, axis=0, dtype=np.float64)
        return result


def class_sums(values: NDArray[Any], labels: Labels) -> Floats:
    """The weighted sums of each class's rows, (K, p)."""
    if labels.n_classes > _FEW:
        groups = Groups(labels)
        return groups.sums(values[groups.order])
    indicator = np.zeros((len(values), labels.n_classes))
    indicator[np.arange(len(values)), labels.codes] = 1.0 if labels.weights is None else labels.weights
    return np.asarray(indicator.T @ values)


def observed_weight(block: Block, labels: Labels) -> Floats:
    """The weight of each class's rows in which a feature is not missing, (K, p)."""
    if block.missing is None:
        return np.repeat(labels.totals()[:, None], block.values.shape[1], axis=1)
    return class_sums(~block.missing, labels)


def sparse_class_sums(X: Any, labels: Labels) -> Floats:
    """`class_sums` of a CSR matrix, without making it dense."""
    weights = np.ones(len(labels.codes)) if labels.weights is None else labels.weights
    places = np.arange(len(labels.codes))
    indicator = sparse.csr_array((weights, (labels.codes, places)), shape=(labels.n_classes, len(places)))
    return np.asarray((indicator @ X).toarray(), dtype=np.float64)
