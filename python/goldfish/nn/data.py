"""Training data as batches: arrays that are cut and shuffled, or batches that come ready."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sized
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from goldfish.nn.layer import Array


class Batch(NamedTuple):
    """Some samples: inputs, targets and their weights."""

    x: Array
    y: Array
    weight: Array | None
    steps: int = 1

    @property
    def size(self) -> float:
        """How much the batch counts: its samples, or the sum of their weights, times the steps of a window."""
        if self.weight is None:
            return float(len(self.x) * self.steps)
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


class Batches(Source):
    """A re-iterable of ready batches."""

    def __init__(self, data: Iterable[Any], name: str) -> None:
        self.data, self.name = data, name

    def batches(self, batch_size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """The batches as they come."""
        for item in self.data:
            if not isinstance(item, tuple | list) or len(item) not in (2, 3):
                raise TypeError(f"fit: {self.name} expected batches (x, y[, sample_weight]), got {type(item).__name__}")
            x, y, *weight = (np.asarray(part) for part in item)
            yield Batch(x, y, weight[0] if weight else None)

    def steps(self, batch_size: int, window: int | None) -> int | None:
        """Number of batches, if the data has a length and they are not cut."""
        return len(self.data) if isinstance(self.data, Sized) and window is None else None


def open_source(data: Any, sample_weight: ArrayLike | None = None, name: str = "data") -> Source:
    """The source for ``(x, y)``, ``(x, y, sample_weight)`` or a re-iterable of batches.

    Parameters
    ----------
    data : tuple or iterable
        A tuple is arrays, anything else batches.
    sample_weight : array_like of shape (N,), optional
        Only with arrays.
    name : str
        For error messages.

    Raises
    ------
    ValueError, TypeError
        If the data is neither, or lengths differ.
    """
    if isinstance(data, tuple):
        if len(data) not in (2, 3) or (len(data) == 3 and sample_weight is not None):
            raise ValueError(f"fit: {name} expected (x, y) or (x, y, sample_weight), got a tuple of {len(data)}")
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
        If targets do not have the inputs' steps.
    """
    if length is None:
        yield batch
        return
    if batch.x.ndim < 2 or batch.y.ndim < 2 or batch.x.shape[1] != batch.y.shape[1]:
        raise ValueError(
            f"fit: truncate expected x and y with the same number of steps on axis 1, "
            f"got {batch.x.shape} and {batch.y.shape}"
        )
    for start in range(0, batch.x.shape[1], length):
        steps = slice(start, start + length)
        weight = batch.weight if batch.weight is None or batch.weight.ndim < 2 else batch.weight[:, steps]
        window = batch.x[:, steps]
        yield Batch(window, batch.y[:, steps], weight, window.shape[1])


def _array(value: Any, label: str) -> Array:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"fit: {label} expected an array, got a {type(value).__name__} of unequal lengths") from None
    if array.ndim == 0 or array.dtype == object:
        raise TypeError(f"fit: {label} expected an array of numbers, got {type(value).__name__}")
    return array


def _check_lengths(x: Array, y: Array, weight: Array | None) -> None:
    if len(x) == 0:
        raise ValueError("fit: x expected at least one sample, got none")
    if len(y) != len(x):
        raise ValueError(f"fit: x has {len(x)} samples, so y must have as many, got {len(y)}")
    if weight is not None and (len(weight) != len(x) or weight.min() < 0):
        raise ValueError(f"fit: sample_weight expected {len(x)} numbers >= 0, got {len(weight)} from {weight.min()} on")
