"""Points and labels as exact integers: whatever the user gives is a rational number, and is used as one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Rational
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Row: TypeAlias = tuple[int, ...]
Labels: TypeAlias = tuple[bool, ...]


@dataclass(frozen=True)
class Points:
    """N points of p coordinates; coordinate j of point i is exactly ``rows[i][j] / scale``."""

    rows: tuple[Row, ...]
    scale: int
    p: int
    original: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.rows)

    def subset(self, indices: Sequence[int]) -> Points:
        """The points with these numbers, in this order."""
        return Points(tuple(self.rows[i] for i in indices), self.scale, self.p, self.original[list(indices)])

    def fractions(self) -> list[tuple[Fraction, ...]]:
        """The coordinates themselves."""
        return [tuple(Fraction(value, self.scale) for value in row) for row in self.rows]


def read_points(function: str, X: Any) -> Points:
    """Points from arrays and nested lists of shape (N, p), of ints, Fractions, Decimals, floats."""
    try:
        array = X if isinstance(X, np.ndarray) else np.array([list(row) for row in X], dtype=object)
    except TypeError as error:
        raise ValueError(f"{function}: X must have the shape (N, p), got {_describe(X)}") from error
    except ValueError as error:
        raise ValueError(f"{function}: X must have rows of equal length") from error
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"{function}: X must have the shape (N, p) with p >= 1, got the shape {array.shape}")
    if array.dtype.kind in "iub":
        rows = tuple(tuple(int(value) for value in row) for row in array.tolist())
        return Points(rows, 1, array.shape[1], array)
    ratios = [
        [ratio(function, "X", value, i, j) for j, value in enumerate(row)] for i, row in enumerate(array.tolist())
    ]
    scale = math.lcm(*(denominator for row in ratios for _, denominator in row)) if ratios else 1
    rows = tuple(tuple(numerator * (scale // denominator) for numerator, denominator in row) for row in ratios)
    return Points(rows, scale, array.shape[1], array)


def _describe(X: Any) -> str:
    return f"{type(X).__name__} of {[type(v).__name__ for v in list(X)[:3]]}" if isinstance(X, Iterable) else repr(X)


def ratio(function: str, name: str, value: Any, i: int, j: int) -> tuple[int, int]:
    """A number as numerator and denominator."""
    if isinstance(value, float | np.floating | Decimal):
        if not math.isfinite(value):
            raise ValueError(f"{function}: {name} must be finite, got {value} at row {i}, column {j}")
        numerator, denominator = value.as_integer_ratio()
        return int(numerator), int(denominator)
    if isinstance(value, bool | np.bool_ | Integral):
        return int(value), 1
    if isinstance(value, Rational):
        return int(value.numerator), int(value.denominator)
    raise TypeError(f"{function}: {name} must hold numbers, got {value!r} at row {i}, column {j}")


def read_labels(function: str, y: Any, n: int) -> Labels:
    """Labels of n points, 0 and 1 or -1 and +1, as truth values."""
    array = np.asarray(y)
    if array.shape != (n,):
        raise ValueError(
            f"{function}: y must have the shape ({n},), one label for each point, got the shape {array.shape}"
        )
    values = array.tolist()
    negative = -1 if -1 in values else 0
    for i, value in enumerate(values):
        if not isinstance(value, bool | int | float) or value not in (negative, 1):
            raise ValueError(f"{function}: y must hold 0 and 1, or -1 and +1, got {value!r} at index {i}")
    return tuple(value == 1 for value in values)


def mask_of(labels: Sequence[bool]) -> int:
    """Labels as an integer whose bit i is the label of point i."""
    return sum(1 << i for i, label in enumerate(labels) if label)


def labels_of(mask: int, n: int) -> Labels:
    """The inverse of `mask_of`."""
    return tuple(bool(mask >> i & 1) for i in range(n))


def table_of(masks: Iterable[int], n: int) -> npt.NDArray[np.bool_]:
    """Labelings as a boolean array, one in each row, sorted with the first point's label first."""
    ordered = sorted(int(mask) for mask in masks)
    width = max((n + 7) // 8, 1)
    data = b"".join(mask.to_bytes(width, "little") for mask in ordered)
    bits = np.unpackbits(np.frombuffer(data, np.uint8).reshape(len(ordered), width), axis=1, bitorder="little")[:, :n]
    return bits[np.lexsort(bits.T[::-1])].astype(bool) if n else bits.astype(bool)
