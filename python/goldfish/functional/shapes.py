"""The arithmetic of shapes: what size comes out, and which algorithm computes it."""

from collections.abc import Sequence
from typing import Literal, SupportsIndex, overload

import numpy.typing as npt

from goldfish import _core
from goldfish._typing import Padding, PerAxis


@overload
def conv_output_size(
    size: SupportsIndex, kernel_size: PerAxis, stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1
) -> int: ...
@overload
def conv_output_size(
    size: Sequence[SupportsIndex],
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
) -> tuple[int, ...]: ...
def conv_output_size(
    size: PerAxis, kernel_size: PerAxis, stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1
) -> int | tuple[int, ...]:
    """Compute the spatial size of a convolution's output.

    Per axis::

        floor((size + before + after - dilation * (kernel_size - 1) - 1) / stride) + 1

    where the padding is `before` zeros in front and `after` zeros behind.

    Parameters
    ----------
    size : int or sequence of int
        Input size: of one axis, or of each.
    kernel_size, stride, padding, dilation
        As in `conv2d`: one number for all axes, or one per axis.

    Returns
    -------
    int or tuple of int
        An int if `size` is an int.

    Raises
    ------
    ValueError
        If an option does not fit, or not a single window fits.
    TypeError
        If a number is not an integer.

    Examples
    --------
    >>> import goldfish as gf
    >>> gf.conv_output_size(64, 17)
    48
    >>> gf.conv_output_size((224, 320), 7, stride=2, padding=3)
    (112, 160)
    """
    return _core.conv_output_size(size, kernel_size, stride, padding, dilation)


@overload
def pool_output_size(
    size: SupportsIndex,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
) -> int: ...
@overload
def pool_output_size(
    size: Sequence[SupportsIndex],
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
) -> tuple[int, ...]: ...
def pool_output_size(
    size: PerAxis,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
) -> int | tuple[int, ...]:
    """Compute the spatial size of a pooling's output.

    As `conv_output_size`, but the stride defaults to the kernel, and `ceil_mode` rounds up; then a last window that
    would start in the padding after the input is dropped.

    Parameters
    ----------
    size : int or sequence of int
        Input size: of one axis, or of each.
    kernel_size, stride, padding, dilation
        As in `max_pool2d`: one number for all axes, or one per axis.
    ceil_mode : bool
        Round up rather than down.

    Returns
    -------
    int or tuple of int
        An int if `size` is an int.

    Raises
    ------
    ValueError
        If an option does not fit, or not a single window fits.
    TypeError
        If a number is not an integer.

    Examples
    --------
    >>> import goldfish as gf
    >>> gf.pool_output_size(7, 2), gf.pool_output_size(7, 2, ceil_mode=True)
    (3, 4)
    >>> gf.pool_output_size((48, 48), 3)
    (16, 16)
    """
    return _core.pool_output_size(size, kernel_size, stride, padding, dilation, ceil_mode)


def conv2d_algorithm(
    x_shape: Sequence[SupportsIndex],
    weight_shape: Sequence[SupportsIndex],
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: SupportsIndex = 1,
    *,
    dtype: npt.DTypeLike = "float32",
    wrt: Literal["x", "weight"] | None = None,
) -> str:
    """Name the algorithm that ``algorithm="auto"`` takes for a convolution.

    Parameters
    ----------
    x_shape : sequence of int
        (N, C, H, W).
    weight_shape : sequence of int
        (O, C / groups, KH, KW).
    stride, padding, dilation, groups
        As in `conv2d`.
    dtype : dtype
        float32 or float64.
    wrt : {"x", "weight"}, optional
        The gradient that is asked about; the forward pass by default.

    Returns
    -------
    str
        "direct", "winograd" or "fourier", under the precision that `set_float32_precision` has set.

    Raises
    ------
    ValueError
        If a shape or an option does not fit.
    TypeError
        If `dtype` is another dtype.

    Examples
    --------
    >>> import goldfish as gf
    >>> gf.conv2d_algorithm((8, 64, 56, 56), (64, 64, 3, 3), padding=1)
    'winograd'
    >>> gf.conv2d_algorithm((8, 64, 56, 56), (64, 64, 1, 1))
    'direct'
    >>> gf.conv2d_algorithm((8, 3, 64, 64), (12, 3, 17, 17))
    'fourier'
    >>> gf.set_float32_precision("highest")
    >>> gf.conv2d_algorithm((8, 64, 56, 56), (64, 64, 3, 3), padding=1)
    'direct'
    >>> gf.set_float32_precision("high")
    """
    return _core.conv2d_algorithm(x_shape, weight_shape, stride, padding, dilation, groups, dtype, wrt)
