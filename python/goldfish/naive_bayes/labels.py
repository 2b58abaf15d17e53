"""Class labels as codes, with the weights of their rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


class Labels(NamedTuple):
    """What each row's class is, as an index into the classes, and what the row weighs."""

    codes: Codes
    weights: Floats | None
    n_classes: int

    def part(self, rows: slice) -> Labels:
        """Those of a run of rows."""
        return Labels(self.codes[rows], None if self.weights is None else self.weights[rows], self.n_classes)

    def totals(self) -> Floats:
        """The weight of each class."""
        return np.bincount(self.codes, weights=self.weights, minlength=self.n_classes).astype(np.float64)


def distinct(y: NDArray[Any]) -> NDArray[Any]:
    """The sorted labels that occur."""
    table = _small_integers(y)
    return np.unique(y) if table is None else np.flatnonzero(table).astype(y.dtype) + y.min()


def encode(owner: str, y: NDArray[Any], classes: NDArray[Any]) -> Codes:
    """The index of every label in the sorted classes; ValueError for one that is not there."""
    codes: Codes
    if _small_integers(y) is not None and classes.dtype.kind in "iu" and classes.dtype == y.dtype:
        known = classes[(classes >= y.min()) & (classes <= y.max())]
        table = np.full(int(y.max()) - int(y.min()) + 1, -1, dtype=np.intp)
        table[known - y.min()] = np.searchsorted(classes, known)
        codes = np.asarray(table[y - y.min()])
    else:
        codes = np.minimum(np.searchsorted(classes, y), len(classes) - 1).astype(np.intp)
        codes[classes[codes] != y] = -1
    wrong = codes < 0
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(f"{owner}: y must hold only labels of classes {classes.tolist()}, got {y[at]!r} at index {at}")
    return codes


def _small_integers(y: NDArray[Any]) -> NDArray[np.intp] | None:
    """How often each integer from the least to the largest occurs; None where a table would not be small."""
    if y.dtype.kind not in "iu" or not len(y) or int(y.max()) - int(y.min()) > 4 * len(y) + 1000:
        return None
    counts: NDArray[np.intp] = np.bincount((y - y.min()).astype(np.intp))
    return counts
