"""Convolution of sequences: `conv1d` and its gradient."""

from typing import SupportsIndex

from goldfish import _core
from goldfish._typing import Algorithm, ArrayLike, FloatArray, Padding, PerAxis
from goldfish.functional.conv.grads import ConvGrads


def conv1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: SupportsIndex = 1,
    *,
    algorithm: Algorithm = "auto",
    out: FloatArray | None = None,
) -> FloatArray:
    """Cross-correlate sequences with a bank of filters.

    With p zeros in front, stride s and dilation d, in one group::

        y[n, o, i] = bias[o] + sum over c, k of x[n, c, i * s + k * d - p] * weight[o, c, k]

    where x is zero outside its borders. `conv2d` describes groups, and everything else that is not said here.


    Parameters
    ----------
    x : array_like of shape (N, C, W)
        As the images of `conv2d`.
    weight : array_like of shape (O, C / groups, K)
        Filters, of x's dtype.
    bias : array_like of shape (O,), optional
        Added to every place of its output channel.
    stride : int
        Step between neighbouring windows.
    padding : int, ((int, int),) or {"valid", "same", "same_lower", "causal"}
        As in `conv2d`. "causal" puts all dilation * (K - 1) zeros in front, so that no output sees anything later than
        itself.
    dilation, groups, algorithm
        As in `conv2d`.
    out : ndarray of shape (N, O, OW), optional
        As in `conv2d`.

    Returns
    -------
    y : ndarray of shape (N, O, OW)
        With OW = floor((W + before + after - dilation * (K - 1) - 1) / stride) + 1.

    Raises
    ------
    ValueError, TypeError
        As `conv2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> prices = np.array([[[1.0, 2, 4, 8, 16]]])
    >>> gf.conv1d(prices, np.array([[[-1, 1]]])).tolist()
    [[[1.0, 2.0, 4.0, 8.0]]]
    >>> gf.conv1d(prices, np.array([[[-1, 1]]]), padding="causal", dilation=2).tolist()
    [[[1.0, 2.0, 3.0, 6.0, 12.0]]]
    """
    return _core.conv(1, x, weight, bias, stride, padding, dilation, groups, algorithm, out)


def conv1d_forward(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: SupportsIndex = 1,
    *,
    algorithm: Algorithm = "auto",
    out: FloatArray | None = None,
) -> tuple[FloatArray, _core.Cache]:
    """`conv1d` for training: the output, and the cache that `conv1d_backward` consumes.

    Parameters
    ----------
    x, weight, bias, stride, padding, dilation, groups, algorithm, out
        As in `conv1d`. The cache keeps x and weight by reference: do not write to them before the backward call.

    Returns
    -------
    y : ndarray of shape (N, O, OW)
        The bits that `conv1d` gives.
    cache : Cache
        For one call of `conv1d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `conv2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.conv1d_forward(np.ones((1, 3, 100)), np.ones((5, 3, 7)), stride=2, padding="same")
    >>> y.shape
    (1, 5, 50)
    """
    return _core.conv_forward(1, x, weight, bias, stride, padding, dilation, groups, algorithm, out)


def conv1d_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x", "weight", "bias")
) -> ConvGrads:
    """Gradients of a loss L with respect to the inputs of `conv1d_forward`, from dy = dL/dy.

    The sums are those of `conv2d_backward`, over one axis.

    Parameters
    ----------
    dy : array_like of shape (N, O, OW)
        Of y's shape and dtype.
    cache : Cache
        From `conv1d_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x", "weight", "bias"}
        The gradients to compute.

    Returns
    -------
    grads : ConvGrads
        Named tuple of x, weight and bias, each of its argument's shape; None if not needed or, for bias, not given.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `conv2d_backward`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.conv1d_forward(np.ones((1, 1, 4)), np.array([[[1.0, 10]]]))
    >>> dx, dweight, dbias = gf.conv1d_backward(np.ones_like(y), cache)
    >>> dx.tolist(), dweight.tolist(), dbias
    ([[[1.0, 11.0, 11.0, 10.0]]], [[[3.0, 3.0]]], None)
    """
    return ConvGrads(*_core.conv_backward(1, dy, cache, needs))
