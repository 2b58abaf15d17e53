"""Max pooling of sequences: `max_pool1d` and its gradient."""

from typing import Literal, overload

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray, IndexArray, Padding, PerAxis
from goldfish.functional.pool.grads import PoolGrads


@overload
def max_pool1d(
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
def max_pool1d(
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


def max_pool1d(
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
    """Take the largest value of each window of a sequence, channel by channel.

    With p places in front, stride s and dilation d::

        y[n, c, i] = max over k of x[n, c, i * s + k * d - p]

    over the places inside x, by the rules of `max_pool2d`.


    Parameters
    ----------
    x : array_like of shape (N, C, W)
        As the images of `max_pool2d`.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in `max_pool2d`, with one number where it takes two.
    out : ndarray of shape (N, C, OW), optional
        As in `max_pool2d`.

    Returns
    -------
    y : ndarray of shape (N, C, OW)
        The size is `pool_output_size`'s.
    indices : ndarray of int64 of shape (N, C, OW)
        Only with `return_indices`: the place of the maximum in its sequence.

    Raises
    ------
    ValueError, TypeError
        As `max_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, indices = gf.max_pool1d(np.array([[[1.0, 3, -2, 4, 0, 5]]]), 3, return_indices=True)
    >>> y.tolist(), indices.tolist()
    ([[[3.0, 5.0]]], [[[1, 5]]])
    """
    return _core.max_pool(1, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out)


@overload
def max_pool1d_forward(
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
def max_pool1d_forward(
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


def max_pool1d_forward(
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
    """`max_pool1d` for training: its outputs, and the cache that `max_pool1d_backward` consumes.

    Parameters
    ----------
    x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out
        As in `max_pool1d`. Do not write to x before the backward call.

    Returns
    -------
    y : ndarray of shape (N, C, OW)
        The bits that `max_pool1d` gives.
    indices : ndarray of int64 of shape (N, C, OW)
        Only with `return_indices`.
    cache : Cache
        For one call of `max_pool1d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `max_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.max_pool1d_forward(np.ones((1, 3, 9)), 3, 2)
    >>> y.shape
    (1, 3, 4)
    """
    return _core.max_pool_forward(1, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out)


def max_pool1d_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> PoolGrads:
    """Gradient of a loss L with respect to the input of `max_pool1d_forward`, from dy = dL/dy.

    Each dy goes to the place that held its window's maximum; a place that won several windows gets their sum.

    Parameters
    ----------
    dy : array_like of shape (N, C, OW)
        Of y's shape and dtype.
    cache : Cache
        From `max_pool1d_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : PoolGrads
        Named tuple of x, of shape (N, C, W).

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `max_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.max_pool1d_forward(np.array([[[1.0, 3, 0, 2]]]), 2, 1)
    >>> gf.max_pool1d_backward(np.ones_like(y), cache).x.tolist()
    [[[0.0, 2.0, 0.0, 1.0]]]
    """
    return PoolGrads(*_core.max_pool_backward(1, dy, cache, needs))
