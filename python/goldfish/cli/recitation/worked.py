"""A worked number: what it should be, and how the library computes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Number:
    """One worked number.

    Attributes
    ----------
    name : str
        What it is, in words.
    expected : object
        The answer: numbers, text, truth values, and tuples of them.
    compute : callable
        Takes nothing and returns what the library says.
    rel : float
        Largest relative difference of floats; whole numbers, fractions, text and truth values are compared exactly.
    """

    name: str
    expected: Any
    compute: Callable[[], Any]
    rel: float = 1e-9

    @property
    def expected_value(self) -> Any:
        """``expected`` in plain Python values."""
        return plain(self.expected)


@dataclass(frozen=True)
class Check:
    """A worked number beside what the library computed.

    Attributes
    ----------
    number : Number
        The worked number.
    computed : object
        What came out, as plain Python values.
    agrees : bool
        Whether it is the expected answer.
    """

    number: Number
    computed: Any
    agrees: bool


@dataclass(frozen=True)
class Group:
    """Worked numbers that belong together.

    Attributes
    ----------
    title : str
        What they are about.
    source : str
        Where the method comes from: a paper or a book.
    numbers : tuple of Number
        In order.
    """

    title: str
    source: str
    numbers: tuple[Number, ...]


def check(number: Number) -> Check:
    """Compute a worked number and compare.

    Parameters
    ----------
    number : Number
        What to compute.

    Returns
    -------
    Check
        One that fails to compute disagrees, and has the error as its text.

    Raises
    ------
    ImportError
        If an extra is missing.

    Examples
    --------
    >>> check(Number("a third", 1 / 3, lambda: Fraction(1, 3))).agrees
    True
    >>> check(Number("a third", 0.33, lambda: 1 / 3)).agrees
    False
    """
    try:
        computed = plain(number.compute())
    except ImportError:
        raise
    except Exception as error:
        return Check(number, f"{type(error).__name__}: {error}", False)
    return Check(number, computed, agree(number.expected_value, computed, number.rel))


def plain(value: Any) -> Any:
    """Arrays and named tuples as tuples of Python's own numbers.

    Examples
    --------
    >>> plain(np.array([[1, 2], [3, 4]])), plain([np.float32(0.5), "a"])
    (((1, 2), (3, 4)), (0.5, 'a'))
    """
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, Mapping):
        raise TypeError(f"plain: expected a number, text or a sequence of them, got {type(value).__name__}")
    return value


def agree(expected: Any, computed: Any, rel: float) -> bool:
    """Whether two plain values are the same up to the rounding of floats.

    Examples
    --------
    >>> agree((1, 0.5), (1, 0.5 + 1e-12), rel=1e-9), agree((1,), (1, 2), rel=1), agree(1, True, rel=1)
    (True, False, False)
    """
    if isinstance(expected, tuple) or isinstance(computed, tuple):
        both = isinstance(expected, tuple) and isinstance(computed, tuple) and len(expected) == len(computed)
        return both and all(agree(a, b, rel) for a, b in zip(expected, computed, strict=True))
    if isinstance(expected, bool | str) or isinstance(computed, bool | str):
        return type(expected) is type(computed) and bool(expected == computed)
    if isinstance(expected, int | Fraction) and isinstance(computed, int | Fraction):
        return expected == computed
    return math.isclose(expected, computed, rel_tol=rel, abs_tol=0 if expected else 1e-15)


def text(value: Any) -> str:
    """A plain value for eyes: ten digits of a float, fractions as they are, tuples in brackets.

    Examples
    --------
    >>> text((1, 0.1 + 0.2, Fraction(1, 3))), text(True), text(23970816)
    ('(1, 0.3, 1/3)', 'yes', '23970816')
    """
    if isinstance(value, tuple):
        return f"({', '.join(map(text, value))})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value + 0.0:.10g}" if isinstance(value, float) else str(value)
