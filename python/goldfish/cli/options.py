"""Types of command line arguments: what is wrong with one is said in words."""

from __future__ import annotations

import argparse
import math


def positive(text: str) -> int:
    """A whole number of at least 1.

    Examples
    --------
    >>> positive("3")
    3
    """
    return _whole(text, 1)


def natural(text: str) -> int:
    """A whole number of at least 0."""
    return _whole(text, 0)


def fraction(text: str) -> float:
    """A number of at least 0 and less than 1."""
    number = _number(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 0 and less than 1, got {text}")
    return number


def above_zero(text: str) -> float:
    """A number larger than 0.

    Examples
    --------
    >>> above_zero("2e-3")
    0.002
    """
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return number


def shape(text: str) -> tuple[int, ...]:
    """Lengths of axes with an x or commas between them.

    Examples
    --------
    >>> shape("3x128x128"), shape("10")
    ((3, 128, 128), (10,))
    """
    return tuple(positive(part) for part in text.replace(",", "x").split("x"))


def _whole(text: str, smallest: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
    if number < smallest:
        raise argparse.ArgumentTypeError(f"expected at least {smallest}, got {number}")
    return number


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    if math.isnan(number):
        raise argparse.ArgumentTypeError("expected a number, got nan")
    return number
