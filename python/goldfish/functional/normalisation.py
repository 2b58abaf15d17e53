"""Normalisation of channels over a batch, and of samples over their last axes: `batch_norm`, `layer_norm`."""

from collections.abc import Sequence
from typing import NamedTuple, SupportsIndex

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray


class NormalisationGrads(NamedTuple):
    """Gradients of a loss with respect to the inputs of a normalisation; None where not needed or not given."""

    x: FloatArray | None
    weight: FloatArray | None
    bias: FloatArray | None


def batch_norm(
    x: ArrayLike,
    running_mean: FloatArray | None,
    running_var: FloatArray | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> FloatArray:
    """Normalise each channel: y = (x - mean) / sqrt(variance + eps) * weight + bias.

    In training, mean and variance are those of x over all axes but the channels' (the variance divided by the number of
    elements n), and the running arrays move towards them::

        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * variance * n / (n - 1)

    Otherwise the running arrays are what x is normalised with.

    Parameters
    ----------
    x : array_like of shape (N, C, ...)
        Float32 or float64, with any number of further axes.
    running_mean, running_var : ndarray of shape (C,) or None
        Of x's dtype. In training they are changed in place, if the call succeeds: C-contiguous and writable; None
        for both then keeps no record.
    weight, bias : array_like of shape (C,), optional
        1 and 0 by default.
    training : bool
        Whether to normalise with the moments of x. `batch_norm_forward` takes True by default.
    momentum : float
        From 0 to 1: how far the running arrays move.
    eps : float
        Keeps the root from 0.

    Returns
    -------
    y : ndarray
        Of x's shape and dtype.

    Raises
    ------
    ValueError
        If a shape does not fit, x has a single value for each channel in training, a running array is missing or cannot
        be written, or an option is wrong.
    TypeError
        If an array has a dtype that does not serve, or float dtypes are mixed.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift", ICML (2015), algorithms 1 and 2.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> x = np.array([[1.0, 10.0], [3.0, 10.0]])
    >>> gf.batch_norm(x, np.array([1.0, 8.0]), np.array([4.0, 1.0]), eps=0.0).tolist()
    [[0.0, 2.0], [1.0, 2.0]]
    """
    return _core.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)


def batch_norm_forward(
    x: ArrayLike,
    running_mean: FloatArray | None,
    running_var: FloatArray | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[FloatArray, _core.Cache]:
    """`batch_norm` for training: the output, and the cache that `batch_norm_backward` consumes.

    Parameters
    ----------
    x, running_mean, running_var, weight, bias, training, momentum, eps
        As in `batch_norm`. Do not write to the arrays before the backward call.

    Returns
    -------
    y : ndarray
        The bits that `batch_norm` gives.
    cache : Cache
        For one call of `batch_norm_backward`.

    Raises
    ------
    ValueError, TypeError
        As `batch_norm`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> mean, variance = np.zeros(1), np.ones(1)
    >>> y, cache = gf.batch_norm_forward(np.array([[1.0], [3.0]]), mean, variance, momentum=0.5, eps=0.0)
    >>> y.tolist(), mean.tolist(), variance.tolist()
    ([[-1.0], [1.0]], [1.0], [1.5])
    """
    return _core.batch_norm_forward(x, running_mean, running_var, weight, bias, training, momentum, eps)


def batch_norm_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x", "weight", "bias")
) -> NormalisationGrads:
    """Gradient of a loss L with respect to the inputs of `batch_norm_forward`, from dy = dL/dy.

    With the normalised values h = (x - mean) / sqrt(variance + eps) and sums over all axes but the channels'::

        dbias = sum(dy),  dweight = sum(dy * h)
        dx = weight / sqrt(variance + eps) * (dy - dbias / n - h * dweight / n)

    Where the forward call was not training, the moments do not depend on x: dx = weight / sqrt(variance + eps) * dy.

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `batch_norm_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x", "weight", "bias"}
        The gradients to compute.

    Returns
    -------
    grads : NormalisationGrads
        Named tuple of x, weight and bias, of their shapes.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        If dy or `needs` does not fit, the cache comes from another operation, or is used up.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.batch_norm_forward(np.array([[1.0], [3.0]]), None, None, np.ones(1))
    >>> grads = gf.batch_norm_backward(np.array([[1.0], [2.0]]), cache)
    >>> grads.x.round(4).tolist(), grads.weight.round(4).tolist(), grads.bias
    ([[-0.0], [0.0]], [1.0], None)
    """
    return NormalisationGrads(*_core.batch_norm_backward(dy, cache, needs))


def layer_norm(
    x: ArrayLike,
    normalized_shape: SupportsIndex | Sequence[SupportsIndex],
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    eps: float = 1e-5,
) -> FloatArray:
    """Normalise each sample over its last axes: y = (x - mean) / sqrt(variance + eps) * weight + bias.

    Mean and variance (divided by the number of elements) are taken over the last axes, of sizes `normalized_shape`.

    Parameters
    ----------
    x : array_like of shape (..., *normalized_shape)
        Float32 or float64.
    normalized_shape : int or sequence of int
        The sizes of the last axes; an int for the last one.
    weight, bias : array_like of shape normalized_shape, optional
        1 and 0 by default.
    eps : float
        Keeps the root from 0.

    Returns
    -------
    y : ndarray
        Of x's shape and dtype.

    Raises
    ------
    ValueError
        If the shapes do not fit, or eps is negative.
    TypeError
        If an array has a dtype that does not serve, or float dtypes are mixed.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", arXiv:1607.06450 (2016), equation 4.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.layer_norm(np.array([[1.0, 3.0], [10.0, 30.0]]), 2, eps=0.0).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    return _core.layer_norm(x, normalized_shape, weight, bias, eps)


def layer_norm_forward(
    x: ArrayLike,
    normalized_shape: SupportsIndex | Sequence[SupportsIndex],
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    eps: float = 1e-5,
) -> tuple[FloatArray, _core.Cache]:
    """`layer_norm` for training: the output, and the cache that `layer_norm_backward` consumes.

    Parameters
    ----------
    x, normalized_shape, weight, bias, eps
        As in `layer_norm`. Do not write to the arrays before the backward call.

    Returns
    -------
    y : ndarray
        The bits that `layer_norm` gives.
    cache : Cache
        For one call of `layer_norm_backward`.

    Raises
    ------
    ValueError, TypeError
        As `layer_norm`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.layer_norm_forward(np.array([1.0, 3.0]), 2, eps=0.0)
    >>> y.tolist()
    [-1.0, 1.0]
    """
    return _core.layer_norm_forward(x, normalized_shape, weight, bias, eps)


def layer_norm_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x", "weight", "bias")
) -> NormalisationGrads:
    """Gradient of a loss L with respect to the inputs of `layer_norm_forward`, from dy = dL/dy.

    With the normalised values h, g = dy * weight, and means over the last axes::

        dx = (g - mean(g) - h * mean(g * h)) / sqrt(variance + eps)

    and dweight = sum(dy * h), dbias = sum(dy) over all samples.

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `layer_norm_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x", "weight", "bias"}
        The gradients to compute.

    Returns
    -------
    grads : NormalisationGrads
        Named tuple of x, weight and bias, of their shapes.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        If dy or `needs` does not fit, the cache comes from another operation, or is used up.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.layer_norm_forward(np.array([[1.0, 3.0], [5.0, 1.0]]), 2, np.ones(2), np.zeros(2), eps=0.0)
    >>> grads = gf.layer_norm_backward(np.array([[1.0, 0.0], [1.0, 2.0]]), cache)
    >>> grads.weight.tolist(), grads.bias.tolist()
    ([0.0, -2.0], [2.0, 2.0])
    """
    return NormalisationGrads(*_core.layer_norm_backward(dy, cache, needs))
