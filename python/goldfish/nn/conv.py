"""Convolution layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from goldfish import functional
from goldfish._typing import Rng
from goldfish.nn import init
from goldfish.nn.layer import Array
from goldfish.nn.windows import Windowed, kernel_shape


class _Filters(Windowed):
    """A bank of filters with PyTorch's initial values, and perhaps a bias."""

    in_channels: int

    def _initialise(self, shape: tuple[int, ...], outputs: int, bias: bool, dtype: DTypeLike, rng: Rng) -> None:
        rng = np.random.default_rng(rng)
        self._add("weight", init.kaiming_uniform(shape, a=math.sqrt(5), dtype=dtype, rng=rng))
        if bias:
            bound = init.fan_in_bound(math.prod(shape[1:]))
            self._add("bias", init.uniform((outputs,), bound, dtype=dtype, rng=rng))

    def _check_groups(self, in_channels: int, out_channels: int, groups: int) -> None:
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{type(self).__name__}: groups expected to divide in_channels {in_channels} and out_channels "
                f"{out_channels}, got {groups}"
            )

    def _check(self, x: Array, channels: int | None = None) -> None:
        super()._check(x, self.in_channels if channels is None else channels)


class _Conv(_Filters):
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
        algorithm: Literal["auto", "direct", "winograd", "fourier"] = "auto",
        dtype: DTypeLike = "float32",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self._check_groups(in_channels, out_channels, groups)
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.groups, self.bias, self.algorithm = groups, bias, algorithm
        shape = (out_channels, in_channels // groups, *kernel_shape(kernel_size, self.axes))
        self._initialise(shape, out_channels, bias, dtype, rng)

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        options = (self.stride, self.padding, self.dilation, self.groups)
        return (self.params["weight"], self.params.get("bias"), *options), {"algorithm": self.algorithm}


class _ConvTranspose(_Filters):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Any = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        *,
        dtype: DTypeLike = "float32",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self._check_groups(in_channels, out_channels, groups)
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.groups, self.bias, self.dilation = groups, bias, dilation
        shape = (in_channels, out_channels // groups, *kernel_shape(kernel_size, self.axes))
        self._initialise(shape, out_channels, bias, dtype, rng)

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        options = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return (self.params["weight"], self.params.get("bias"), *options), {}


class Conv1d(_Conv):
    """One-dimensional cross-correlation, (N, C, W) to (N, O, W'); `goldfish.conv1d` has the equation.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O.
    kernel_size, stride, dilation : int
        Of the one axis.
    padding : int, pair in a tuple, "valid", "same", "same_lower" or "causal"
        As in `goldfish.conv1d`.
    groups : int
        Divides C and O.
    bias : bool
        Whether a bias per output channel is added.
    algorithm : {"auto", "direct", "winograd", "fourier"}
        As in `goldfish.conv1d`.
    dtype : dtype
        float32 or float64.
    rng : int, Generator or None
        Source of the initial values, uniform within 1 / sqrt(C / groups * kernel elements).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Conv1d(1, 8, 3, padding="causal", dilation=4)(np.zeros((2, 1, 100), np.float32)).shape
    (2, 8, 100)
    """

    axes = 1
    operation = functional.conv1d, functional.conv1d_forward, functional.conv1d_backward


class Conv2d(_Conv):
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
    algorithm : {"auto", "direct", "winograd", "fourier"}
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

    axes = 2
    operation = functional.conv2d, functional.conv2d_forward, functional.conv2d_backward


class Conv3d(_Conv):
    """Three-dimensional cross-correlation, (N, C, D, H, W) to (N, O, D', H', W'); `goldfish.conv3d` has the equation.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O.
    kernel_size, stride, dilation : int or three ints
        Per axis; one int serves all.
    padding : int, three ints, three pairs, "valid", "same" or "same_lower"
        As in `goldfish.conv3d`.
    groups : int
        Divides C and O.
    bias : bool
        Whether a bias per output channel is added.
    algorithm : {"auto", "direct", "winograd", "fourier"}
        As in `goldfish.conv3d`.
    dtype : dtype
        float32 or float64.
    rng : int, Generator or None
        Source of the initial values, uniform within 1 / sqrt(C / groups * kernel elements).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Conv3d(1, 8, 3, stride=(1, 2, 2), padding=1)(np.zeros((2, 1, 5, 28, 28), np.float32)).shape
    (2, 8, 5, 14, 14)
    """

    axes = 3
    operation = functional.conv3d, functional.conv3d_forward, functional.conv3d_backward


class ConvTranspose1d(_ConvTranspose):
    """One-dimensional transposed convolution, (N, C, W) to (N, O, W'): the adjoint of `Conv1d`.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O.
    kernel_size, stride, dilation : int
        Of the one axis.
    padding, output_padding
        Places cut off and added, as in `goldfish.conv_transpose1d`.
    groups : int
        Divides C and O.
    bias : bool
        Whether a bias per output channel is added.
    dtype : dtype
        float32 or float64.
    rng : int, Generator or None
        Source of the initial values, uniform within 1 / sqrt(O / groups * kernel elements), as PyTorch counts.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.ConvTranspose1d(8, 1, 4, stride=2, padding=1)(np.zeros((2, 8, 50), np.float32)).shape
    (2, 1, 100)
    """

    axes = 1
    operation = (
        functional.conv_transpose1d,
        functional.conv_transpose1d_forward,
        functional.conv_transpose1d_backward,
    )


class ConvTranspose2d(_ConvTranspose):
    """Two-dimensional transposed convolution, (N, C, H, W) to (N, O, H', W'): the adjoint of `Conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O.
    kernel_size, stride, dilation : int or pair of int
        Per axis; one int serves both.
    padding, output_padding
        Places cut off and added, as in `goldfish.conv_transpose2d`.
    groups : int
        Divides C and O.
    bias : bool
        Whether a bias per output channel is added.
    dtype : dtype
        float32 or float64.
    rng : int, Generator or None
        Source of the initial values, uniform within 1 / sqrt(O / groups * kernel elements), as PyTorch counts.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)(np.zeros((2, 8, 14, 14), np.float32)).shape
    (2, 3, 28, 28)
    """

    axes = 2
    operation = (
        functional.conv_transpose2d,
        functional.conv_transpose2d_forward,
        functional.conv_transpose2d_backward,
    )


class ConvTranspose3d(_ConvTranspose):
    """Three-dimensional transposed convolution, (N, C, D, H, W) to (N, O, D', H', W'): the adjoint of `Conv3d`.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O.
    kernel_size, stride, dilation : int or three ints
        Per axis; one int serves all.
    padding, output_padding
        Places cut off and added, as in `goldfish.conv_transpose3d`.
    groups : int
        Divides C and O.
    bias : bool
        Whether a bias per output channel is added.
    dtype : dtype
        float32 or float64.
    rng : int, Generator or None
        Source of the initial values, uniform within 1 / sqrt(O / groups * kernel elements), as PyTorch counts.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.ConvTranspose3d(8, 1, 2, stride=2)(np.zeros((2, 8, 4, 7, 7), np.float32)).shape
    (2, 1, 8, 14, 14)
    """

    axes = 3
    operation = (
        functional.conv_transpose3d,
        functional.conv_transpose3d_forward,
        functional.conv_transpose3d_backward,
    )
