"""Max pooling of planes: `max_pool2d` and its gradient."""

from typing import Literal, overload

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray, IndexArray, Padding, PerAxis
from goldfish.functional.pool.grads import PoolGrads


@overload
def max_pool2d(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
    out: FloatArray | None = None,
) -> FloatArray: ...


@overload
def max_pool2d(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
    return_indices: Literal[True],
    out: FloatArray | None = None,
) -> tuple[FloatArray, IndexArray]: ...


def max_pool2d(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
    return_indices: bool = False,
    out: FloatArray | None = None,
) -> FloatArray | tuple[FloatArray, IndexArray]:
    """Take the largest value of each window, channel by channel.

    With top-left padding (p_h, p_w), stride (s_h, s_w) and dilation (d_h, d_w)::

        y[n, c, i, j] = max over k, l of x[n, c, i * s_h + k * d_h - p_h, j * s_w + l * d_w - p_w]

    over the places inside x: padding never wins. NaN wins over every number, and ties go to the first place in row
    order, as in PyTorch.

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
        Places around x, as in `conv2d`; numbers may be at most half the kernel.
    dilation : int or (int, int)
        Distance between neighbouring places of a window.
    ceil_mode : bool
        Round the output size up rather than down; a window that starts in the padding after x is dropped.
    return_indices : bool
        Also return where each maximum lies.
    out : ndarray of shape (N, C, OH, OW), optional
        Written and returned instead of a new array. Exact shape and dtype, C-contiguous, no overlap with x; its
        contents are undefined after an error.

    Returns
    -------
    y : ndarray of shape (N, C, OH, OW)
        The sizes are `pool_output_size`'s.
    indices : ndarray of int64 of shape (N, C, OH, OW)
        Only with `return_indices`: row * W + column of the maximum in its plane.

    Raises
    ------
    ValueError
        If a shape or an option does not fit; the message names the argument, what was expected and what came.
    TypeError
        If x is neither float32, float64, integer nor bool.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> x = np.array([[1.0, 3, -2, 4], [0, 8, 6, 5], [2, 1, -9, 0], [4, -1, 3, 7]])[None, None]
    >>> y, indices = gf.max_pool2d(x, 2, return_indices=True)
    >>> y[0, 0].tolist(), indices[0, 0].tolist()
    ([[8.0, 6.0], [4.0, 7.0]], [[5, 6], [12, 15]])
    """
    return _core.max_pool(2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out)


@overload
def max_pool2d_forward(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
    out: FloatArray | None = None,
) -> tuple[FloatArray, _core.Cache]: ...


@overload
def max_pool2d_forward(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
    return_indices: Literal[True],
    out: FloatArray | None = None,
) -> tuple[FloatArray, IndexArray, _core.Cache]: ...


def max_pool2d_forward(
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    *,
    ceil_mode: bool = False,
    return_indices: bool = False,
    out: FloatArray | None = None,
) -> tuple[FloatArray, _core.Cache] | tuple[FloatArray, IndexArray, _core.Cache]:
    """`max_pool2d` for training: its outputs, and the cache that `max_pool2d_backward` consumes.

    Parameters
    ----------
    x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out
        As in `max_pool2d`. Do not write to x before the backward call.

    Returns
    -------
    y : ndarray of shape (N, C, OH, OW)
        The bits that `max_pool2d` gives.
    indices : ndarray of int64 of shape (N, C, OH, OW)
        Only with `return_indices`.
    cache : Cache
        For one call of `max_pool2d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `max_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.max_pool2d_forward(np.ones((1, 3, 9, 9)), 3)
    >>> y.shape
    (1, 3, 3, 3)
    """
    return _core.max_pool_forward(2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out)


def max_pool2d_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> PoolGrads:
    """Gradient of a loss L with respect to the input of `max_pool2d_forward`, from dy = dL/dy.

    Each dy goes to the place that held its window's maximum; a place that won several windows gets their sum.

    Parameters
    ----------
    dy : array_like of shape (N, C, OH, OW)
        Of y's shape and dtype.
    cache : Cache
        From `max_pool2d_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.max_pool2d_forward(np.array([[1.0, 3], [0, 2]])[None, None], 2)
    >>> gf.max_pool2d_backward(np.full_like(y, 5), cache).x[0, 0].tolist()
    [[0.0, 5.0], [0.0, 0.0]]
    """
    return PoolGrads(*_core.max_pool_backward(2, dy, cache, needs))
