"""Losses of classes: `cross_entropy`, `nll_loss` and their gradients."""

from typing import NamedTuple, SupportsIndex

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray, LossValue, Reduction


class CrossEntropyGrads(NamedTuple):
    """Gradient of `cross_entropy` with respect to the logits; None where not needed."""

    logits: FloatArray | None


class NLLLossGrads(NamedTuple):
    """Gradient of `nll_loss` with respect to x; None where not needed."""

    x: FloatArray | None


def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    ignore_index: SupportsIndex = -100,
    label_smoothing: float = 0.0,
    axis: SupportsIndex = 1,
    reduction: Reduction = "mean",
) -> LossValue:
    """Compute the cross-entropy between target classes and the softmax of logits.

    With p = softmax(logits) along `axis`, C classes, class weights w and smoothing s, a place with target class t has
    the loss::

        -(1 - s) * w[t] * log p[t] - s / C * sum over c of w[c] * log p[c]

    and a place with target probabilities q the loss ``-sum over c of w[c] * ((1 - s) * q[c] + s / C) * log p[c]``.
    "mean" divides the sum by the sum of w[t] over the places that are not ignored; for probabilities, by the number
    of places.

    Parameters
    ----------
    logits : array_like of shape (N, C, ...)
        Unnormalised log-probabilities, with the classes on `axis`. Float32 or float64.
    target : array_like
        Class numbers: ints, of the shape of logits without `axis`. Or probabilities: floats, of the shape of logits.
    weight : array_like of shape (C,), optional
        The weight of each class; 1 by default.
    ignore_index : int
        Places with this target class have no loss and no gradient.
    label_smoothing : float
        From 0 to 1: the part of the target that is spread evenly over all classes.
    axis : int
        The axis of the classes; -1 for sequences of logits (B, T, C).
    reduction : {"mean", "sum", "none"}
        What is returned: the weighted mean, the sum, or the loss of each place.

    Returns
    -------
    value : numpy scalar, or ndarray of the target's shape without `axis`
        Of logits' dtype. The mean over no place at all is NaN, as in PyTorch.

    Raises
    ------
    ValueError
        If the shapes do not fit (the message says which axis would), a target is not a class, or an option is wrong.
    TypeError
        If an array has a dtype that does not serve, or float dtypes are mixed.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> logits = np.log([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]])
    >>> value = gf.cross_entropy(logits, np.array([0, 2]))
    >>> round(float(np.exp(-value) ** 2), 12)  # 0.5 * 0.75
    0.375
    """
    return _core.cross_entropy(logits, target, weight, ignore_index, label_smoothing, axis, reduction)[()]


def cross_entropy_forward(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    ignore_index: SupportsIndex = -100,
    label_smoothing: float = 0.0,
    axis: SupportsIndex = 1,
    reduction: Reduction = "mean",
) -> tuple[LossValue, _core.Cache]:
    """`cross_entropy` for training: the value, and the cache that `cross_entropy_backward` consumes.

    Parameters
    ----------
    logits, target, weight, ignore_index, label_smoothing, axis, reduction
        As in `cross_entropy`. Do not write to the arrays before the backward call.

    Returns
    -------
    value : numpy scalar or ndarray
        The bits that `cross_entropy` gives.
    cache : Cache
        For one call of `cross_entropy_backward`.

    Raises
    ------
    ValueError, TypeError
        As `cross_entropy`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.cross_entropy_forward(np.zeros((2, 4)), np.array([0, 2]))
    >>> round(float(np.exp(value)), 12)
    4.0
    """
    value, cache = _core.cross_entropy_forward(logits, target, weight, ignore_index, label_smoothing, axis, reduction)
    return value[()], cache


def cross_entropy_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("logits",)
) -> CrossEntropyGrads:
    """Gradient of `cross_entropy_forward`'s value with respect to the logits, times dy.

    For a target class t without weights and smoothing: dlogits = dy * (softmax(logits) - onehot(t)), divided by the
    number of places for "mean".

    Parameters
    ----------
    dy : array_like
        Of the value's shape and dtype: a scalar for "mean" and "sum".
    cache : Cache
        From `cross_entropy_forward`; consumed by the first call that succeeds.
    needs : tuple of {"logits"}
        The gradients to compute.

    Returns
    -------
    grads : CrossEntropyGrads
        Named tuple of logits, of the shape of logits.

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
    >>> value, cache = gf.cross_entropy_forward(np.zeros((1, 4)), np.array([2]))
    >>> gf.cross_entropy_backward(1.0, cache).logits.tolist()
    [[0.25, 0.25, -0.75, 0.25]]
    """
    return CrossEntropyGrads(*_core.cross_entropy_backward(dy, cache, needs))


def nll_loss(
    x: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    ignore_index: SupportsIndex = -100,
    axis: SupportsIndex = 1,
    reduction: Reduction = "mean",
) -> LossValue:
    """Compute the negative log-likelihood of target classes from log-probabilities: -w[t] * x[t] for each target t.

    `cross_entropy` is this loss of `log_softmax`, in one pass. "mean" divides by the sum of w[t] over the places
    that are not ignored.

    Parameters
    ----------
    x : array_like of shape (N, C, ...)
        Log-probabilities, with the classes on `axis`. Float32 or float64.
    target : array_like of ints
        Class numbers, of the shape of x without `axis`.
    weight : array_like of shape (C,), optional
        The weight of each class; 1 by default.
    ignore_index : int
        Places with this target class have no loss and no gradient.
    axis : int
        The axis of the classes.
    reduction : {"mean", "sum", "none"}
        What is returned: the weighted mean, the sum, or the loss of each place.

    Returns
    -------
    value : numpy scalar, or ndarray of the target's shape
        Of x's dtype. The mean over no place at all is NaN, as in PyTorch.

    Raises
    ------
    ValueError
        If the shapes do not fit (the message says which axis would), a target is not a class, or an option is wrong.
    TypeError
        If an array has a dtype that does not serve, or float dtypes are mixed.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> x = np.log([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]])
    >>> np.exp(-gf.nll_loss(x, np.array([0, 2]), reduction="none")).round(12).tolist()
    [0.5, 0.75]
    """
    return _core.nll_loss(x, target, weight, ignore_index, axis, reduction)[()]


def nll_loss_forward(
    x: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    ignore_index: SupportsIndex = -100,
    axis: SupportsIndex = 1,
    reduction: Reduction = "mean",
) -> tuple[LossValue, _core.Cache]:
    """`nll_loss` for training: the value, and the cache that `nll_loss_backward` consumes.

    Parameters
    ----------
    x, target, weight, ignore_index, axis, reduction
        As in `nll_loss`. Do not write to the arrays before the backward call.

    Returns
    -------
    value : numpy scalar or ndarray
        The bits that `nll_loss` gives.
    cache : Cache
        For one call of `nll_loss_backward`.

    Raises
    ------
    ValueError, TypeError
        As `nll_loss`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.nll_loss_forward(np.log([[0.5, 0.5]]), np.array([1]))
    >>> round(float(np.exp(-value)), 12)
    0.5
    """
    value, cache = _core.nll_loss_forward(x, target, weight, ignore_index, axis, reduction)
    return value[()], cache


def nll_loss_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> NLLLossGrads:
    """Gradient of `nll_loss_forward`'s value with respect to x, times dy.

    dx = -w[t] * dy at each target t, divided by the sum of the weights that count for "mean", and 0 elsewhere.

    Parameters
    ----------
    dy : array_like
        Of the value's shape and dtype: a scalar for "mean" and "sum".
    cache : Cache
        From `nll_loss_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : NLLLossGrads
        Named tuple of x, of x's shape.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        If dy or `needs` does not fit, the cache comes from another operation, or is used up.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.nll_loss_forward(np.zeros((2, 3)), np.array([1, 0]))
    >>> gf.nll_loss_backward(1.0, cache).x.tolist()
    [[0.0, -0.5, 0.0], [-0.5, 0.0, 0.0]]
    """
    return NLLLossGrads(*_core.nll_loss_backward(dy, cache, needs))
