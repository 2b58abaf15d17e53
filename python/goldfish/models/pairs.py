"""Training batches of inputs and the token sequences to write from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from goldfish.nn.data import like_lengths, pad
from goldfish.nn.layer import Array

Inputs = Array | list[Array]


class Pairs:
    """Batches for an `EncoderDecoder`, anew each time it is iterated.

    Parameters
    ----------
    inputs : ndarray of shape (N, F), or list of arrays of token numbers
        What is read.
    targets : list of arrays of token numbers
        What is written.
    end : int
        The token that ends a target and stands in front of it.
    batch_size : int
        Samples in a batch.
    weight : ndarray of shape (N,)
        Of the samples.
    rng : Generator, optional
        Source of the order, where samples of like lengths share a batch; without it they come as they are.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = Pairs(np.ones((2, 3)), [np.array([0, 1]), np.array([1])], 5, 2, np.array([1.0, 0.5]))
    >>> x, y, weight = next(iter(pairs))
    >>> x["previous"].tolist(), y.tolist(), weight.tolist()
    ([[5, 0, 1], [5, 1, 5]], [[0, 1, 5], [1, 5, 0]], [[1.0, 1.0, 1.0], [0.5, 0.5, 0.0]])
    """

    def __init__(
        self,
        inputs: Inputs,
        targets: list[Array],
        end: int,
        batch_size: int,
        weight: Array,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.inputs, self.targets, self.end, self.batch_size = inputs, targets, end, batch_size
        self.weight, self.rng = weight, rng
        self.lengths = np.array([len(target) for target in targets])
        if isinstance(inputs, list):
            self.lengths += np.array([len(source) for source in inputs]) * (self.lengths.max() + 1)

    def __len__(self) -> int:
        return -(-len(self.targets) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        if self.rng is not None:
            groups = like_lengths(self.lengths, self.batch_size, self.rng)
        else:
            groups = np.split(np.arange(len(self.targets)), range(self.batch_size, len(self.targets), self.batch_size))
        for rows in groups:
            yield self._batch(rows)

    def part(self, rows: Array, rng: np.random.Generator | None) -> Pairs:
        """The samples at some rows, in an order of their own."""
        targets = [self.targets[row] for row in rows]
        return Pairs(take(self.inputs, rows), targets, self.end, self.batch_size, self.weight[rows], rng)

    def _batch(self, rows: Array) -> tuple[Any, ...]:
        targets = [self.targets[row] for row in rows]
        previous = pad([np.concatenate([[self.end], target]) for target in targets], self.end)
        x = {**network_inputs(take(self.inputs, rows)), "previous": previous}
        y = pad([np.append(target, self.end) for target in targets], 0)
        counted = np.arange(y.shape[1]) <= np.array([len(target) for target in targets])[:, None]
        return x, y, counted * self.weight[rows, None]


def network_inputs(inputs: Inputs) -> Mapping[str, Array]:
    """What an encoder reads, by the names of `EncoderDecoder`."""
    if not isinstance(inputs, list):
        return {"x": inputs}
    # An encoder wants a step at least, even if every sequence is empty.
    return {"x": pad(inputs, 0, least=1), "lengths": np.array([len(source) for source in inputs])}


def take(inputs: Inputs, rows: Array) -> Inputs:
    """The inputs at some rows."""
    return [inputs[row] for row in rows] if isinstance(inputs, list) else inputs[rows]
