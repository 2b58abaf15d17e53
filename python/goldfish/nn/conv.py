"""Convolution layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from goldfish import functional
from goldfish._typing import Rng
from goldfish.nn import init
from goldfish.nn.layer import Array, Stateless


class Conv2d(Stateless):
    """Two-dimensional cross-correlation, (N, C, H, W) to (N, O, H', W'); `goldfish.conv2d` has the equation.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O.
    kernel_size, stride, dilation : int or pair of int
        Per axis; one int serves both.
    padding : int, pair, pair of pairs, "valid", "same" or "same_lower"
        As in `goldfish.conv2d`.
    groups : int
        Divides C and O.
    bias : bool
        Whether a bias per output channel is added.
    algorithm : {"auto", "direct", "winograd"}
        As in `goldfish.conv2d`.
    dtype : dtype
        float32 or float64.
    rng : int, Generator or None
        Source of the initial values, uniform within 1 / sqrt(C / groups * kernel elements).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Conv2d(1, 8, 3, padding="same")(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 8, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Any = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        algorithm: Literal["auto", "direct", "winograd"] = "auto",
        dtype: DTypeLike = "float32",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"Conv2d: groups expected to divide in_channels {in_channels} and out_channels {out_channels}, "
                f"got {groups}"
            )
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.groups, self.bias, self.algorithm = groups, bias, algorithm
        kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        shape = (out_channels, in_channels // groups, *kernel)
        rng = np.random.default_rng(rng)
        self._add("weight", init.kaiming_uniform(shape, a=math.sqrt(5), dtype=dtype, rng=rng))
        if bias:
            bound = init.fan_in_bound(math.prod(shape[1:]))
            self._add("bias", init.uniform((out_channels,), bound, dtype=dtype, rng=rng))

    def _arguments(self, x: Array) -> tuple[Any, ...]:
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(f"{self!r}: expected x of shape (N, {self.in_channels}, H, W), got {x.shape}")
        weight, bias = self.params["weight"], self.params.get("bias")
        return x, weight, bias, self.stride, self.padding, self.dilation, self.groups

    def _apply(self, x: Array) -> Array:
        return functional.conv2d(*self._arguments(x), algorithm=self.algorithm)

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        y, cache = functional.conv2d_forward(*self._arguments(x), algorithm=self.algorithm)

        def run(dy: Array, needs_x: bool) -> Array | None:
            gradients = functional.conv2d_backward(dy, cache, needs=self._needs(needs_x))
            self._collect(gradients)
            return gradients.x

        return y, run
