"""Numbers as people read them."""

from __future__ import annotations

from typing import Any

_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))


def unit_of(size: float) -> tuple[int, str]:
    """The unit in which a number of bytes reads well."""
    return next((unit for unit in _UNITS if abs(size) >= unit[0]), _UNITS[-1])


def amount(value: float, metric: str) -> str:
    """Bytes or objects in three or four digits.

    >>> amount(3673601, "inuse_space"), amount(1234567, "inuse_objects"), amount(-12, "space")
    ('3.50 MiB', '1,234,567', '-12 B')
    """
    if not metric.endswith("space"):
        return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.1f}"
    scale, unit = unit_of(value)
    number = value / scale
    digits = 0 if abs(number) >= 100 or unit == "B" else 1 if abs(number) >= 10 else 2
    return f"{number:.{digits}f} {unit}"


def percent(share: float) -> str:
    """A share in percent.

    >>> percent(0.1234), percent(0.00012)
    ('12.3 %', '0.0 %')
    """
    return f"{100 * share:.1f} %"


def label(key: Any) -> str:
    """A row's key in one line; of a stack, the functions from the leaf on."""
    return key if isinstance(key, str) else " < ".join(frame.function for frame in key) or "(no stack)"
