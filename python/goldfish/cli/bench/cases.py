"""What is timed: operations, arrays, and how goldfish and plain NumPy do it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import goldfish as gf
from goldfish.cli.demo import plain

Array = NDArray[Any]
Run = Callable[[], tuple[Array, ...]]


@dataclass(frozen=True)
class Case:
    """One operation on given arrays.

    Attributes
    ----------
    name : str
        Of the operation: conv2d, max_pool2d, rnn, gru or lstm, perhaps "with gradients".
    sizes : str
        For eyes.
    kind : str
        Of the operation, without gradients.
    arrays : dict of str to ndarray
        float32: x, and weight and bias, or weight_ih, weight_hh, bias_ih and bias_hh; with gradients dy.
    ours, plain : callable
        Give the same arrays: the result, and gradients of x and of the weights.
    """

    name: str
    sizes: str
    kind: str
    arrays: dict[str, Array] = field(repr=False)
    ours: Run = field(repr=False)
    plain: Run = field(repr=False)

    @property
    def label(self) -> str:
        """Name and sizes."""
        return f"{self.name}, {self.sizes}"


def cases(quick: bool) -> Iterator[Case]:
    """Every case.

    Parameters
    ----------
    quick : bool
        Small sizes.

    Yields
    ------
    Case

    Examples
    --------
    >>> [case.name for case in cases(True)]
    ['conv2d', 'conv2d with gradients', 'max_pool2d', 'rnn', 'gru', 'lstm', 'lstm with gradients']
    """
    rng = np.random.default_rng(0)
    count, side = (2, 14) if quick else (8, 56)
    arrays = {
        "x": _normal(rng, count, 32, side, side),
        "weight": _normal(rng, 64, 32, 3, 3),
        "bias": _normal(rng, 64),
        "dy": _normal(rng, count, 64, side, side),
    }
    yield from _convolutions(arrays, f"{count} x 32 x {side} x {side}, 64 filters 3 x 3")
    x = _normal(rng, count, 64, side, side)
    yield Case(
        "max_pool2d",
        f"{count} x 64 x {side} x {side}, 2 x 2",
        "max_pool2d",
        {"x": x},
        lambda: (gf.max_pool2d(x, 2),),
        lambda: (plain.max_pool(x, 2),),
    )
    yield from _recurrences(rng, steps=8 if quick else 64, hidden=16 if quick else 128)


def _normal(rng: np.random.Generator, *shape: int) -> Array:
    """Values whose sums over the last axis keep about unit size."""
    return rng.standard_normal(shape, dtype=np.float32) / np.float32(math.sqrt(shape[-1]))


def _convolutions(arrays: dict[str, Array], sizes: str) -> Iterator[Case]:
    x, weight, bias, dy = (arrays[name] for name in ("x", "weight", "bias", "dy"))

    def train() -> tuple[Array, ...]:
        y, cache = gf.conv2d_forward(x, weight, bias, padding=1)
        grads = gf.conv2d_backward(dy, cache)
        return y, *map(np.asarray, grads)

    def train_plain() -> tuple[Array, ...]:
        y, patches = plain.convolve(x, weight, bias, padding=1)
        return (y, *plain.convolve_backward(dy, patches, x.shape, weight, padding=1))

    forward = {name: arrays[name] for name in ("x", "weight", "bias")}
    yield Case(
        "conv2d",
        sizes,
        "conv2d",
        forward,
        lambda: (gf.conv2d(x, weight, bias, padding=1),),
        lambda: plain.convolve(x, weight, bias, 1)[:1],
    )
    yield Case("conv2d with gradients", sizes, "conv2d", arrays, train, train_plain)


def _recurrences(rng: np.random.Generator, steps: int, hidden: int) -> Iterator[Case]:
    batch, inputs = 32, 64
    x, dy = _normal(rng, steps, batch, inputs), _normal(rng, steps, batch, hidden)
    sizes = f"{steps} steps, {batch} sequences, {inputs} -> {hidden}"
    whole = {
        "weight_ih": _normal(rng, 4 * hidden, inputs),
        "weight_hh": _normal(rng, 4 * hidden, hidden),
        "bias_ih": _normal(rng, 4 * hidden),
        "bias_hh": _normal(rng, 4 * hidden),
    }

    def weights(gates: int) -> dict[str, Any]:
        return {name: np.ascontiguousarray(value[: gates * hidden]) for name, value in whole.items()}

    one, three, four = weights(1), weights(3), weights(4)
    both = one["bias_ih"] + one["bias_hh"], four["bias_ih"] + four["bias_hh"]
    yield Case(
        "rnn",
        sizes,
        "rnn",
        {"x": x, **one},
        lambda: (gf.rnn(x, None, **one)[0],),
        lambda: (plain.elman(x, one["weight_ih"], one["weight_hh"], both[0]),),
    )
    yield Case(
        "gru",
        sizes,
        "gru",
        {"x": x, **three},
        lambda: (gf.gru(x, None, **three)[0],),
        lambda: (plain.gru(x, *three.values()),),
    )
    yield Case(
        "lstm",
        sizes,
        "lstm",
        {"x": x, **four},
        lambda: (gf.lstm(x, None, **four)[0],),
        lambda: plain.lstm(x, four["weight_ih"], four["weight_hh"], both[1])[:1],
    )

    def train() -> tuple[Array, ...]:
        y, _, cache = gf.lstm_forward(x, None, **four)
        grads = gf.lstm_backward(dy, None, cache, needs=("x", "weight_ih", "weight_hh", "bias_ih"))
        return y, *(np.asarray(getattr(grads, name)) for name in ("x", "weight_ih", "weight_hh", "bias_ih"))

    def train_plain() -> tuple[Array, ...]:
        y, gates, cells = plain.lstm(x, four["weight_ih"], four["weight_hh"], both[1])
        return (y, *plain.lstm_backward(dy, x, y, gates, cells, four["weight_ih"], four["weight_hh"]))

    yield Case("lstm with gradients", sizes, "lstm", {"x": x, "dy": dy, **four}, train, train_plain)
