"""PyTorch's initial values.

Numbers are drawn in float64 and rounded, so that the same ``rng`` gives the same network in either precision.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from goldfish._typing import Rng
from goldfish.nn.layer import Array


def uniform(shape: tuple[int, ...], bound: float, *, dtype: DTypeLike = "float32", rng: Rng = None) -> Array:
    """Independent values, uniform in [-bound, bound).

    Examples
    --------
    >>> from goldfish.nn import init
    >>> bool(abs(init.uniform((100,), 0.5, rng=0)).max() <= 0.5)
    True
    """
    return np.random.default_rng(rng).uniform(-bound, bound, shape).astype(dtype)


def kaiming_uniform(shape: tuple[int, ...], *, a: float = 0.0, dtype: DTypeLike = "float32", rng: Rng = None) -> Array:
    """Uniform with the variance that keeps the size of a signal behind a leaky ReLU (He et al. 2015, equation 14).

    The bound is sqrt(6 / ((1 + a^2) fan_in)), where fan_in is the product of every axis but the first. PyTorch gives
    linear and convolution weights ``a = sqrt(5)``, which is the bound 1 / sqrt(fan_in).

    Examples
    --------
    >>> from goldfish.nn import init
    >>> init.kaiming_uniform((8, 3, 5, 5), rng=0).shape
    (8, 3, 5, 5)
    """
    fan_in = math.prod(shape[1:])
    bound = math.sqrt(6 / ((1 + a * a) * fan_in)) if fan_in else 0.0
    return uniform(shape, bound, dtype=dtype, rng=rng)


def normal(shape: tuple[int, ...], std: float = 1.0, *, dtype: DTypeLike = "float32", rng: Rng = None) -> Array:
    """Independent values, normal with mean 0.

    Examples
    --------
    >>> from goldfish.nn import init
    >>> init.normal((2, 3), rng=0).dtype
    dtype('float32')
    """
    return (std * np.random.default_rng(rng).standard_normal(shape)).astype(dtype)


def fan_in_bound(fan_in: int) -> float:
    """The bound 1 / sqrt(fan_in) of PyTorch's biases and recurrent weights; 0 where nothing comes in."""
    return 1 / math.sqrt(fan_in) if fan_in else 0.0
