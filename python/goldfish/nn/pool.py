"""Pooling layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from goldfish import functional
from goldfish._typing import Rng
from goldfish.nn.layer import Array, Stateless


class MaxPool2d(Stateless):
    """The largest element of each window of a plane, (N, C, H, W) to (N, C, H', W'); see `goldfish.max_pool2d`.

    Parameters
    ----------
    kernel_size : int or pair of int
        Size of the window.
    stride : int or pair of int, optional
        Steps between windows; the window's size if None.
    padding, dilation : int or pair of int
        As in `goldfish.max_pool2d`.
    ceil_mode : bool
        Whether an incomplete last window counts.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.MaxPool2d(2)(np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: Any = 0,
        dilation: int | Sequence[int] = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.dilation, self.ceil_mode = dilation, ceil_mode

    def _arguments(self, x: Array) -> tuple[Any, ...]:
        if x.ndim != 4:
            raise ValueError(f"{self!r}: expected x of shape (N, C, H, W), got {x.shape}")
        return x, self.kernel_size, self.stride, self.padding, self.dilation

    def _apply(self, x: Array) -> Array:
        return functional.max_pool2d(*self._arguments(x), ceil_mode=self.ceil_mode)

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        y, cache = functional.max_pool2d_forward(*self._arguments(x), ceil_mode=self.ceil_mode)
        return y, lambda dy, needs_x: functional.max_pool2d_backward(dy, cache).x if needs_x else None
