"""What the drawings ask of their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldfish.diagnostics._arguments import integer

Floats = NDArray[np.float64]


def count(function: str, name: str, value: Any) -> int:
    """An int of at least 1."""
    number = integer(function, name, value)
    if number < 1:
        raise ValueError(f"{function}: {name} must be >= 1, got {number}")
    return number


def choice(function: str, name: str, value: Any, known: Sequence[str]) -> None:
    """One of some names."""
    if value not in known:
        raise ValueError(f"{function}: {name} must be one of {', '.join(map(repr, known))}, got {value!r}")


def names(function: str, labels: Any, size: int, what: str) -> list[str] | None:
    """As many texts as there are things to label; None stays None."""
    if labels is None:
        return None
    found = [str(label) for label in labels]
    if len(found) != size:
        raise ValueError(f"{function}: labels must be {size}, one per {what}, got {len(found)}")
    return found


def real(function: str, name: str, values: Any) -> Floats:
    """Numbers as float64."""
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{function}: {name} must be real numbers: {error}") from error


def logarithms(function: str, name: str, values: Any, axes: int, *, log10: bool, square: bool = False) -> Floats:
    """Decimal logarithms with a batch axis in front; -inf for 0.

    Parameters
    ----------
    function, name : str
        For errors.
    values : array_like
        Norms, or their logarithms if ``log10``; with ``axes`` axes, or one more for a batch.
    axes : int
        1 or 2.
    log10 : bool
        What the values are.
    square : bool
        Whether the last two axes must have the same size.
    """
    found = real(function, name, values)
    letters = {1: "(T,) or (B, T)", 2: "(T, T) or (B, T, T)"}[axes]
    if found.ndim not in (axes, axes + 1) or not found.size or (square and found.shape[-1] != found.shape[-2]):
        raise ValueError(f"{function}: {name} must be of shape {letters}, got {found.shape}")
    wrong = np.isnan(found) | (found == np.inf) if log10 else ~(np.isfinite(found) & (found >= 0))
    if wrong.any():
        at = tuple(int(i[0]) for i in np.nonzero(wrong))
        what = "numbers below infinity" if log10 else "finite numbers >= 0"
        raise ValueError(f"{function}: {name} must be {what}, got {found[at]} at {list(at)}")
    if not log10:
        with np.errstate(divide="ignore"):
            found = np.log10(found)
    return found if found.ndim == axes + 1 else found[None]


def power(logarithm: float) -> str:
    """The number with a decimal logarithm, in few characters; "0" for -inf."""
    if logarithm == -np.inf:
        return "0"
    if -3 <= logarithm < 5:
        return f"{10**logarithm:.3g}"
    whole = int(np.floor(logarithm))
    digits = f"{10 ** (logarithm - whole):.1f}"
    if digits == "10.0":
        whole, digits = whole + 1, "1.0"
    return f"{digits.removesuffix('.0')}e{whole}"
