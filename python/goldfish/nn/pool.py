"""Pooling layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from goldfish import functional
from goldfish.nn.windows import Windowed


class _MaxPool(Windowed):
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

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (self.kernel_size, self.stride, self.padding, self.dilation), {"ceil_mode": self.ceil_mode}


class _AvgPool(Windowed):
    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: Any = 0,
        *,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        named = {"ceil_mode": self.ceil_mode, "count_include_pad": self.count_include_pad}
        return (self.kernel_size, self.stride, self.padding), named


class _AdaptivePool(Windowed):
    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        super().__init__()
        self.output_size = output_size

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (self.output_size,), {}


class MaxPool1d(_MaxPool):
    """The largest element of each window of a sequence, (N, C, W) to (N, C, W'); see `goldfish.max_pool1d`.

    Parameters
    ----------
    kernel_size : int
        Size of the window.
    stride : int, optional
        Steps between windows; the window's size if None.
    padding, dilation
        As in `goldfish.max_pool1d`.
    ceil_mode : bool
        Whether an incomplete last window counts.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.MaxPool1d(2)(np.arange(8, dtype=np.float32).reshape(1, 1, 8)).tolist()
    [[[1.0, 3.0, 5.0, 7.0]]]
    """

    axes = 1
    operation = functional.max_pool1d, functional.max_pool1d_forward, functional.max_pool1d_backward


class MaxPool2d(_MaxPool):
    """The largest element of each window of a plane, (N, C, H, W) to (N, C, H', W'); see `goldfish.max_pool2d`.

    Parameters
    ----------
    kernel_size : int or pair of int
        Size of the window.
    stride : int or pair of int, optional
        Steps between windows; the window's size if None.
    padding, dilation
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

    axes = 2
    operation = functional.max_pool2d, functional.max_pool2d_forward, functional.max_pool2d_backward


class MaxPool3d(_MaxPool):
    """The largest element of each window of a volume, (N, C, D, H, W) to (N, C, D', H', W'); see `goldfish.max_pool3d`.

    Parameters
    ----------
    kernel_size : int or three ints
        Size of the window.
    stride : int or three ints, optional
        Steps between windows; the window's size if None.
    padding, dilation
        As in `goldfish.max_pool3d`.
    ceil_mode : bool
        Whether an incomplete last window counts.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.MaxPool3d(2)(np.arange(16, dtype=np.float32).reshape(1, 1, 2, 2, 4)).tolist()
    [[[[[13.0, 15.0]]]]]
    """

    axes = 3
    operation = functional.max_pool3d, functional.max_pool3d_forward, functional.max_pool3d_backward


class AvgPool1d(_AvgPool):
    """The mean of each window of a sequence, (N, C, W) to (N, C, W'); see `goldfish.avg_pool1d`.

    Parameters
    ----------
    kernel_size : int
        Size of the window.
    stride : int, optional
        Steps between windows; the window's size if None.
    padding
        As in `goldfish.avg_pool1d`.
    ceil_mode : bool
        Whether an incomplete last window counts.
    count_include_pad : bool
        Whether the padding counts in the divisor.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.AvgPool1d(2)(np.arange(8, dtype=np.float32).reshape(1, 1, 8)).tolist()
    [[[0.5, 2.5, 4.5, 6.5]]]
    """

    axes = 1
    operation = functional.avg_pool1d, functional.avg_pool1d_forward, functional.avg_pool1d_backward


class AvgPool2d(_AvgPool):
    """The mean of each window of a plane, (N, C, H, W) to (N, C, H', W'); see `goldfish.avg_pool2d`.

    Parameters
    ----------
    kernel_size : int or pair of int
        Size of the window.
    stride : int or pair of int, optional
        Steps between windows; the window's size if None.
    padding
        As in `goldfish.avg_pool2d`.
    ceil_mode : bool
        Whether an incomplete last window counts.
    count_include_pad : bool
        Whether the padding counts in the divisor.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.AvgPool2d(2)(np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)).tolist()
    [[[[2.5, 4.5], [10.5, 12.5]]]]
    """

    axes = 2
    operation = functional.avg_pool2d, functional.avg_pool2d_forward, functional.avg_pool2d_backward


class AvgPool3d(_AvgPool):
    """The mean of each window of a volume, (N, C, D, H, W) to (N, C, D', H', W'); see `goldfish.avg_pool3d`.

    Parameters
    ----------
    kernel_size : int or three ints
        Size of the window.
    stride : int or three ints, optional
        Steps between windows; the window's size if None.
    padding
        As in `goldfish.avg_pool3d`.
    ceil_mode : bool
        Whether an incomplete last window counts.
    count_include_pad : bool
        Whether the padding counts in the divisor.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.AvgPool3d(2)(np.arange(16, dtype=np.float32).reshape(1, 1, 2, 2, 4)).tolist()
    [[[[[6.5, 8.5]]]]]
    """

    axes = 3
    operation = functional.avg_pool3d, functional.avg_pool3d_forward, functional.avg_pool3d_backward


class AdaptiveAvgPool1d(_AdaptivePool):
    """The means of a fixed number of windows, (N, C, W) to (N, C, W').

    `goldfish.adaptive_avg_pool1d` says which.

    Parameters
    ----------
    output_size : int or None
        The number of windows; None keeps an axis, and 1 is global pooling.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.AdaptiveAvgPool1d(1)(np.arange(8, dtype=np.float32).reshape(1, 1, 8)).tolist()
    [[[3.5]]]
    """

    axes = 1
    operation = (
        functional.adaptive_avg_pool1d,
        functional.adaptive_avg_pool1d_forward,
        functional.adaptive_avg_pool1d_backward,
    )


class AdaptiveAvgPool2d(_AdaptivePool):
    """The means of a fixed number of windows, (N, C, H, W) to (N, C, H', W').

    `goldfish.adaptive_avg_pool2d` says which.

    Parameters
    ----------
    output_size : int, None, or one of these per axis
        The number of windows; None keeps an axis, and 1 is global pooling.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.AdaptiveAvgPool2d(1)(np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)).tolist()
    [[[[7.5]]]]
    """

    axes = 2
    operation = (
        functional.adaptive_avg_pool2d,
        functional.adaptive_avg_pool2d_forward,
        functional.adaptive_avg_pool2d_backward,
    )


class AdaptiveAvgPool3d(_AdaptivePool):
    """The means of a fixed number of windows, (N, C, D, H, W) to (N, C, D', H', W').

    `goldfish.adaptive_avg_pool3d` says which.

    Parameters
    ----------
    output_size : int, None, or one of these per axis
        The number of windows; None keeps an axis, and 1 is global pooling.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.AdaptiveAvgPool3d(1)(np.arange(16, dtype=np.float32).reshape(1, 1, 2, 2, 4)).tolist()
    [[[[[7.5]]]]]
    """

    axes = 3
    operation = (
        functional.adaptive_avg_pool3d,
        functional.adaptive_avg_pool3d_forward,
        functional.adaptive_avg_pool3d_backward,
    )


class AdaptiveMaxPool1d(_AdaptivePool):
    """The largest elements of a fixed number of windows, (N, C, W) to (N, C, W').

    `goldfish.adaptive_max_pool1d` says which.

    Parameters
    ----------
    output_size : int or None
        The number of windows; None keeps an axis, and 1 is global pooling.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.AdaptiveMaxPool1d(1)(np.arange(8, dtype=np.float32).reshape(1, 1, 8)).tolist()
    [[[7.0]]]
    """

    axes = 1
    operation = (
        functional.adaptive_max_pool1d,
        functional.adaptive_max_pool1d_forward,
        functional.adaptive_max_pool1d_backward,
    )


class AdaptiveMaxPool2d(_AdaptivePool):
    """The largest elements of a fixed number of windows, (N, C, H, W) to (N, C, H', W').

    `goldfish.adaptive_max_pool2d` says which.

    Parameters
    ----------
    output_size : int, None, or one of these per axis
        The number of windows; None keeps an axis, and 1 is global pooling.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.AdaptiveMaxPool2d(1)(np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)).tolist()
    [[[[15.0]]]]
    """

    axes = 2
    operation = (
        functional.adaptive_max_pool2d,
        functional.adaptive_max_pool2d_forward,
        functional.adaptive_max_pool2d_backward,
    )


class AdaptiveMaxPool3d(_AdaptivePool):
    """The largest elements of a fixed number of windows, (N, C, D, H, W) to (N, C, D', H', W').

    `goldfish.adaptive_max_pool3d` says which.

    Parameters
    ----------
    output_size : int, None, or one of these per axis
        The number of windows; None keeps an axis, and 1 is global pooling.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.AdaptiveMaxPool3d(1)(np.arange(16, dtype=np.float32).reshape(1, 1, 2, 2, 4)).tolist()
    [[[[[15.0]]]]]
    """

    axes = 3
    operation = (
        functional.adaptive_max_pool3d,
        functional.adaptive_max_pool3d_forward,
        functional.adaptive_max_pool3d_backward,
    )
