"""The search for VC dimensions: exact for tables, lower bounds and evidence for classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from goldfish import _core
from goldfish.theory import _arguments as check
from goldfish.theory._arguments import Rng
from goldfish.theory.results import Evidence, VCResult

# Some seconds.
_MAX_WORK = 10**10
_GRID = 10**6


def read_table(function: str, name: str, table: Any) -> npt.NDArray[np.bool_]:
    """A table of zeros and ones, with at least one row and one column."""
    array = np.asarray(table)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{function}: {name} must have the shape (hypotheses, points) with both at least 1, got {array.shape}"
        )
    if array.dtype == bool:
        return array
    if array.dtype.kind not in "iufO":
        raise TypeError(f"{function}: {name} must be boolean, got dtype {array.dtype}")
    if not np.isin(array, (0, 1)).all():
        row, column = np.argwhere(~np.isin(array, (0, 1)))[0]
        raise ValueError(
            f"{function}: {name} must hold 0 and 1, got {array[row, column]!r} at row {row}, column {column}"
        )
    return array.astype(bool)


def vc_dimension_finite(B: Any, *, max_work: int = _MAX_WORK) -> VCResult:
    """The VC dimension of a finite class over a finite domain, exactly.

    Shattered sets are grown column by column: only a shattered set can be part of a larger one, and each of its 2^k
    cells must hold enough hypotheses to be split further.

    Parameters
    ----------
    B : array_like of bool, shape (H, M)
        Row h, column x is the prediction of hypothesis h at point x.
    max_work : int
        After so many words of 64 hypotheses the search gives up; the default takes some seconds. The problem is hard in
        general: a large table of coin flips is out of reach, tables of geometric classes are not.

    Returns
    -------
    VCResult
        ``dim`` and ``witness``, the columns of a largest shattered set.

    Raises
    ------
    ValueError
        If B is empty, does not hold 0 and 1, or more than ``max_work`` would have to be done.

    References
    ----------
    Vapnik and Chervonenkis 1971; Papadimitriou and Yannakakis, On limited nondeterminism and the complexity of the VC
    dimension, J. Comput. System Sci. 53 (1996), for the hardness.

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.vc_dimension_finite([[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]])
    VCResult(dim=2, witness=(0, 1))
    """
    table = read_table("vc_dimension_finite", "B", B)
    max_work = check.count("vc_dimension_finite", "max_work", max_work, 1)
    columns, numbers, rows = _distinct_columns(table)
    best, complete = _core.table_vc_dimension(
        [_words(column, rows) for column in columns], rows, min(max_work, 1 << 63)
    )
    if not complete:
        raise ValueError(
            f"vc_dimension_finite: B is too large: more than max_work = {max_work} words would have to be looked at "
            f"(a shattered set of {len(best)} was found); pass a larger max_work to go on"
        )
    return VCResult(len(best), tuple(numbers[j] for j in best))


def _words(column: int, rows: int) -> list[int]:
    """A bit set as 64-bit words, the lowest first."""
    size = 8 * ((rows + 63) // 64)
    words: list[int] = np.frombuffer(column.to_bytes(size, "little"), dtype="<u8").tolist()
    return words


def _distinct_columns(table: npt.NDArray[np.bool_]) -> tuple[list[int], list[int], int]:
    """Columns as bit sets over distinct rows; constants, repetitions and complements add nothing to a shattered set."""
    rows = np.unique(table, axis=0)
    columns: dict[int, int] = {}
    everything = (1 << len(rows)) - 1
    for j in range(rows.shape[1]):
        bits = int.from_bytes(np.packbits(rows[:, j], bitorder="little").tobytes(), "little")
        if bits not in (0, everything) and everything ^ bits not in columns:
            columns.setdefault(bits, j)
    return list(columns), list(columns.values()), len(rows)


def _random(cls: Any, p: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    if cls.domain == "bits":
        return rng.integers(0, 2, (n, p))
    if cls.domain == "columns":
        width = cls.table.shape[1]
        columns: npt.NDArray[np.int64] = rng.choice(width, n, replace=n > width)[:, None]
        return columns
    return np.round(_GRID * rng.standard_normal((n, p))).astype(np.int64)


def _circle(cls: Any, p: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Points on the unit circle of the first two coordinates; on a sphere beyond the plane."""
    if p == 1 or cls.domain != "reals":
        return _random(cls, p, n, rng)
    if p == 2:
        angle = np.sort(rng.uniform(0, 2 * np.pi, n))
        directions = np.c_[np.cos(angle), np.sin(angle)]
    else:
        directions = rng.standard_normal((n, p))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    rounded: npt.NDArray[np.int64] = np.round(_GRID * directions).astype(np.int64)
    return rounded


def _moment(cls: Any, p: int, n: int, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Points (t, t^2, ..., t^p) for distinct integers t."""
    if cls.domain != "reals":
        return _random(cls, p, n, rng)
    t = np.sort(rng.choice(np.arange(-4 * n, 4 * n + 1), n, replace=False))
    return np.array([[int(v) ** (j + 1) for j in range(p)] for v in t], dtype=object if p > 8 else np.int64)


_STRATEGIES: dict[str, Callable[[Any, int, int, np.random.Generator], npt.NDArray[Any]]] = {
    "random": _random,
    "circle": _circle,
    "moment": _moment,
}


def vc_lower_bound(
    cls: Any, p: int, n: int, *, trials: int = 200, strategy: str = "random", rng: Rng = None
) -> npt.NDArray[Any] | None:
    """A set of n points that the class shatters, by search: the proof that its VC dimension is at least n.

    Parameters
    ----------
    cls : str or hypothesis class
        As for `realize`.
    p, n : int
        The dimension of the space and the number of points, both at least 1.
    trials : int
        How many sets are tried.
    strategy : {"random", "circle", "moment", "hillclimb"}
        Gaussian points; points on a circle (a sphere beyond the plane), which suit rectangles; the moment curve
        (t, ..., t^p), which suits half-spaces; or steps from one random set to the next that never lose labelings.
    rng : int, Generator or None

    Returns
    -------
    ndarray of int of shape (n, p), or None
        None proves nothing.

    Raises
    ------
    ValueError
        If an argument is out of its range or the strategy is unknown.

    Examples
    --------
    >>> from goldfish import theory
    >>> X = theory.vc_lower_bound("rotated_rectangles", 2, 7, strategy="circle", rng=0)
    >>> theory.shatters(X, "rotated_rectangles")
    True
    """
    from goldfish.theory.classes.named import named_class

    name = "vc_lower_bound"
    decider = named_class(name, cls)
    p, n, trials = check.count(name, "p", p, 1), check.count(name, "n", n, 1), check.count(name, "trials", trials, 1)
    check.choice(name, "strategy", strategy, (*_STRATEGIES, "hillclimb"))
    generator = check.generator(name, rng)
    if strategy == "hillclimb":
        return _hillclimb(decider, p, n, trials, generator)
    for _ in range(trials):
        X = _STRATEGIES[strategy](decider, p, n, generator)
        if _shattered(name, decider, X):
            return X
    return None


def _shattered(name: str, decider: Any, X: npt.NDArray[Any]) -> bool:
    from goldfish.theory._points import read_points

    points = read_points(name, X)
    decider.check_points(name, points)
    return len(set(points.rows)) == len(points) and decider.is_shattered(points)


def _hillclimb(decider: Any, p: int, n: int, trials: int, rng: np.random.Generator) -> npt.NDArray[Any] | None:
    """Move one point at a time; keep the move unless labelings are lost."""
    from goldfish.theory.shattering import growth_on_sample

    if n > 20:
        raise ValueError(f"vc_lower_bound: n must be at most 20 for 'hillclimb', which counts labelings, got {n}")
    X = _circle(decider, p, n, rng)
    count = growth_on_sample(X, decider)
    for trial in range(trials):
        if count == 1 << n:
            return X
        moved, i = X.copy(), rng.integers(n)
        fresh = _random(decider, p, 1, rng)[0]
        moved[i] = X[i] + fresh // (1 << (trial % 12)) if decider.domain == "reals" else fresh
        gained = growth_on_sample(moved, decider)
        if gained >= count:
            X, count = moved, gained
    return X if count == 1 << n else None


def vc_upper_evidence(cls: Any, p: int, n: int, *, trials: int = 200, rng: Rng = None) -> Evidence:
    """How often a random set of n points is shattered. That none was is evidence for VC < n, not a proof.

    Parameters
    ----------
    cls, p, n, trials, rng
        As for `vc_lower_bound`; the strategies "random", "circle" and "moment" take turns.

    Returns
    -------
    Evidence
        ``fraction``, ``shattered``, ``trials``, ``example``; ``proof`` is True only if a shattered set was found.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> from goldfish import theory
    >>> evidence = theory.vc_upper_evidence("halfspaces", 2, 4, trials=30, rng=0)
    >>> evidence.fraction, evidence.proof
    (0.0, False)
    """
    from goldfish.theory.classes.named import named_class

    name = "vc_upper_evidence"
    decider = named_class(name, cls)
    p, n, trials = check.count(name, "p", p, 1), check.count(name, "n", n, 1), check.count(name, "trials", trials, 1)
    generator, strategies = check.generator(name, rng), list(_STRATEGIES.values())
    shattered, example = 0, None
    for trial in range(trials):
        X = strategies[trial % len(strategies)](decider, p, n, generator)
        if _shattered(name, decider, X):
            shattered, example = shattered + 1, X
    return Evidence(n, trials, shattered, example)
