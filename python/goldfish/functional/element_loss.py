"""Losses of predictions and targets, element by element: squared, absolute and Huber's."""

from typing import NamedTuple

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray, LossValue, Reduction


class MSELossGrads(NamedTuple):
    """Gradient of `mse_loss` with respect to x; None where not needed."""

    x: FloatArray | None


class L1LossGrads(NamedTuple):
    """Gradient of `l1_loss` with respect to x; None where not needed."""

    x: FloatArray | None


class HuberLossGrads(NamedTuple):
    """Gradient of `huber_loss` with respect to x; None where not needed."""

    x: FloatArray | None


def mse_loss(x: ArrayLike, target: ArrayLike, *, reduction: Reduction = "mean") -> LossValue:
    """Compute the squared error: (x - target)**2, averaged, summed, or for each element.

    Parameters
    ----------
    x : array_like of any shape
        Predictions, float32 or float64; integers and bools take the target's dtype, float64 if that is none either.
    target : array_like of x's shape and dtype
        What should have been predicted.
    reduction : {"mean", "sum", "none"}
        What is returned: the mean, the sum, or the loss of each element.

    Returns
    -------
    value : numpy scalar, or ndarray of x's shape
        Of x's dtype. The mean of nothing is NaN.

    Raises
    ------
    ValueError
        If the shapes differ, or the reduction is unknown.
    TypeError
        If an array is neither float32, float64, integer nor bool, or float dtypes are mixed.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> float(gf.mse_loss(np.array([1.0, 2.0]), np.array([0.0, 0.0])))
    2.5
    """
    return _core.mse_loss(x, target, reduction)[()]


def mse_loss_forward(
    x: ArrayLike, target: ArrayLike, *, reduction: Reduction = "mean"
) -> tuple[LossValue, _core.Cache]:
    """`mse_loss` for training: the value, and the cache that `mse_loss_backward` consumes.

    Parameters
    ----------
    x, target, reduction
        As in `mse_loss`. Do not write to the arrays before the backward call.

    Returns
    -------
    value : numpy scalar or ndarray
        The bits that `mse_loss` gives.
    cache : Cache
        For one call of `mse_loss_backward`.

    Raises
    ------
    ValueError, TypeError
        As `mse_loss`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.mse_loss_forward(np.array([3.0]), np.array([1.0]))
    >>> float(value)
    4.0
    """
    value, cache = _core.mse_loss_forward(x, target, reduction)
    return value[()], cache


def mse_loss_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> MSELossGrads:
    """Gradient of `mse_loss_forward`'s value with respect to x, times dy.

    dx = 2 * dy * (x - target), divided by the number of elements for "mean".

    Parameters
    ----------
    dy : array_like
        Of the value's shape and dtype: a scalar for "mean" and "sum".
    cache : Cache
        From `mse_loss_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : MSELossGrads
        Named tuple of x, of x's shape.

    Raises
    ------
    ValueError
        If dy has another shape than the value, or `needs` holds another name.
    TypeError
        If dy has another dtype than the value, or the cache comes from another operation.
    RuntimeError
        If the cache is used up.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.mse_loss_forward(np.array([1.0, 2.0]), np.array([0.0, 0.0]))
    >>> gf.mse_loss_backward(1.0, cache).x.tolist()
    [1.0, 2.0]
    """
    return MSELossGrads(*_core.mse_loss_backward(dy, cache, needs))


def l1_loss(x: ArrayLike, target: ArrayLike, *, reduction: Reduction = "mean") -> LossValue:
    """Compute the absolute error: abs(x - target), averaged, summed, or for each element.

    Parameters
    ----------
    x : array_like of any shape
        Predictions, float32 or float64; integers and bools take the target's dtype, float64 if that is none either.
    target : array_like of x's shape and dtype
        What should have been predicted.
    reduction : {"mean", "sum", "none"}
        What is returned: the mean, the sum, or the loss of each element.

    Returns
    -------
    value : numpy scalar, or ndarray of x's shape
        Of x's dtype. The mean of nothing is NaN.

    Raises
    ------
    ValueError
        If the shapes differ, or an option is wrong.
    TypeError
        If an array is neither float32, float64, integer nor bool, or float dtypes are mixed.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> float(gf.l1_loss(np.array([1.0, 2.0]), np.array([0.0, 4.0])))
    1.5
    """
    return _core.l1_loss(x, target, reduction)[()]


def l1_loss_forward(x: ArrayLike, target: ArrayLike, *, reduction: Reduction = "mean") -> tuple[LossValue, _core.Cache]:
    """`l1_loss` for training: the value, and the cache that `l1_loss_backward` consumes.

    Parameters
    ----------
    x, target, reduction
        As in `l1_loss`. Do not write to the arrays before the backward call.

    Returns
    -------
    value : numpy scalar or ndarray
        The bits that `l1_loss` gives.
    cache : Cache
        For one call of `l1_loss_backward`.

    Raises
    ------
    ValueError, TypeError
        As `l1_loss`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.l1_loss_forward(np.array([3.0]), np.array([1.0]))
    >>> float(value)
    2.0
    """
    value, cache = _core.l1_loss_forward(x, target, reduction)
    return value[()], cache


def l1_loss_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> L1LossGrads:
    """Gradient of `l1_loss_forward`'s value with respect to x, times dy.

    dx = dy * sign(x - target), which is 0 where they are equal, divided by the number of elements for "mean".

    Parameters
    ----------
    dy : array_like
        Of the value's shape and dtype: a scalar for "mean" and "sum".
    cache : Cache
        From `l1_loss_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : L1LossGrads
        Named tuple of x, of x's shape.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        If dy or `needs` does not fit, the cache comes from another operation, or is used up.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.l1_loss_forward(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
    >>> gf.l1_loss_backward(1.0, cache).x.tolist()
    [0.5, -0.5]
    """
    return L1LossGrads(*_core.l1_loss_backward(dy, cache, needs))


def huber_loss(x: ArrayLike, target: ArrayLike, *, delta: float = 1.0, reduction: Reduction = "mean") -> LossValue:
    """Compute Huber's loss: the squared error of small differences, the absolute error of large ones.

    With d = abs(x - target)::

        d**2 / 2                    if d <= delta
        delta * (d - delta / 2)     otherwise

    Parameters
    ----------
    x : array_like of any shape
        Predictions, float32 or float64; integers and bools take the target's dtype, float64 if that is none either.
    target : array_like of x's shape and dtype
        What should have been predicted.
    delta : float
        Where the loss turns from a parabola into a line; positive.
    reduction : {"mean", "sum", "none"}
        What is returned: the mean, the sum, or the loss of each element.

    Returns
    -------
    value : numpy scalar, or ndarray of x's shape
        Of x's dtype. The mean of nothing is NaN.

    Raises
    ------
    ValueError
        If the shapes differ, or an option is wrong.
    TypeError
        If an array is neither float32, float64, integer nor bool, or float dtypes are mixed.

    References
    ----------
    P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964), section 4.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> float(gf.huber_loss(np.array([0.5, 3.0]), np.array([0.0, 0.0]), reduction="sum"))
    2.625
    """
    return _core.huber_loss(x, target, delta, reduction)[()]


def huber_loss_forward(
    x: ArrayLike, target: ArrayLike, *, delta: float = 1.0, reduction: Reduction = "mean"
) -> tuple[LossValue, _core.Cache]:
    """`huber_loss` for training: the value, and the cache that `huber_loss_backward` consumes.

    Parameters
    ----------
    x, target, delta, reduction
        As in `huber_loss`. Do not write to the arrays before the backward call.

    Returns
    -------
    value : numpy scalar or ndarray
        The bits that `huber_loss` gives.
    cache : Cache
        For one call of `huber_loss_backward`.

    Raises
    ------
    ValueError, TypeError
        As `huber_loss`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.huber_loss_forward(np.array([3.0]), np.array([1.0]))
    >>> float(value)
    1.5
    """
    value, cache = _core.huber_loss_forward(x, target, delta, reduction)
    return value[()], cache


def huber_loss_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> HuberLossGrads:
    """Gradient of `huber_loss_forward`'s value with respect to x, times dy.

    dx = dy * clip(x - target, -delta, delta), divided by the number of elements for "mean".

    Parameters
    ----------
    dy : array_like
        Of the value's shape and dtype: a scalar for "mean" and "sum".
    cache : Cache
        From `huber_loss_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : HuberLossGrads
        Named tuple of x, of x's shape.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        If dy or `needs` does not fit, the cache comes from another operation, or is used up.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.huber_loss_forward(np.array([0.5, 4.0]), np.array([0.0, 0.0]))
    >>> gf.huber_loss_backward(1.0, cache).x.tolist()
    [0.25, 0.5]
    """
    return HuberLossGrads(*_core.huber_loss_backward(dy, cache, needs))
