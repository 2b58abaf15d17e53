"""Activations: `relu`, `sigmoid`, `tanh` and their gradients."""

from typing import NamedTuple

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray


class ActivationGrads(NamedTuple):
    """Gradient of a loss with respect to the input of an activation; None where not needed."""

    x: FloatArray | None


def relu(x: ArrayLike) -> FloatArray:
    """Take the positive part of each element: y = max(x, 0).

    NaN stays NaN; -0.0 becomes 0.0.

    Parameters
    ----------
    x : array_like of any shape
        Float32 or float64; integers and bools become float64. Memory that is not contiguous is copied once.

    Returns
    -------
    y : ndarray
        Of x's shape and dtype.

    Raises
    ------
    TypeError
        If x is neither float32, float64, integer nor bool.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.relu(np.array([-1.5, 0.0, 2.5])).tolist()
    [0.0, 0.0, 2.5]
    """
    return _core.relu(x)


def relu_forward(x: ArrayLike) -> tuple[FloatArray, _core.Cache]:
    """`relu` for training: the output, and the cache that `relu_backward` consumes.

    Parameters
    ----------
    x
        As in `relu`.

    Returns
    -------
    y : ndarray
        The bits that `relu` gives.
    cache : Cache
        For one call of `relu_backward`.

    Raises
    ------
    TypeError
        As `relu`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.relu_forward(np.array([-1.5, 2.5]))
    >>> y.tolist()
    [0.0, 2.5]
    """
    return _core.relu_forward(x)


def relu_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> ActivationGrads:
    """Gradient of a loss L with respect to the input of `relu_forward`, from dy = dL/dy.

    dx = dy where x > 0, else 0: at the kink the gradient is 0, as in PyTorch.

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `relu_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.relu_forward(np.array([-1.5, 2.5]))
    >>> gf.relu_backward(np.array([7.0, 7.0]), cache).x.tolist()
    [0.0, 7.0]
    """
    return ActivationGrads(*_core.relu_backward(dy, cache, needs))


def sigmoid(x: ArrayLike) -> FloatArray:
    """Apply the logistic function to each element: y = 1 / (1 + exp(-x)).

    Within 4 ulp over all floats; sigmoid(-inf) = 0 and sigmoid(inf) = 1, and nothing overflows on the way.

    Parameters
    ----------
    x : array_like of any shape
        Float32 or float64; integers and bools become float64. Memory that is not contiguous is copied once.

    Returns
    -------
    y : ndarray
        Of x's shape and dtype.

    Raises
    ------
    TypeError
        If x is neither float32, float64, integer nor bool.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.sigmoid(np.array([-np.inf, 0.0, np.inf])).tolist()
    [0.0, 0.5, 1.0]
    """
    return _core.sigmoid(x)


def sigmoid_forward(x: ArrayLike) -> tuple[FloatArray, _core.Cache]:
    """`sigmoid` for training: the output, and the cache that `sigmoid_backward` consumes.

    Parameters
    ----------
    x
        As in `sigmoid`.

    Returns
    -------
    y : ndarray
        The bits that `sigmoid` gives.
    cache : Cache
        For one call of `sigmoid_backward`.

    Raises
    ------
    TypeError
        As `sigmoid`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.sigmoid_forward(np.zeros(2))
    >>> y.tolist()
    [0.5, 0.5]
    """
    return _core.sigmoid_forward(x)


def sigmoid_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> ActivationGrads:
    """Gradient of a loss L with respect to the input of `sigmoid_forward`, from dy = dL/dy.

    dx = dy * y * (1 - y).

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `sigmoid_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.sigmoid_forward(np.zeros(2))
    >>> gf.sigmoid_backward(np.array([4.0, 8.0]), cache).x.tolist()
    [1.0, 2.0]
    """
    return ActivationGrads(*_core.sigmoid_backward(dy, cache, needs))


def tanh(x: ArrayLike) -> FloatArray:
    """Apply the hyperbolic tangent to each element: y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Within 4 ulp over all floats; the sign of zero is kept.

    Parameters
    ----------
    x : array_like of any shape
        Float32 or float64; integers and bools become float64. Memory that is not contiguous is copied once.

    Returns
    -------
    y : ndarray
        Of x's shape and dtype.

    Raises
    ------
    TypeError
        If x is neither float32, float64, integer nor bool.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.tanh(np.array([-np.inf, 0.0, np.inf])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return _core.tanh(x)


def tanh_forward(x: ArrayLike) -> tuple[FloatArray, _core.Cache]:
    """`tanh` for training: the output, and the cache that `tanh_backward` consumes.

    Parameters
    ----------
    x
        As in `tanh`.

    Returns
    -------
    y : ndarray
        The bits that `tanh` gives.
    cache : Cache
        For one call of `tanh_backward`.

    Raises
    ------
    TypeError
        As `tanh`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.tanh_forward(np.zeros(2))
    >>> y.tolist()
    [0.0, 0.0]
    """
    return _core.tanh_forward(x)


def tanh_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> ActivationGrads:
    """Gradient of a loss L with respect to the input of `tanh_forward`, from dy = dL/dy.

    dx = dy * (1 - y**2).

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `tanh_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.tanh_forward(np.zeros(2))
    >>> gf.tanh_backward(np.array([4.0, 8.0]), cache).x.tolist()
    [4.0, 8.0]
    """
    return ActivationGrads(*_core.tanh_backward(dy, cache, needs))
