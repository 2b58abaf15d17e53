"""Checks of arguments; every message names the function, the argument, what was expected and what came."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Rng: TypeAlias = "int | np.integer[Any] | np.random.Generator | None"


# Beyond it neighbouring floats are more than 1/8 apart.
_MOST_EXAMPLES = 10**15


def real(function: str, name: str, value: Any) -> float:
    """A finite or infinite number, but not NaN, text or a truth value."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real | np.floating):
        raise TypeError(f"{function}: {name} must be a number, got {value!r}")
    result = float(value)
    if math.isnan(result):
        raise ValueError(f"{function}: {name} must be a number, got nan")
    return result


def fraction(function: str, name: str, value: Any) -> float:
    """A number strictly between 0 and 1."""
    result = real(function, name, value)
    if not 0 < result < 1:
        raise ValueError(f"{function}: {name} must be strictly between 0 and 1, got {value!r}")
    return result


def rate(function: str, name: str, value: Any) -> float:
    """A number from 0 to 1."""
    result = real(function, name, value)
    if not 0 <= result <= 1:
        raise ValueError(f"{function}: {name} must be between 0 and 1, got {value!r}")
    return result


def at_least(function: str, name: str, value: Any, smallest: float) -> float:
    """A finite number that is not below ``smallest``."""
    result = real(function, name, value)
    if not smallest <= result < math.inf:
        raise ValueError(f"{function}: {name} must be finite and at least {smallest:g}, got {value!r}")
    return result


def positive(function: str, name: str, value: Any) -> float:
    """A finite number above 0."""
    result = real(function, name, value)
    if not 0 < result < math.inf:
        raise ValueError(f"{function}: {name} must be finite and greater than 0, got {value!r}")
    return result


def count(function: str, name: str, value: Any, smallest: int = 0) -> int:
    """A whole number of at least ``smallest``; 3.0 counts as 3."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    if isinstance(value, bool | np.bool_) or (not hasattr(value, "__index__") and not isinstance(value, Real)):
        raise TypeError(f"{function}: {name} must be an integer, got {value!r}")
    if not hasattr(value, "__index__"):
        raise ValueError(f"{function}: {name} must be an integer, got {value!r}")
    result = operator.index(value)
    if result < smallest:
        raise ValueError(f"{function}: {name} must be an integer of at least {smallest}, got {_short(result)}")
    return result


def _short(value: int) -> str:
    return str(value) if abs(value) < 10**30 else f"an integer of {value.bit_length()} bits"


def examples(function: str, name: str, value: Any) -> int:
    """A number of examples: from 1 to 10^15, where floats still tell one from the next."""
    result = count(function, name, value, 1)
    if result > _MOST_EXAMPLES:
        raise ValueError(f"{function}: {name} must be at most 10^15, got {_short(result)}")
    return result


def array(function: str, name: str, value: Any) -> npt.NDArray[np.float64]:
    """An array of float64."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{function}: {name} must be an array of numbers") from error


def truth(function: str, name: str, value: Any) -> bool:
    """A truth value, not a number or text that happens to be true."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{function}: {name} must be True or False, got {value!r}")
    return bool(value)


def choice(function: str, name: str, value: Any, allowed: Collection[str]) -> str:
    """One of several names."""
    if value not in allowed:
        raise ValueError(f"{function}: {name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return str(value)


def generator(function: str, rng: Rng) -> np.random.Generator:
    """The generator that ``rng`` stands for."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{function}: rng must be a non-negative int, a Generator or None, got {rng!r}") from error
