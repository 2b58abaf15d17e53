"""Our kernels beside plain NumPy: im2col and a matrix product, a Python loop over time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import goldfish as gf
from goldfish.cli.demo import plain
from goldfish.cli.demo.plain import Array

Say = Callable[[str], None]
Arrays = tuple[Any, ...]


@dataclass(frozen=True)
class Case:
    """One operation in both ways, on the same arrays."""

    name: str
    shape: str
    ours: Callable[[], Arrays]
    plain: Callable[[], Arrays]


@dataclass(frozen=True)
class Timing:
    """One row of the table.

    Attributes
    ----------
    name, shape : str
        What ran on what.
    ours, numpy : float
        Median seconds per call.
    """

    name: str
    shape: str
    ours: float
    numpy: float

    @property
    def ratio(self) -> float:
        """How many times longer NumPy takes."""
        return self.numpy / self.ours


@dataclass(frozen=True)
class Kernels:
    """The whole table.

    Attributes
    ----------
    rows : list of Timing
        In the order measured.
    repeats : int
        Timed calls per side and row.
    """

    rows: list[Timing]
    repeats: int

    def summary(self) -> dict[str, Any]:
        """The table as plain values, for JSON."""
        return {"repeats": self.repeats, "rows": [{**asdict(row), "ratio": row.ratio} for row in self.rows]}


def run(say: Say, *, quick: bool = False) -> Kernels:
    """Assert that both ways agree, then time them in turns.

    Parameters
    ----------
    say : callable
        Takes one line of progress.
    quick : bool
        Small shapes and few repeats.

    Returns
    -------
    Kernels
        Medians; the two sides are called alternately, so that a slow moment of the machine hits both.

    Raises
    ------
    AssertionError
        If a kernel and its NumPy twin differ by more than float32 rounding.
    """
    repeats = 3 if quick else 9
    return Kernels(measure(_cases(quick), repeats, say), repeats)


def measure(cases: Iterable[Case], repeats: int, say: Say) -> list[Timing]:
    """Compare, then time each case.

    Parameters
    ----------
    cases : iterable of Case
        In the order of the table.
    repeats : int
        Timed calls per side.
    say : callable
        Takes one line of progress.

    Returns
    -------
    list of Timing
        One per case.

    Raises
    ------
    AssertionError
        If the two sides of a case differ by more than float32 rounding.
    """
    rows = []
    for case in cases:
        _assert_equal(case)
        row = _time(case, repeats)
        say(f"{row.name}, {row.shape}: {row.ours * 1e3:.2f} ms, NumPy {row.numpy * 1e3:.2f} ms, {row.ratio:.1f} x")
        rows.append(row)
    return rows


def _assert_equal(case: Case) -> None:
    for ours, expected in zip(case.ours(), case.plain(), strict=True):
        scale = float(np.abs(expected).max())
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5 * scale, err_msg=case.name)


def _time(case: Case, repeats: int) -> Timing:
    ours, others = [], []
    for _ in range(repeats):
        ours.append(_seconds(case.ours))
        others.append(_seconds(case.plain))
    return Timing(case.name, case.shape, median(ours), median(others))


def _seconds(call: Callable[[], object]) -> float:
    """The time of a call right after another one like it.

    The threads of the other side spin for a while after their work (OpenBLAS's for some 30 ms) and would take a
    processor from this one.
    """
    time.sleep(0.03)
    call()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _cases(quick: bool) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    yield from _convolutions(rng, count=2 if quick else 8, side=14 if quick else 56)
    yield _wide_filters(rng, count=1 if quick else 4)
    yield _pooling(rng, count=2 if quick else 16)
    yield from _recurrences(rng, steps=8 if quick else 64, hidden=16 if quick else 128)


def _normal(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    """Values whose sums over the last axis keep about unit size."""
    return rng.standard_normal(shape, dtype=np.float32) / np.float32(math.sqrt(shape[-1]))


def _convolutions(rng: np.random.Generator, count: int, side: int) -> Iterator[Case]:
    x, weight, bias = _normal(rng, count, 32, side, side), _normal(rng, 64, 32, 3, 3), _normal(rng, 64)
    dy = _normal(rng, count, 64, side, side)
    shape = f"{count} x 32 @ {side} x {side}, 64 filters 3 x 3"

    def train() -> Arrays:
        y, cache = gf.conv2d_forward(x, weight, bias, padding=1)
        return (y, *gf.conv2d_backward(dy, cache))

    def train_plain() -> Arrays:
        y, patches = plain.convolve(x, weight, bias, padding=1)
        return (y, *plain.convolve_backward(dy, patches, x.shape, weight, padding=1))

    yield Case(
        "conv2d",
        shape,
        lambda: (gf.conv2d(x, weight, bias, padding=1),),
        lambda: plain.convolve(x, weight, bias, 1)[:1],
    )
    yield Case("conv2d with gradients", shape, train, train_plain)


def _wide_filters(rng: np.random.Generator, count: int) -> Case:
    x, weight, bias = _normal(rng, count, 3, 64, 64), _normal(rng, 12, 3, 17, 17), _normal(rng, 12)
    return Case(
        "conv2d, wide filters",
        f"{count} x 3 @ 64 x 64, 12 filters 17 x 17",
        lambda: (gf.conv2d(x, weight, bias),),
        lambda: plain.convolve(x, weight, bias, 0)[:1],
    )


def _pooling(rng: np.random.Generator, count: int) -> Case:
    x = _normal(rng, count, 64, 56, 56)
    return Case(
        "max_pool2d", f"{count} x 64 @ 56 x 56, 2 x 2", lambda: (gf.max_pool2d(x, 2),), lambda: (plain.max_pool(x, 2),)
    )


def _recurrences(rng: np.random.Generator, steps: int, hidden: int) -> Iterator[Case]:
    batch, inputs = 32, 64
    x, dy = _normal(rng, steps, batch, inputs), _normal(rng, steps, batch, hidden)
    w_ih, w_hh = _normal(rng, 4 * hidden, inputs), _normal(rng, 4 * hidden, hidden)
    b_ih, b_hh = _normal(rng, 4 * hidden), _normal(rng, 4 * hidden)
    shape = f"{steps} steps, {batch} sequences, {inputs} -> {hidden}"

    def parameters(gates: int) -> tuple[Array, Array, Array, Array]:
        return w_ih[: gates * hidden], w_hh[: gates * hidden], b_ih[: gates * hidden], b_hh[: gates * hidden]

    def train() -> Arrays:
        y, _, cache = gf.lstm_forward(x, None, w_ih, w_hh, b_ih, b_hh)
        grads = gf.lstm_backward(dy, None, cache, needs=("x", "weight_ih", "weight_hh", "bias_ih"))
        return y, grads.x, grads.weight_ih, grads.weight_hh, grads.bias_ih

    def train_plain() -> Arrays:
        y, gates, cells = plain.lstm(x, w_ih, w_hh, b_ih + b_hh)
        return (y, *plain.lstm_backward(dy, x, y, gates, cells, w_ih, w_hh))

    one, three = parameters(1), parameters(3)
    yield Case(
        "rnn", shape, lambda: (gf.rnn(x, None, *one)[0],), lambda: (plain.elman(x, one[0], one[1], one[2] + one[3]),)
    )
    yield Case("gru", shape, lambda: (gf.gru(x, None, *three)[0],), lambda: (plain.gru(x, *three),))
    yield Case(
        "lstm",
        shape,
        lambda: (gf.lstm(x, None, w_ih, w_hh, b_ih, b_hh)[0],),
        lambda: plain.lstm(x, w_ih, w_hh, b_ih + b_hh)[:1],
    )
    yield Case("lstm with gradients", shape, train, train_plain)
