"""Arguments checked once: each function returns what it was given, converted, or raises with the argument's name."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from goldfish._typing import ArrayLike, Rng

Floats: TypeAlias = npt.NDArray[np.float64]


def floats(function: str, name: str, values: ArrayLike, *, ndim: int | None = 1, empty: bool = False) -> Floats:
    """Finite float64 numbers in the given number of dimensions (any if None)."""
    try:
        raw = np.asarray(values)
        if raw.dtype.kind not in "buifO":
            raise TypeError
        array = raw.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{function}: {name} must be an array of numbers, got {_shown(values)}") from None
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{function}: {name} must have {ndim} dimension(s), got shape {array.shape}")
    if not array.size and not empty:
        raise ValueError(f"{function}: {name} must not be empty")
    first(function, name, array, ~np.isfinite(array), "finite")
    return array


def first(function: str, name: str, array: Floats, wrong: npt.NDArray[np.bool_], expected: str) -> None:
    """Raise a ValueError for the first wrong element, if there is one."""
    if wrong.any():
        index = np.argwhere(wrong)[0].tolist()
        value = array[tuple(index)]
        place = f" at index {index[0] if len(index) == 1 else tuple(index)}" if index else ""
        raise ValueError(f"{function}: {name} must be {expected}, got {value}{place}")


def same_length(function: str, name: str, array: Floats, other: str, expected: int) -> None:
    """Raise a ValueError unless the array has as many elements as another argument."""
    if len(array) != expected:
        raise ValueError(f"{function}: {name} must have one entry per entry of {other}, {expected}, got {len(array)}")


def positive(function: str, name: str, value: Any) -> float:
    """A finite number above zero."""
    number = _number(function, name, value)
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{function}: {name} must be finite and positive, got {value}")
    return number


def whole(function: str, name: str, value: Any, minimum: int) -> int:
    """An int of at least `minimum`; a float with a fraction is a ValueError."""
    try:
        number = operator.index(value)
    except TypeError:
        as_float = _number(function, name, value)
        if not as_float.is_integer():
            raise ValueError(f"{function}: {name} must be a whole number, got {value}") from None
        number = int(as_float)
    if number < minimum:
        raise ValueError(f"{function}: {name} must be at least {minimum}, got {number}")
    return number


def confidence(function: str, level: Any) -> float:
    """A confidence level strictly between 0 and 1."""
    number = _number(function, "level", level)
    if not 0 < number < 1:
        raise ValueError(f"{function}: level must lie strictly between 0 and 1, got {level}")
    return number


def choice(function: str, name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise a ValueError unless the value is one of the words."""
    if value not in choices:
        raise ValueError(f"{function}: {name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def generator(function: str, rng: Rng) -> np.random.Generator:
    """A Generator from an int, a Generator or None."""
    if not isinstance(rng, int | np.integer | np.random.Generator | None):
        raise TypeError(f"{function}: rng must be an int, a numpy.random.Generator or None, got {type(rng).__name__}")
    if isinstance(rng, int | np.integer) and rng < 0:
        raise ValueError(f"{function}: rng must be a seed of at least 0, got {rng}")
    return np.random.default_rng(rng)


def groups(function: str, values: Any, sizes: ArrayLike, group: str) -> tuple[list[Floats], Floats]:
    """The sampled values of each stratum or cluster, and how many units each has in the population."""
    if isinstance(values, str | bytes) or not hasattr(values, "__len__") or not hasattr(values, "__iter__"):
        raise TypeError(f"{function}: values must be a sequence of arrays, one per {group}, got {_shown(values)}")
    if not len(values):
        raise ValueError(f"{function}: values must hold at least one {group}")
    arrays = [floats(function, f"values[{i}]", value) for i, value in enumerate(values)]
    counts = floats(function, "sizes", sizes, empty=True)
    same_length(function, "sizes", counts, "values", len(arrays))
    first(function, "sizes", counts, counts <= 0, "positive")
    return arrays, counts


def _number(function: str, name: str, value: Any) -> float:
    if isinstance(value, str | bytes):
        raise TypeError(f"{function}: {name} must be a number, got {value!r}")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{function}: {name} must be a number, got {_shown(value)}") from None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
