"""The logistic loss of logits and probabilities, element by element."""

from typing import NamedTuple

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray, LossValue, Reduction


class BinaryCrossEntropyGrads(NamedTuple):
    """Gradient of `binary_cross_entropy_with_logits` with respect to x; None where not needed."""

    x: FloatArray | None


def binary_cross_entropy_with_logits(
    x: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> LossValue:
    """Compute the cross-entropy between probabilities and the sigmoid of logits, element by element.

    With p = sigmoid(x)::

        -weight * (pos_weight * target * log(p) + (1 - target) * log(1 - p))

    computed without overflow. "mean" divides by the number of elements, whatever the weights, as in PyTorch.

    Parameters
    ----------
    x : array_like of any shape
        Logits, float32 or float64; integers and bools take the target's dtype, float64 if that is none either.
    target : array_like of x's shape and dtype
        Probabilities from 0 to 1, which is not checked; 0s and 1s as integers or bools serve too.
    weight : array_like, optional
        What each element counts; any shape that stretches to x's. 1 by default.
    pos_weight : array_like, optional
        What its positive share counts besides: above 1 for rare positives. Any shape that stretches to x's.
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
    >>> value = gf.binary_cross_entropy_with_logits(np.array([0.0, 1000.0]), np.array([1.0, 1.0]), reduction="sum")
    >>> round(float(np.exp(-value)), 12)
    0.5
    """
    return _core.binary_cross_entropy_with_logits(x, target, weight, pos_weight, reduction)[()]


def binary_cross_entropy_with_logits_forward(
    x: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> tuple[LossValue, _core.Cache]:
    """`binary_cross_entropy_with_logits` for training: the value, and the cache for the backward call.

    Parameters
    ----------
    x, target, weight, pos_weight, reduction
        As in `binary_cross_entropy_with_logits`. Do not write to the arrays before the backward call.

    Returns
    -------
    value : numpy scalar or ndarray
        The bits that `binary_cross_entropy_with_logits` gives.
    cache : Cache
        For one call of `binary_cross_entropy_with_logits_backward`.

    Raises
    ------
    ValueError, TypeError
        As `binary_cross_entropy_with_logits`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.binary_cross_entropy_with_logits_forward(np.array([0.0]), np.array([1.0]))
    >>> round(float(np.exp(-value)), 12)
    0.5
    """
    value, cache = _core.binary_cross_entropy_with_logits_forward(x, target, weight, pos_weight, reduction)
    return value[()], cache


def binary_cross_entropy_with_logits_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)
) -> BinaryCrossEntropyGrads:
    """Gradient of `binary_cross_entropy_with_logits_forward`'s value with respect to x, times dy.

    dx = dy * (sigmoid(x) - target), weighted, divided by the number of elements for "mean".

    Parameters
    ----------
    dy : array_like
        Of the value's shape and dtype: a scalar for "mean" and "sum".
    cache : Cache
        From `binary_cross_entropy_with_logits_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : BinaryCrossEntropyGrads
        Named tuple of x, of x's shape.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        If dy or `needs` does not fit, the cache comes from another operation, or is used up.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> value, cache = gf.binary_cross_entropy_with_logits_forward(np.zeros(2), np.array([1.0, 0.0]))
    >>> gf.binary_cross_entropy_with_logits_backward(1.0, cache).x.tolist()
    [-0.25, 0.25]
    """
    return BinaryCrossEntropyGrads(*_core.binary_cross_entropy_with_logits_backward(dy, cache, needs))
