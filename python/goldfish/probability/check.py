"""Rules for parameters and data, each stated once."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class Data(NamedTuple):
    """Observed values, their weights, and where they stood in what the caller gave."""

    values: Floats
    weights: Floats
    positions: NDArray[np.intp]


def finite(owner: str, name: str, value: Any) -> float:
    """A finite real number."""
    return _number(owner, name, value, "a finite number", lambda v: True)


def positive(owner: str, name: str, value: Any) -> float:
    """A finite real number above zero."""
    return _number(owner, name, value, "a positive number", lambda v: v > 0)


def _number(owner: str, name: str, value: Any, expected: str, accepts: Any) -> float:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, Real):
        raise TypeError(f"{owner}: {name} must be {expected}, got {value!r}")
    number = float(value)
    if not (np.isfinite(number) and accepts(number)):
        raise ValueError(f"{owner}: {name} must be {expected}, got {value!r}")
    return number


def rate_or_scale(owner: str, rate: Any, scale: Any) -> tuple[float | None, float | None]:
    """Exactly one of rate and scale, checked; the other is None."""
    if (rate is None) == (scale is None):
        came = "neither" if rate is None else "both"
        raise TypeError(f"{owner}: give either rate= or scale= (scale = 1 / rate), got {came}")
    if rate is None:
        return None, positive(owner, "scale", scale)
    return positive(owner, "rate", rate), None


def array(owner: str, name: str, value: Any) -> Floats:
    """A float64 array; TypeError for what is not made of real numbers."""
    try:
        raw = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{owner}: {name} must be an array, got a ragged list") from error
    if raw.dtype.kind == "O":
        raw = _from_objects(owner, name, raw)
    if raw.dtype.kind not in "buif":
        raise TypeError(f"{owner}: {name} must hold real numbers, got dtype {raw.dtype}")
    return raw.astype(np.float64)


def _from_objects(owner: str, name: str, raw: NDArray[Any]) -> NDArray[Any]:
    for index, item in enumerate(raw.flat):
        if item is not None and not isinstance(item, Real):
            raise TypeError(f"{owner}: {name} must hold real numbers, got {item!r} at index {index}")
    return np.array([np.nan if item is None else float(item) for item in raw.flat]).reshape(raw.shape)


def observations(owner: str, x: ArrayLike, weights: ArrayLike | None, nan_policy: str, *, columns: int = 0) -> Data:
    """Data of shape (n,), or (n, columns), with weights, without what is missing."""
    if nan_policy not in ("raise", "omit"):
        raise ValueError(f"{owner}: nan_policy must be 'raise' or 'omit', got {nan_policy!r}")
    values = array(owner, "x", x)
    if columns and values.size == 0:
        values = values.reshape(0, columns)
    expected = f"(n, {columns})" if columns else "(n,)"
    if values.ndim != (2 if columns else 1) or (columns and values.shape[1] != columns):
        raise ValueError(f"{owner}: x must have shape {expected}, got {values.shape}")
    given = read_weights(owner, weights, len(values))
    missing = np.isnan(values).any(axis=1) if columns else np.isnan(values)
    if missing.any() and nan_policy == "raise":
        at = int(missing.argmax())
        raise ValueError(f"{owner}: x must not hold NaN, got nan at index {at} (nan_policy='omit' leaves it out)")
    kept = np.flatnonzero(~missing)
    data = Data(values[kept], given[kept], kept)
    usable = np.isfinite(data.values)
    require(owner, data, np.asarray(usable.all(axis=1) if columns else usable), "finite")
    return data


def read_weights(owner: str, weights: ArrayLike | None, n: int) -> Floats:
    """Weights of n rows, ones by default."""
    if weights is None:
        return np.ones(n)
    given = array(owner, "weights", weights)
    if given.shape != (n,):
        raise ValueError(f"{owner}: weights must have shape ({n},) as x, got {given.shape}")
    wrong = ~(np.isfinite(given) & (given >= 0))
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(f"{owner}: weights must be finite and not negative, got {given[at]} at index {at}")
    return given


def require(owner: str, data: Data, ok: NDArray[Any], expected: str) -> None:
    """ValueError for the first value that is not ok."""
    if not ok.all():
        at = int((~ok).argmax())
        raise ValueError(f"{owner}: x must be {expected}, got {data.values[at]} at index {data.positions[at]}")


def count(owner: str, name: str, value: Any) -> float:
    """A finite number that is not negative; counts may be fractional."""
    return _number(owner, name, value, "a count (finite, not negative)", lambda v: v >= 0)


def draws(owner: str, n: Any) -> int:
    """The number of observations of a predictive distribution."""
    if isinstance(n, bool) or not isinstance(n, Integral):
        raise TypeError(f"{owner}: n must be an integer, got {n!r}")
    if n < 1:
        raise ValueError(f"{owner}: n must be at least 1, got {n}")
    return int(n)


def probability_level(owner: str, level: Any) -> float:
    """A number strictly between 0 and 1."""
    return _number(owner, "level", level, "a number between 0 and 1", lambda v: 0 < v < 1)


def whole(values: Floats) -> NDArray[Any]:
    """Which values are integers that are not negative."""
    return np.asarray((values >= 0) & (values == np.floor(values)))


Known = Mapping[str, float]
