"""Logarithms with some fifty digits, so that rounding cannot move a sample size by one or a bound to the wrong side."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_DIGITS = 60
_BITS = 240


def precise(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function with sixty decimal digits, whatever the caller's decimal context says."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with localcontext(Context(prec=_DIGITS, Emin=-(10**17), Emax=10**17)):
            return function(*args, **kwargs)

    return run


def exact(x: int | float | Fraction) -> Decimal:
    """The number itself; a float is an exact binary fraction, a Fraction is rounded to the context's digits."""
    return Decimal(x.numerator) / Decimal(x.denominator) if isinstance(x, Fraction) else Decimal(x)


def ln(x: int | float | Decimal) -> Decimal:
    """Ln x; of a huge integer only the leading bits are turned into decimals."""
    if isinstance(x, int) and x.bit_length() > _BITS:
        shift = x.bit_length() - _BITS
        return Decimal(x >> shift).ln() + shift * Decimal(2).ln()
    return Decimal(x).ln()


def log2(x: int | float | Decimal) -> Decimal:
    """The logarithm to base 2."""
    return ln(x) / Decimal(2).ln()


def ceiling(x: Decimal) -> int:
    """The smallest integer that is not below x."""
    return math.ceil(x)


def round_up(x: Decimal) -> float:
    """The smallest float that is not below x."""
    result = float(x)
    return math.nextafter(result, math.inf) if Decimal(result) < x else result


def round_down(x: Decimal) -> float:
    """The largest float that is not above x."""
    result = float(x)
    return math.nextafter(result, -math.inf) if Decimal(result) > x else result
