"""Max pooling of volumes: `max_pool3d` and its gradient."""

from typing import Literal, overload

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray, IndexArray, Padding, PerAxis
from goldfish.functional.pool.grads import PoolGrads


@overload
def max_pool3d(
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
def max_pool3d(
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


def max_pool3d(
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
    """Take the largest value of each window of a volume, channel by channel.

    As `max_pool2d` with depth, or time, before height and width.


    Parameters
    ----------
    x : array_like of shape (N, C, D, H, W)
        As the images of `max_pool2d`.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in `max_pool2d`, with three numbers where it takes two.
    out : ndarray of shape (N, C, OD, OH, OW), optional
        As in `max_pool2d`.

    Returns
    -------
    y : ndarray of shape (N, C, OD, OH, OW)
        The sizes are `pool_output_size`'s.
    indices : ndarray of int64 of shape (N, C, OD, OH, OW)
        Only with `return_indices`: (depth * H + row) * W + column of the maximum in its volume.

    Raises
    ------
    ValueError, TypeError
        As `max_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, indices = gf.max_pool3d(np.arange(16.0).reshape(1, 1, 2, 2, 4), 2, return_indices=True)
    >>> y.ravel().tolist(), indices.ravel().tolist()
    ([13.0, 15.0], [13, 15])
    """
    return _core.max_pool(3, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out)


@overload
def max_pool3d_forward(
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
def max_pool3d_forward(
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


def max_pool3d_forward(
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
    """`max_pool3d` for training: its outputs, and the cache that `max_pool3d_backward` consumes.

    Parameters
    ----------
    x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out
        As in `max_pool3d`. Do not write to x before the backward call.

    Returns
    -------
    y : ndarray of shape (N, C, OD, OH, OW)
        The bits that `max_pool3d` gives.
    indices : ndarray of int64 of shape (N, C, OD, OH, OW)
        Only with `return_indices`.
    cache : Cache
        For one call of `max_pool3d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `max_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.max_pool3d_forward(np.ones((1, 3, 4, 8, 8)), (1, 2, 2))
    >>> y.shape
    (1, 3, 4, 4, 4)
    """
    return _core.max_pool_forward(3, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out)


def max_pool3d_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> PoolGrads:
    """Gradient of a loss L with respect to the input of `max_pool3d_forward`, from dy = dL/dy.

    Each dy goes to the place that held its window's maximum; a place that won several windows gets their sum.

    Parameters
    ----------
    dy : array_like of shape (N, C, OD, OH, OW)
        Of y's shape and dtype.
    cache : Cache
        From `max_pool3d_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : PoolGrads
        Named tuple of x, of shape (N, C, D, H, W).

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `max_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.max_pool3d_forward(np.arange(8.0).reshape(1, 1, 2, 2, 2), 2)
    >>> gf.max_pool3d_backward(np.full_like(y, 5), cache).x.ravel().tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0]
    """
    return PoolGrads(*_core.max_pool_backward(3, dy, cache, needs))
