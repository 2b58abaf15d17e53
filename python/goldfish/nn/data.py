"""Training data as batches: arrays or ragged lists that are cut and shuffled, or batches that come ready."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from goldfish.nn.layer import Array

# Batches among which sequences are sorted by length.
_STRETCH = 16


class Batch(NamedTuple):
    """Some samples: inputs (by name where a model has several), targets and their weights."""

    x: Any
    y: Array
    weight: Array | None
    steps: int = 1
    lengths: Array | None = None
    per_step: bool = False

    @property
    def size(self) -> float:
        """How much the batch counts: its samples, or the sum of their weights, times the steps of a window."""
        if self.weight is None:
            if self.lengths is not None and self.per_step:
                return float(self.lengths.sum())
            return float(len(self.y) * self.steps)
        return float(self.weight.sum()) * (self.steps if self.weight.ndim == 1 else 1)


class Source(ABC):
    """Something that gives batches, as often as it is asked."""

    @abstractmethod
    def batches(self, batch_size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """One epoch, shuffled if there is an ``rng``."""

    @abstractmethod
    def steps(self, batch_size: int, window: int | None) -> int | None:
        """Number of batches, or of windows of batches; None if unknown."""


class Arrays(Source):
    """Samples along the first axis of arrays."""

    def __init__(self, x: Array, y: Array, weight: Array | None) -> None:
        self.x, self.y, self.weight = x, y, weight

    def __len__(self) -> int:
        return len(self.x)

    def batches(self, batch_size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Batches of ``batch_size``, the last one smaller; views unless shuffled."""
        order = None if rng is None else rng.permutation(len(self))
        for start in range(0, len(self), batch_size):
            rows = slice(start, start + batch_size)
            yield self.take(rows if order is None else order[rows])

    def steps(self, batch_size: int, window: int | None) -> int:
        """Number of batches, or of windows of batches."""
        windows = 1 if window is None or self.x.ndim < 2 else -(-self.x.shape[1] // window)
        return windows * -(-len(self) // batch_size)

    def take(self, rows: Any) -> Batch:
        """The samples at some rows."""
        return Batch(self.x[rows], self.y[rows], None if self.weight is None else self.weight[rows])

    def split(self, fraction: float, rng: np.random.Generator) -> tuple[Arrays, Arrays]:
        """The rest, and a random fraction of the samples."""
        count = max(1, round(len(self) * fraction))
        if count >= len(self):
            raise ValueError(f"fit: validation={fraction} of {len(self)} samples leaves none to train on")
        order = rng.permutation(len(self))
        rest, part = self.take(np.sort(order[count:])), self.take(np.sort(order[:count]))
        return Arrays(rest.x, rest.y, rest.weight), Arrays(part.x, part.y, part.weight)


class Ragged(Source):
    """Sequences of unequal lengths, which are padded batch by batch.

    Shuffled, sequences of like lengths come into one batch: the order is random, but within stretches of `_STRETCH`
    batches the sequences are sorted by length. Padding is 0 in x and ``ignore_index`` in targets that have steps; where
    the loss knows no such index, weights of 0 stand there.
    """

    def __init__(self, x: list[Array], y: Array | list[Array], weight: Array | None, ignore_index: int | None) -> None:
        self.x, self.y, self.weight, self.ignore_index = x, y, weight, ignore_index
        self.lengths = np.array([len(sequence) for sequence in x], np.int64)

    def __len__(self) -> int:
        return len(self.x)

    def batches(self, batch_size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Padded batches of ``batch_size``, the last one smaller."""
        if rng is None:
            groups = [np.arange(start, min(start + batch_size, len(self))) for start in range(0, len(self), batch_size)]
        else:
            groups = like_lengths(self.lengths, batch_size, rng)
        for rows in groups:
            yield self.take(rows)

    def steps(self, batch_size: int, window: int | None) -> int | None:
        """Number of batches; None if they are cut into windows, whose number depends on the order."""
        return -(-len(self) // batch_size) if window is None else None

    def take(self, rows: Array) -> Batch:
        """The padded batch of some sequences."""
        lengths = self.lengths[rows]
        weight = None if self.weight is None else self.weight[rows]
        x = pad([self.x[row] for row in rows], 0)
        if not isinstance(self.y, list):
            return Batch(x, self.y[rows], weight, 1, lengths)
        targets = [self.y[row] for row in rows]
        if self.ignore_index is not None and targets[0].dtype.kind in "iu":
            return Batch(x, pad(targets, self.ignore_index), weight, 1, lengths, True)
        counted = (np.arange(x.shape[1]) < lengths[:, None]).astype(np.float64)
        return Batch(x, pad(targets, 0), counted if weight is None else counted * weight[:, None], 1, lengths, True)

    def split(self, fraction: float, rng: np.random.Generator) -> tuple[Ragged, Ragged]:
        """The rest, and a random fraction of the sequences."""
        count = max(1, round(len(self) * fraction))
        if count >= len(self):
            raise ValueError(f"fit: validation={fraction} of {len(self)} samples leaves none to train on")
        order = rng.permutation(len(self))
        return self._part(np.sort(order[count:])), self._part(np.sort(order[:count]))

    def _part(self, rows: Array) -> Ragged:
        y = [self.y[row] for row in rows] if isinstance(self.y, list) else self.y[rows]
        weight = None if self.weight is None else self.weight[rows]
        return Ragged([self.x[row] for row in rows], y, weight, self.ignore_index)


class Batches(Source):
    """A re-iterable of ready batches."""

    def __init__(self, data: Iterable[Any], name: str) -> None:
        self.data, self.name = data, name

    def batches(self, batch_size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """The batches as they come."""
        for item in self.data:
            if not isinstance(item, tuple | list) or len(item) not in (2, 3):
                raise TypeError(f"fit: {self.name} expected batches (x, y[, sample_weight]), got {type(item).__name__}")
            x = {name: np.asarray(part) for name, part in item[0].items()} if is_named(item[0]) else np.asarray(item[0])
            y, *weight = (np.asarray(part) for part in item[1:])
            yield Batch(x, y, weight[0] if weight else None)

    def steps(self, batch_size: int, window: int | None) -> int | None:
        """Number of batches, if the data has a length and they are not cut."""
        return len(self.data) if isinstance(self.data, Sized) and window is None else None


def open_source(
    data: Any, sample_weight: ArrayLike | None = None, name: str = "data", ignore_index: int | None = None
) -> Source:
    """The source for ``(x, y)``, ``(x, y, sample_weight)`` or a re-iterable of batches.

    Parameters
    ----------
    data : tuple or iterable
        A tuple is arrays, anything else batches.
    sample_weight : array_like of shape (N,), optional
        Only with arrays.
    name : str
        For error messages.
    ignore_index : int, optional
        What ragged targets are padded with.

    Raises
    ------
    ValueError, TypeError
        If the data is neither, or lengths differ.
    """
    if isinstance(data, tuple):
        if len(data) not in (2, 3) or (len(data) == 3 and sample_weight is not None):
            raise ValueError(f"fit: {name} expected (x, y) or (x, y, sample_weight), got a tuple of {len(data)}")
        if is_ragged(data[0]):
            weights = sample_weight if sample_weight is not None else (data[2] if len(data) == 3 else None)
            return _open_ragged(data[0], data[1], weights, ignore_index)
        x, y, *weight = (_array(part, label) for part, label in zip(data, ("x", "y", "sample_weight"), strict=False))
        weights = (
            _array(sample_weight, "sample_weight") if sample_weight is not None else (weight[0] if weight else None)
        )
        _check_lengths(x, y, weights)
        return Arrays(x, y, weights)
    if sample_weight is not None:
        raise ValueError("fit: sample_weight expected in the batches, (x, y, sample_weight), where data is batches")
    if not isinstance(data, Iterable):
        raise TypeError(f"fit: {name} expected (x, y) or an iterable of batches, got {type(data).__name__}")
    if isinstance(data, Iterator):
        raise TypeError(
            f"fit: {name} expected an iterable that starts anew each epoch, got the iterator {type(data).__name__}"
        )
    return Batches(data, name)


def windows(batch: Batch, length: int | None) -> Iterator[Batch]:
    """Cut a batch of sequences into windows of ``length`` steps along axis 1; None leaves it whole.

    Raises
    ------
    ValueError
        If targets do not have the inputs' steps, or there are several inputs.
    """
    if length is None:
        yield batch
        return
    if is_named(batch.x):
        raise ValueError(f"fit: truncate expected one input, got several: {list(batch.x)}")
    if batch.x.ndim < 2 or batch.y.ndim < 2 or batch.x.shape[1] != batch.y.shape[1]:
        raise ValueError(
            f"fit: truncate expected x and y with the same number of steps on axis 1, "
            f"got {batch.x.shape} and {batch.y.shape}"
        )
    for start in range(0, batch.x.shape[1], length):
        steps = slice(start, start + length)
        weight = batch.weight if batch.weight is None or batch.weight.ndim < 2 else batch.weight[:, steps]
        window = batch.x[:, steps]
        lengths = None if batch.lengths is None else np.clip(batch.lengths - start, 0, window.shape[1])
        yield Batch(window, batch.y[:, steps], weight, window.shape[1], lengths, True)


def like_lengths(lengths: Array, batch_size: int, rng: np.random.Generator) -> list[Array]:
    """The rows of random batches of sequences whose lengths differ little.

    Parameters
    ----------
    lengths : ndarray of shape (N,)
        Of the sequences.
    batch_size : int
        Rows in a batch; the last one of a stretch may be smaller.
    rng : Generator
        Source of the order.

    Returns
    -------
    list of ndarray
        Each of 0..N-1 once. The order is random, but within stretches of `_STRETCH` batches sorted by length.
    """
    order, stretch = rng.permutation(len(lengths)), batch_size * _STRETCH
    parts = [order[start : start + stretch] for start in range(0, len(order), stretch)]
    parts = [part[np.argsort(lengths[part], kind="stable")] for part in parts]
    groups = [part[start : start + batch_size] for part in parts for start in range(0, len(part), batch_size)]
    return [groups[index] for index in rng.permutation(len(groups))]


def is_named(x: Any) -> bool:
    """Whether x is several inputs by their names."""
    return isinstance(x, Mapping)


def is_ragged(value: Any) -> bool:
    """Whether value is a list of sequences that are not all equally long."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        return False
    if not isinstance(value, list | tuple | np.ndarray) or not all(np.ndim(item) or _sized(item) for item in value):
        return False
    return len({len(item) for item in value}) > 1


def _sized(item: Any) -> bool:
    return isinstance(item, Sized) and not isinstance(item, str | bytes)


def _open_ragged(x: Any, y: Any, weight: Any, ignore_index: int | None) -> Ragged:
    sequences = [_array(item, f"x[{i}]") for i, item in enumerate(x)]
    for i, sequence in enumerate(sequences):
        if sequence.shape[1:] != sequences[0].shape[1:]:
            raise ValueError(f"fit: x[{i}] expected steps of shape {sequences[0].shape[1:]}, got {sequence.shape[1:]}")
    targets: Array | list[Array]
    if is_ragged(y):
        targets = [_array(item, f"y[{i}]") for i, item in enumerate(y)]
        for i, (sequence, target) in enumerate(zip(sequences, targets, strict=False)):
            if len(sequence) != len(target):
                raise ValueError(f"fit: y[{i}] expected {len(sequence)} steps, as x[{i}] has, got {len(target)}")
    else:
        targets = _array(y, "y")
    weights = None if weight is None else _array(weight, "sample_weight")
    _check_lengths(sequences, targets, weights)
    return Ragged(sequences, targets, weights, ignore_index)


def pad(arrays: Sequence[Array], value: float, *, least: int = 0) -> Array:
    """The arrays behind one another along a new first axis, each filled up to the longest, or to ``least`` steps."""
    steps = max([least, *map(len, arrays)])
    padded = np.full((len(arrays), steps, *arrays[0].shape[1:]), value, np.result_type(*arrays))
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return padded


def _array(value: Any, label: str) -> Array:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"fit: {label} expected an array, got a {type(value).__name__} of unequal lengths") from None
    if array.ndim == 0 or array.dtype == object:
        raise TypeError(f"fit: {label} expected an array of numbers, got {type(value).__name__}")
    return array


def _check_lengths(x: Sized, y: Sized, weight: Array | None) -> None:
    if len(x) == 0:
        raise ValueError("fit: x expected at least one sample, got none")
    if len(y) != len(x):
        raise ValueError(f"fit: x has {len(x)} samples, so y must have as many, got {len(y)}")
    if weight is not None and (len(weight) != len(x) or weight.min() < 0):
        raise ValueError(f"fit: sample_weight expected {len(x)} numbers >= 0, got {len(weight)} from {weight.min()} on")
