"""Adaptive max pooling over one to three axes: a fixed number of windows, whatever the size."""

from typing import Literal, overload

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray, IndexArray, OutputSize
from goldfish.functional.pool.grads import PoolGrads


@overload
def adaptive_max_pool1d(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[False] = False
) -> FloatArray: ...
@overload
def adaptive_max_pool1d(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[True]
) -> tuple[FloatArray, IndexArray]: ...
def adaptive_max_pool1d(
    x: ArrayLike, output_size: OutputSize, *, return_indices: bool = False
) -> FloatArray | tuple[FloatArray, IndexArray]:
    """Take the largest value of each of OW windows that divide the sequence as evenly as they can.

    Window i covers the places floor(i * W / OW) to ceil((i + 1) * W / OW) - 1, as in `adaptive_max_pool2d`.

    Parameters
    ----------
    x : array_like of shape (N, C, W)
        Float32 or float64; integers and bools become float64. Any strides; memory that is not contiguous is copied
        once.
    output_size : int or None
        OW; None keeps the size of x.
    return_indices : bool
        Also return where each maximum lies.

    Returns
    -------
    y : ndarray of shape (N, C, OW)
        The maxima.
    indices : ndarray of int64 of shape (N, C, OW)
        Only with `return_indices`: the place of the maximum in its sequence.

    Raises
    ------
    ValueError, TypeError
        As `adaptive_max_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, indices = gf.adaptive_max_pool1d(np.array([[[1.0, 3, 5, 2, 4]]]), 2, return_indices=True)
    >>> y.tolist(), indices.tolist()
    ([[[5.0, 5.0]]], [[[2, 2]]])
    """
    return _core.adaptive_max_pool(1, x, output_size, return_indices)


@overload
def adaptive_max_pool1d_forward(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[False] = False
) -> tuple[FloatArray, _core.Cache]: ...
@overload
def adaptive_max_pool1d_forward(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[True]
) -> tuple[FloatArray, IndexArray, _core.Cache]: ...
def adaptive_max_pool1d_forward(
    x: ArrayLike, output_size: OutputSize, *, return_indices: bool = False
) -> tuple[FloatArray, _core.Cache] | tuple[FloatArray, IndexArray, _core.Cache]:
    """`adaptive_max_pool1d` for training: its outputs, and the cache that `adaptive_max_pool1d_backward` consumes.

    Parameters
    ----------
    x, output_size, return_indices
        As in `adaptive_max_pool1d`.

    Returns
    -------
    y : ndarray of shape (N, C, OW)
        The bits that `adaptive_max_pool1d` gives.
    indices : ndarray of int64 of shape (N, C, OW)
        Only with `return_indices`.
    cache : Cache
        For one call of `adaptive_max_pool1d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `adaptive_max_pool1d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.adaptive_max_pool1d_forward(np.ones((2, 3, 100)), 7)
    >>> y.shape
    (2, 3, 7)
    """
    return _core.adaptive_max_pool_forward(1, x, output_size, return_indices)


def adaptive_max_pool1d_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> PoolGrads:
    """Gradient of a loss L with respect to the input of `adaptive_max_pool1d_forward`, from dy = dL/dy.

    Each dy goes to the place that held its window's maximum; a place that won several windows gets their sum.

    Parameters
    ----------
    dy : array_like of shape (N, C, OW)
        Of y's shape and dtype.
    cache : Cache
        From `adaptive_max_pool1d_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : PoolGrads
        Named tuple of x, of shape (N, C, W).

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `adaptive_max_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.adaptive_max_pool1d_forward(np.array([[[1.0, 3, 2]]]), 2)
    >>> gf.adaptive_max_pool1d_backward(np.ones_like(y), cache).x.tolist()
    [[[0.0, 2.0, 0.0]]]
    """
    return PoolGrads(*_core.adaptive_max_pool_backward(1, dy, cache, needs))


@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[False] = False
) -> FloatArray: ...
@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[True]
) -> tuple[FloatArray, IndexArray]: ...
def adaptive_max_pool2d(
    x: ArrayLike, output_size: OutputSize, *, return_indices: bool = False
) -> FloatArray | tuple[FloatArray, IndexArray]:
    """Take the largest value of each of (OH, OW) windows that divide the image as evenly as they can.

    Window i of OH covers the rows floor(i * H / OH) to ceil((i + 1) * H / OH) - 1, and columns alike: windows may
    differ in size by one, and share a row or column. NaN wins over every number, and ties go to the first place in
    row order. ``output_size=1`` is global pooling.

    Parameters
    ----------
    x : array_like of shape (N, C, H, W)
        Float32 or float64; integers and bools become float64. Any strides; memory that is not contiguous is copied
        once.
    output_size : int, None or (int or None, int or None)
        OH and OW: one number for both, or one for each. None keeps the size of x.
    return_indices : bool
        Also return where each maximum lies.

    Returns
    -------
    y : ndarray of shape (N, C, OH, OW)
        The maxima.
    indices : ndarray of int64 of shape (N, C, OH, OW)
        Only with `return_indices`: row * W + column of the maximum in its plane.

    Raises
    ------
    ValueError
        If a shape or a size does not fit; the message names the argument, what was expected and what came.
    TypeError
        If x is neither float32, float64, integer nor bool.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> x = np.array([[1.0, 3, -2, 4], [0, 8, 6, 5], [2, 1, -9, 0], [4, -1, 3, 7]])[None, None]
    >>> y, indices = gf.adaptive_max_pool2d(x, (2, 1), return_indices=True)
    >>> y.ravel().tolist(), indices.ravel().tolist()
    ([8.0, 7.0], [5, 15])
    """
    return _core.adaptive_max_pool(2, x, output_size, return_indices)


@overload
def adaptive_max_pool2d_forward(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[False] = False
) -> tuple[FloatArray, _core.Cache]: ...
@overload
def adaptive_max_pool2d_forward(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[True]
) -> tuple[FloatArray, IndexArray, _core.Cache]: ...
def adaptive_max_pool2d_forward(
    x: ArrayLike, output_size: OutputSize, *, return_indices: bool = False
) -> tuple[FloatArray, _core.Cache] | tuple[FloatArray, IndexArray, _core.Cache]:
    """`adaptive_max_pool2d` for training: its outputs, and the cache that `adaptive_max_pool2d_backward` consumes.

    Parameters
    ----------
    x, output_size, return_indices
        As in `adaptive_max_pool2d`.

    Returns
    -------
    y : ndarray of shape (N, C, OH, OW)
        The bits that `adaptive_max_pool2d` gives.
    indices : ndarray of int64 of shape (N, C, OH, OW)
        Only with `return_indices`.
    cache : Cache
        For one call of `adaptive_max_pool2d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `adaptive_max_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.adaptive_max_pool2d_forward(np.ones((2, 512, 13, 17)), 6)
    >>> y.shape
    (2, 512, 6, 6)
    """
    return _core.adaptive_max_pool_forward(2, x, output_size, return_indices)


def adaptive_max_pool2d_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> PoolGrads:
    """Gradient of a loss L with respect to the input of `adaptive_max_pool2d_forward`, from dy = dL/dy.

    Each dy goes to the place that held its window's maximum; a place that won several windows gets their sum.

    Parameters
    ----------
    dy : array_like of shape (N, C, OH, OW)
        Of y's shape and dtype.
    cache : Cache
        From `adaptive_max_pool2d_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.adaptive_max_pool2d_forward(np.array([[1.0, 3], [0, 2]])[None, None], 1)
    >>> gf.adaptive_max_pool2d_backward(np.full_like(y, 5), cache).x[0, 0].tolist()
    [[0.0, 5.0], [0.0, 0.0]]
    """
    return PoolGrads(*_core.adaptive_max_pool_backward(2, dy, cache, needs))


@overload
def adaptive_max_pool3d(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[False] = False
) -> FloatArray: ...
@overload
def adaptive_max_pool3d(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[True]
) -> tuple[FloatArray, IndexArray]: ...
def adaptive_max_pool3d(
    x: ArrayLike, output_size: OutputSize, *, return_indices: bool = False
) -> FloatArray | tuple[FloatArray, IndexArray]:
    """Take the largest value of each of (OD, OH, OW) windows that divide the volume as evenly as they can.

    As `adaptive_max_pool2d` with depth, or time, before height and width.

    Parameters
    ----------
    x : array_like of shape (N, C, D, H, W)
        Float32 or float64; integers and bools become float64. Any strides; memory that is not contiguous is copied
        once.
    output_size : int, None or three of these
        OD, OH and OW: one number for all, or one for each. None keeps the size of x.
    return_indices : bool
        Also return where each maximum lies.

    Returns
    -------
    y : ndarray of shape (N, C, OD, OH, OW)
        The maxima.
    indices : ndarray of int64 of shape (N, C, OD, OH, OW)
        Only with `return_indices`: (depth * H + row) * W + column of the maximum in its volume.

    Raises
    ------
    ValueError, TypeError
        As `adaptive_max_pool2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.adaptive_max_pool3d(np.arange(16.0).reshape(1, 1, 2, 2, 4), (None, 1, 1)).ravel().tolist()
    [7.0, 15.0]
    """
    return _core.adaptive_max_pool(3, x, output_size, return_indices)


@overload
def adaptive_max_pool3d_forward(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[False] = False
) -> tuple[FloatArray, _core.Cache]: ...
@overload
def adaptive_max_pool3d_forward(
    x: ArrayLike, output_size: OutputSize, *, return_indices: Literal[True]
) -> tuple[FloatArray, IndexArray, _core.Cache]: ...
def adaptive_max_pool3d_forward(
    x: ArrayLike, output_size: OutputSize, *, return_indices: bool = False
) -> tuple[FloatArray, _core.Cache] | tuple[FloatArray, IndexArray, _core.Cache]:
    """`adaptive_max_pool3d` for training: its outputs, and the cache that `adaptive_max_pool3d_backward` consumes.

    Parameters
    ----------
    x, output_size, return_indices
        As in `adaptive_max_pool3d`.

    Returns
    -------
    y : ndarray of shape (N, C, OD, OH, OW)
        The bits that `adaptive_max_pool3d` gives.
    indices : ndarray of int64 of shape (N, C, OD, OH, OW)
        Only with `return_indices`.
    cache : Cache
        For one call of `adaptive_max_pool3d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `adaptive_max_pool3d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.adaptive_max_pool3d_forward(np.ones((1, 3, 5, 9, 9)), (2, 4, 4))
    >>> y.shape
    (1, 3, 2, 4, 4)
    """
    return _core.adaptive_max_pool_forward(3, x, output_size, return_indices)


def adaptive_max_pool3d_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> PoolGrads:
    """Gradient of a loss L with respect to the input of `adaptive_max_pool3d_forward`, from dy = dL/dy.

    Each dy goes to the place that held its window's maximum; a place that won several windows gets their sum.

    Parameters
    ----------
    dy : array_like of shape (N, C, OD, OH, OW)
        Of y's shape and dtype.
    cache : Cache
        From `adaptive_max_pool3d_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : PoolGrads
        Named tuple of x, of shape (N, C, D, H, W).

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `adaptive_max_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.adaptive_max_pool3d_forward(np.arange(4.0).reshape(1, 1, 1, 2, 2), 1)
    >>> gf.adaptive_max_pool3d_backward(np.full_like(y, 8), cache).x.ravel().tolist()
    [0.0, 0.0, 0.0, 8.0]
    """
    return PoolGrads(*_core.adaptive_max_pool_backward(3, dy, cache, needs))
