"""Checks of arguments that several functions share."""

from __future__ import annotations

import operator
from typing import Any


def integer(function: str, name: str, value: Any) -> int:
    """The value as an int.

    Raises
    ------
    TypeError
        If it is none.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{function}: {name} must be an int, got {value!r}") from None
