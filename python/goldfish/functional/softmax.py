"""Probabilities along an axis: `softmax`, `log_softmax` and their gradients."""

from typing import SupportsIndex

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray
from goldfish.functional.activation import ActivationGrads


def softmax(x: ArrayLike, axis: SupportsIndex = -1) -> FloatArray:
    """Turn scores into probabilities, proportional to exp(x) along an axis.

    y = exp(x - m) / sum(exp(x - m)) with the maximum m of each slice, so that nothing overflows; slices sum to 1.

    Parameters
    ----------
    x : array_like of any shape with at least one axis
        Float32 or float64; integers and bools become float64. Memory that is not contiguous is copied once.
    axis : int
        The axis along which the values compete.

    Returns
    -------
    y : ndarray
        Of x's shape and dtype.

    Raises
    ------
    TypeError
        If x is neither float32, float64, integer nor bool.
    ValueError
        If x has no such axis.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.softmax(np.log([[1.0, 3.0], [2.0, 2.0]])).round(12).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    return _core.softmax(x, axis)


def softmax_forward(x: ArrayLike, axis: SupportsIndex = -1) -> tuple[FloatArray, _core.Cache]:
    """`softmax` for training: the output, and the cache that `softmax_backward` consumes.

    Parameters
    ----------
    x, axis
        As in `softmax`.

    Returns
    -------
    y : ndarray
        The bits that `softmax` gives.
    cache : Cache
        For one call of `softmax_backward`.

    Raises
    ------
    ValueError, TypeError
        As `softmax`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.softmax_forward(np.zeros((1, 4)))
    >>> y.tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    return _core.softmax_forward(x, axis)


def softmax_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> ActivationGrads:
    """Gradient of a loss L with respect to the input of `softmax_forward`, from dy = dL/dy.

    dx = y * (dy - sum(dy * y)), the sum over the same axis.

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `softmax_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : ActivationGrads
        Named tuple of x, of x's shape.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        If dy or `needs` does not fit, the cache comes from another operation, or is used up.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.softmax_forward(np.zeros((1, 2)))
    >>> gf.softmax_backward(np.array([[1.0, 0.0]]), cache).x.tolist()
    [[0.25, -0.25]]
    """
    return ActivationGrads(*_core.softmax_backward(dy, cache, needs))


def log_softmax(x: ArrayLike, axis: SupportsIndex = -1) -> FloatArray:
    """Take the logarithm of the probabilities that `softmax` gives along an axis.

    y = x - m - log(sum(exp(x - m))) with the maximum m of each slice: finite where softmax itself underflows.

    Parameters
    ----------
    x : array_like of any shape with at least one axis
        Float32 or float64; integers and bools become float64. Memory that is not contiguous is copied once.
    axis : int
        The axis along which the values compete.

    Returns
    -------
    y : ndarray
        Of x's shape and dtype.

    Raises
    ------
    TypeError
        If x is neither float32, float64, integer nor bool.
    ValueError
        If x has no such axis.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.log_softmax(np.array([[1e4, 0.0, -1e4]])).tolist()
    [[0.0, -10000.0, -20000.0]]
    """
    return _core.log_softmax(x, axis)


def log_softmax_forward(x: ArrayLike, axis: SupportsIndex = -1) -> tuple[FloatArray, _core.Cache]:
    """`log_softmax` for training: the output, and the cache that `log_softmax_backward` consumes.

    Parameters
    ----------
    x, axis
        As in `log_softmax`.

    Returns
    -------
    y : ndarray
        The bits that `log_softmax` gives.
    cache : Cache
        For one call of `log_softmax_backward`.

    Raises
    ------
    ValueError, TypeError
        As `log_softmax`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.log_softmax_forward(np.array([[1e4, 0.0]]))
    >>> y.tolist()
    [[0.0, -10000.0]]
    """
    return _core.log_softmax_forward(x, axis)


def log_softmax_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> ActivationGrads:
    """Gradient of a loss L with respect to the input of `log_softmax_forward`, from dy = dL/dy.

    dx = dy - exp(y) * sum(dy), the sum over the same axis.

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `log_softmax_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : ActivationGrads
        Named tuple of x, of x's shape.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        If dy or `needs` does not fit, the cache comes from another operation, or is used up.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.log_softmax_forward(np.zeros((1, 2)))
    >>> gf.log_softmax_backward(np.array([[1.0, 0.0]]), cache).x.tolist()
    [[0.5, -0.5]]
    """
    return ActivationGrads(*_core.log_softmax_backward(dy, cache, needs))
