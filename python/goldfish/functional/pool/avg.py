"""Average pooling over one to three axes: `avg_pool1d`, `avg_pool2d`, `avg_pool3d` and their gradients."""

from typing import SupportsIndex

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray, Padding, PerAxis
from goldfish.functional.pool.grads import PoolGrads


def avg_pool1d(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    *,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    dilation: PerAxis = 1,
    out: FloatArray | None = None,
) -> FloatArray:
    """Take the mean of each window of a sequence, channel by channel.

    With p zeros in front, stride s and dilation d::

        y[n, c, i] = 1/D * sum over k of x[n, c, i * s + k * d - p]

    with the divisor D of `avg_pool2d`.


    Parameters
    ----------
    x : array_like of shape (N, C, W)
        As the images of `avg_pool2d`.
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation
        As in `avg_pool2d`, with one number where it takes two.
    out : ndarray of shape (N, C, OW), optional
        As in `avg_pool2d`.

    Returns
    -------
    y : ndarray of shape (N, C, OW)
        The size is `pool_output_size`'s.

    Raises
    ------
    ValueError, TypeError
        As `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.avg_pool1d(np.array([[[1.0, 3, 5, 9]]]), 2, 1).tolist()
    [[[2.0, 4.0, 7.0]]]
    """
    return _core.avg_pool(
        1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out
    )


def avg_pool1d_forward(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    *,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    dilation: PerAxis = 1,
    out: FloatArray | None = None,
) -> tuple[FloatArray, _core.Cache]:
    """`avg_pool1d` for training: the output, and the cache that `avg_pool1d_backward` consumes.

    Parameters
    ----------
    x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out
        As in `avg_pool1d`.

    Returns
    -------
    y : ndarray of shape (N, C, OW)
        The bits that `avg_pool1d` gives.
    cache : Cache
        For one call of `avg_pool1d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.avg_pool1d_forward(np.ones((1, 3, 9)), 3, 2)
    >>> y.shape
    (1, 3, 4)
    """
    return _core.avg_pool_forward(
        1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out
    )


def avg_pool1d_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> PoolGrads:
    """Gradient of a loss L with respect to the input of `avg_pool1d_forward`, from dy = dL/dy.

    Every place of a window inside x gets dy / D, with its divisor D; windows that overlap add up.

    Parameters
    ----------
    dy : array_like of shape (N, C, OW)
        Of y's shape and dtype.
    cache : Cache
        From `avg_pool1d_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : PoolGrads
        Named tuple of x, of shape (N, C, W).

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `avg_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.avg_pool1d_forward(np.zeros((1, 1, 4)), 2, 1)
    >>> gf.avg_pool1d_backward(np.ones_like(y), cache).x.tolist()
    [[[0.5, 1.0, 1.0, 0.5]]]
    """
    return PoolGrads(*_core.avg_pool_backward(1, dy, cache, needs))


def avg_pool2d(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    *,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    dilation: PerAxis = 1,
    out: FloatArray | None = None,
) -> FloatArray:
    """Take the mean of each window, channel by channel.

    With top-left padding (p_h, p_w), stride (s_h, s_w) and dilation (d_h, d_w)::

        y[n, c, i, j] = 1/D * sum over k, l of x[n, c, i * s_h + k * d_h - p_h, j * s_w + l * d_w - p_w]

    where x is zero outside its borders. The divisor D counts the places of the window inside x and, with
    `count_include_pad`, those in the padding; places past the padding, which `ceil_mode` can reach, never count.

    Parameters
    ----------
    x : array_like of shape (N, C, H, W)
        Float32 or float64; integers and bools become float64. Any strides; memory that is not contiguous is copied
        once.
    kernel_size : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int), optional
        Step between neighbouring windows; `kernel_size` by default.
    padding : int, (int, int), ((int, int), (int, int)) or {"valid", "same", "same_lower"}
        Zeros around x, as in `conv2d`; numbers may be at most half the kernel.
    ceil_mode : bool
        Round the output size up rather than down; a window that starts in the padding after x is dropped.
    count_include_pad : bool
        Whether the padding counts in the divisor.
    divisor_override : int, optional
        The divisor D of every window, instead of a count; 1 gives sums.
    dilation : int or (int, int)
        Distance between neighbouring places of a window.
    out : ndarray of shape (N, C, OH, OW), optional
        Written and returned instead of a new array. Exact shape and dtype, C-contiguous, no overlap with x; its
        contents are undefined after an error.

    Returns
    -------
    y : ndarray of shape (N, C, OH, OW)
        The sizes are `pool_output_size`'s.

    Raises
    ------
    ValueError
        If a shape or an option does not fit; the message names the argument, what was expected and what came.
    TypeError
        If x is neither float32, float64, integer nor bool.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    return _core.avg_pool(
        2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out
    )


def avg_pool2d_forward(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    *,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    dilation: PerAxis = 1,
    out: FloatArray | None = None,
) -> tuple[FloatArray, _core.Cache]:
    """`avg_pool2d` for training: the output, and the cache that `avg_pool2d_backward` consumes.

    Parameters
    ----------
    x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out
        As in `avg_pool2d`.

    Returns
    -------
    y : ndarray of shape (N, C, OH, OW)
        The bits that `avg_pool2d` gives.
    cache : Cache
        For one call of `avg_pool2d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.avg_pool2d_forward(np.ones((1, 3, 9, 9)), 3)
    >>> y.shape
    (1, 3, 3, 3)
    """
    return _core.avg_pool_forward(
        2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out
    )


def avg_pool2d_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> PoolGrads:
    """Gradient of a loss L with respect to the input of `avg_pool2d_forward`, from dy = dL/dy.

    Every place of a window inside x gets dy / D, with the divisor D of `avg_pool2d`; windows that overlap add up.

    Parameters
    ----------
    dy : array_like of shape (N, C, OH, OW)
        Of y's shape and dtype.
    cache : Cache
        From `avg_pool2d_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : PoolGrads
        Named tuple of x, of shape (N, C, H, W).

    Raises
    ------
    ValueError
        If dy has another shape than y, or `needs` holds another name.
    TypeError
        If dy has another dtype than y, or the cache comes from another operation.
    RuntimeError
        If the cache is used up.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.avg_pool2d_forward(np.zeros((1, 1, 2, 3)), 2, 1)
    >>> gf.avg_pool2d_backward(np.ones_like(y), cache).x[0, 0].tolist()
    [[0.25, 0.5, 0.25], [0.25, 0.5, 0.25]]
    """
    return PoolGrads(*_core.avg_pool_backward(2, dy, cache, needs))


def avg_pool3d(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    *,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    dilation: PerAxis = 1,
    out: FloatArray | None = None,
) -> FloatArray:
    """Take the mean of each window of a volume, channel by channel.

    As `avg_pool2d` with depth, or time, before height and width.


    Parameters
    ----------
    x : array_like of shape (N, C, D, H, W)
        As the images of `avg_pool2d`.
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation
        As in `avg_pool2d`, with three numbers where it takes two.
    out : ndarray of shape (N, C, OD, OH, OW), optional
        As in `avg_pool2d`.

    Returns
    -------
    y : ndarray of shape (N, C, OD, OH, OW)
        The sizes are `pool_output_size`'s.

    Raises
    ------
    ValueError, TypeError
        As `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.avg_pool3d(np.arange(16.0).reshape(1, 1, 2, 2, 4), 2).ravel().tolist()
    [6.5, 8.5]
    """
    return _core.avg_pool(
        3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out
    )


def avg_pool3d_forward(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    *,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    dilation: PerAxis = 1,
    out: FloatArray | None = None,
) -> tuple[FloatArray, _core.Cache]:
    """`avg_pool3d` for training: the output, and the cache that `avg_pool3d_backward` consumes.

    Parameters
    ----------
    x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out
        As in `avg_pool3d`.

    Returns
    -------
    y : ndarray of shape (N, C, OD, OH, OW)
        The bits that `avg_pool3d` gives.
    cache : Cache
        For one call of `avg_pool3d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.avg_pool3d_forward(np.ones((1, 3, 4, 8, 8)), (1, 2, 2))
    >>> y.shape
    (1, 3, 4, 4, 4)
    """
    return _core.avg_pool_forward(
        3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out
    )


def avg_pool3d_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> PoolGrads:
    """Gradient of a loss L with respect to the input of `avg_pool3d_forward`, from dy = dL/dy.

    Every place of a window inside x gets dy / D, with its divisor D; windows that overlap add up.

    Parameters
    ----------
    dy : array_like of shape (N, C, OD, OH, OW)
        Of y's shape and dtype.
    cache : Cache
        From `avg_pool3d_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : PoolGrads
        Named tuple of x, of shape (N, C, D, H, W).

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `avg_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.avg_pool3d_forward(np.zeros((1, 1, 2, 2, 2)), 2)
    >>> gf.avg_pool3d_backward(np.full_like(y, 16), cache).x.ravel().tolist()
    [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    """
    return PoolGrads(*_core.avg_pool_backward(3, dy, cache, needs))
