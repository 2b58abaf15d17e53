"""Numbers as statements print them."""

from __future__ import annotations

import math
from decimal import Decimal


def number(x: float | Decimal) -> str:
    """A float as the user wrote it, short."""
    return f"{float(x):.10g}"


def figure(x: float | Decimal) -> str:
    """A computed figure, with the digits that matter."""
    return f"{float(x):.5g}"


def size(x: int) -> str:
    """An integer, or its logarithm if nobody would read the digits."""
    if x < 10**15:
        return str(x)
    return f"e^{math.log(x):.6g}"
