"""Sequences of unequal lengths: read, checked, numbered, padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from typing import Any, Literal, NamedTuple

import numpy as np

from goldfish.nn.data import pad
from goldfish.nn.layer import Array

Kind = Literal["auto", "tokens", "vectors"]
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class Sequences(NamedTuple):
    """Sequences that have been checked.

    Attributes
    ----------
    rows : list of ndarray
        Token numbers, int64 of shape (T,), or vectors, float32 or float64 of shape (T, I).
    kind : {"tokens", "vectors"}
        Which of the two.
    size : int
        I; 1 for tokens.
    """

    rows: list[Array]
    kind: Literal["tokens", "vectors"]
    size: int


def is_list_of_sequences(X: Any) -> bool:
    """Whether X is a collection of sequences: a list, a tuple, or a one-dimensional array or Series of objects.

    A list of lists of floats, all equally long, is none: scikit-learn takes it for a two-dimensional array.
    """
    if isinstance(X, list | tuple):
        rows = all(isinstance(row, list | tuple) and row and isinstance(row[0], float) for row in X)
        return not (X and rows and len({len(row) for row in X}) == 1)
    return np.dtype(object) == getattr(X, "dtype", None) and getattr(X, "ndim", 0) == 1


def read_sequences(X: Any, *, name: str = "X", kind: Kind = "auto", max_length: int | None = None) -> Sequences:
    """Check a list of sequences.

    Parameters
    ----------
    X : iterable of array_like
        Arrays of integers (T,), which are tokens, or arrays of floats (T,) or (T, I), which are vectors. T may be 0.
    name : str
        For error messages.
    kind : {"auto", "tokens", "vectors"}
        What they are to be; "auto" decides by the first that is not empty. With "vectors" integers become floats.
    max_length : int, optional
        Longest allowed T.

    Returns
    -------
    Sequences
        float32 and float64 stay, other numbers become float32.

    Raises
    ------
    ValueError
        If there are none, if their dtypes or sizes differ, if they are too long, negative tokens, NaN or infinite; the
        message names the first that is wrong.
    TypeError
        If one does not hold numbers.

    Examples
    --------
    >>> read_sequences([[3, 1, 2], []]).rows
    [array([3, 1, 2]), array([], dtype=int64)]
    >>> read_sequences([[0.5, 1.5], [1]])
    Traceback (most recent call last):
    ValueError: X[1] must hold floats as X[0] does, got int64; input="vectors" takes both
    """
    rows = [_row(item, f"{name}[{index}]") for index, item in enumerate(X)]
    if not rows:
        raise ValueError(f"{name} must have at least one sequence, got none")
    if max_length is not None:
        for index, row in enumerate(rows):
            if len(row) > max_length:
                raise ValueError(f"{name}[{index}] must have at most {max_length} steps (max_length), got {len(row)}")
    first = next((index for index, row in enumerate(rows) if row.size), 0)
    if kind == "auto":
        whole = rows[first].dtype.kind in "iu" and rows[first].ndim == 1 and rows[first].size
        kind = "tokens" if whole else "vectors"
        _check_same_kind(rows, first, name)
    return _tokens(rows, name) if kind == "tokens" else _vectors(rows, first, name)


def _row(item: Any, label: str) -> Array:
    try:
        row = np.asarray(item)
    except ValueError:
        raise ValueError(f"{label} must be an array, got a {type(item).__name__} of unequal lengths") from None
    if row.dtype.kind not in "iufb" or row.ndim == 0:
        got = f"{row.dtype} of shape {row.shape}" if isinstance(item, np.ndarray) else type(item).__name__
        hint = "; Tokenizer turns texts into numbers" if row.dtype.kind in "US" else ""
        raise TypeError(f"{label} must be an array of numbers, got {got}{hint}")
    if row.ndim > 2:
        raise ValueError(f"{label} must have shape (T,) or (T, I), got {row.shape}")
    return row


def _check_same_kind(rows: list[Array], first: int, name: str) -> None:
    floats = rows[first].dtype.kind == "f"
    for index, row in enumerate(rows):
        if row.size and (row.dtype.kind == "f") != floats:
            wanted = f"{'floats' if floats else 'integers'} as {name}[{first}] does"
            raise ValueError(f'{name}[{index}] must hold {wanted}, got {row.dtype}; input="vectors" takes both')


def _tokens(rows: list[Array], name: str) -> Sequences:
    for index, row in enumerate(rows):
        if row.size and (row.dtype.kind not in "iu" or row.ndim != 1):
            raise ValueError(
                f"{name}[{index}] must be a one-dimensional array of integers, got {row.dtype} of shape {row.shape}"
            )
        if row.size and row.min() < 0:
            raise ValueError(f"{name}[{index}] must hold token numbers >= 0, got {row.min()}")
    return Sequences([row.reshape(-1).astype(np.int64) for row in rows], "tokens", 1)


def _vectors(rows: list[Array], first: int, name: str) -> Sequences:
    size = rows[first].shape[1] if rows[first].ndim == 2 else 1
    given = {row.dtype for row in rows if row.size and row.dtype.kind == "f"}
    dtype = rows[first].dtype if rows[first].dtype in _FLOATS and rows[first].size else np.dtype(np.float32)
    for index, row in enumerate(rows):
        if row.size and (row.shape[1] if row.ndim == 2 else 1) != size:
            raise ValueError(f"{name}[{index}] must have shape (T, {size}) as {name}[{first}] does, got {row.shape}")
        if len(given) > 1 and row.size and row.dtype != rows[first].dtype:
            raise ValueError(f"{name}[{index}] must be {rows[first].dtype} as {name}[{first}] is, got {row.dtype}")
    rows = [row.reshape(len(row) if row.size else 0, size).astype(dtype, copy=False) for row in rows]
    for index, row in enumerate(rows):
        if not np.isfinite(row).all():
            problem = "NaN" if np.isnan(row).any() else f"infinity or a value too large for {dtype!r}"
            raise ValueError(f"Input {name}[{index}] contains {problem}.")
    return Sequences(rows, "vectors", size)


class Numbering:
    """The token numbers that occurred in training, as 1, 2, ...; 0 is any other and stands for a step of zeros.

    Parameters
    ----------
    rows : iterable of ndarray of int
        Sequences to train on.

    Attributes
    ----------
    tokens : ndarray of int64
        The token numbers in rising order.

    Examples
    --------
    >>> numbering = Numbering([np.array([7, 3]), np.array([], np.int64)])
    >>> numbering([np.array([3, 5, 7])])[0].tolist(), len(numbering)
    ([1, 0, 2], 3)
    """

    def __init__(self, rows: Any) -> None:
        self.tokens = np.unique(np.concatenate(list(rows)))

    def __len__(self) -> int:
        return len(self.tokens) + 1

    def __call__(self, rows: list[Array]) -> list[Array]:
        """The sequences in the numbers of this object."""
        if not len(self.tokens):
            return [np.zeros_like(row) for row in rows]
        joined = np.concatenate(rows)
        places = np.minimum(np.searchsorted(self.tokens, joined), len(self.tokens) - 1)
        numbers = np.where(self.tokens[places] == joined, places + 1, 0)
        return np.split(numbers, np.cumsum([len(row) for row in rows])[:-1])


def padded(rows: list[Array]) -> tuple[Array, Array]:
    """Sequences behind one another along a new first axis, filled up with zeros, and their lengths.

    Examples
    --------
    >>> batch, lengths = padded([np.array([3, 4]), np.array([5])])
    >>> batch.tolist(), lengths.tolist()
    ([[3, 4], [5, 0]], [2, 1])
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    return pad(rows, 0), lengths


def batches_of_like_length(rows: Sequence[Sized], size: int) -> Iterator[Array]:
    """Indices of the sequences, the shortest first, so many at a time."""
    order = np.argsort([len(row) for row in rows], kind="stable")
    for start in range(0, len(order), size):
        yield order[start : start + size]
