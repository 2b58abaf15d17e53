"""Numbers with an exponent of their own: products of ten thousand factors neither vanish nor overflow.

A scaled array is a pair: an array near 1 and the power of two that it is to be multiplied with. Powers of two cost no
digits.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Norm = Literal["spectral", "fro", "abs"]
NORMS: tuple[str, ...] = get_args(Norm)

_LOWEST = -(1 << 40)  # the exponent of 0: below every other, and sums of a few of them still fit


def rescale(values: Floats, exponents: Ints, axes: int = 1) -> tuple[Floats, Ints]:
    """Bring the largest magnitude over the last ``axes`` axes into [1/2, 1).

    Parameters
    ----------
    values : ndarray
        Finite.
    exponents : ndarray of int
        Shaped like ``values`` without the last ``axes`` axes.
    axes : int
        How many axes share an exponent.

    Returns
    -------
    values, exponents : ndarray
        The same numbers.
    """
    over = tuple(range(-axes, 0))
    largest = np.abs(values).max(axis=over, initial=0.0)
    shift = np.frexp(largest)[1].astype(np.int64)
    scaled = np.ldexp(values, -np.expand_dims(shift, over))
    return scaled, np.where(largest > 0, exponents + shift, _LOWEST)


def matrix_norm(matrices: Floats, exponents: Ints, norm: str) -> tuple[Floats, Ints]:
    """Norms of matrices (..., P, D) whose rows have exponents (..., P), as scaled numbers (...)."""
    matrices, exponents = rescale(matrices, exponents)
    top = exponents.max(axis=-1, initial=_LOWEST)
    common = np.ldexp(matrices, np.maximum(exponents - top[..., None], -4000)[..., None])
    if norm == "abs":
        return np.asarray(np.abs(common).sum(axis=(-2, -1))), top
    if norm == "fro" or min(common.shape[-2:]) <= 1:
        return np.asarray(np.sqrt(np.square(common).sum(axis=(-2, -1)))), top
    return spectral(common), top


def spectral(matrices: Floats) -> Floats:
    """The largest singular values of matrices (..., P, D) with entries near 1, by the smaller Gram matrix."""
    wide = matrices.shape[-2] <= matrices.shape[-1]
    turned = matrices.swapaxes(-1, -2)
    gram = matrices @ turned if wide else turned @ matrices
    return np.asarray(np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[..., -1], 0.0)))


def plain(values: Floats, exponents: Ints) -> Floats:
    """As ordinary floats: 0 below their range, infinity above it."""
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(values, np.clip(exponents, -4000, 4000))


def log10(values: Floats, exponents: Ints) -> Floats:
    """Decimal logarithms; -inf of 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(values > 0, np.log10(values) + exponents * math.log10(2.0), -np.inf))


def close(values: Floats, exponents: Ints, logarithmic: bool) -> Floats:
    """What a function returns: decimal logarithms, or ordinary floats."""
    return log10(values, exponents) if logarithmic else plain(values, exponents)
