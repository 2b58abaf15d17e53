"""Convolution of volumes: `conv3d` and its gradient."""

from typing import SupportsIndex

from goldfish import _core
from goldfish._typing import Algorithm, ArrayLike, FloatArray, Padding, PerAxis
from goldfish.functional.conv.grads import ConvGrads


def conv3d(
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
    """Cross-correlate volumes, or clips of images, with a bank of filters.

    As `conv2d` with depth, or time, before height and width::

        y[n, o, h, i, j] = bias[o] + sum over c, m, k, l of weight[o, c, m, k, l] *
            x[n, c, h * s_d + m * d_d - p_d, i * s_h + k * d_h - p_h, j * s_w + l * d_w - p_w]


    Parameters
    ----------
    x : array_like of shape (N, C, D, H, W)
        As the images of `conv2d`.
    weight : array_like of shape (O, C / groups, KD, KH, KW)
        Filters, of x's dtype.
    bias : array_like of shape (O,), optional
        Added to every place of its output channel.
    stride, padding
        As in `conv2d`, with three numbers, or pairs, where it takes two.
    dilation, groups, algorithm
        As in `conv2d`.
    out : ndarray of shape (N, O, OD, OH, OW), optional
        As in `conv2d`.

    Returns
    -------
    y : ndarray of shape (N, O, OD, OH, OW)
        Each size is `conv_output_size`'s.

    Raises
    ------
    ValueError, TypeError
        As `conv2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> clip = np.zeros((1, 1, 4, 5, 5))
    >>> clip[0, 0, 2] = 1  # a flash in the third frame
    >>> change = np.array([-1.0, 1]).reshape(1, 1, 2, 1, 1)
    >>> gf.conv3d(clip, change)[0, 0, :, 0, 0].tolist()
    [0.0, 1.0, -1.0]
    """
    return _core.conv(3, x, weight, bias, stride, padding, dilation, groups, algorithm, out)


def conv3d_forward(
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
    """`conv3d` for training: the output, and the cache that `conv3d_backward` consumes.

    Parameters
    ----------
    x, weight, bias, stride, padding, dilation, groups, algorithm, out
        As in `conv3d`. The cache keeps x and weight by reference: do not write to them before the backward call.

    Returns
    -------
    y : ndarray of shape (N, O, OD, OH, OW)
        The bits that `conv3d` gives.
    cache : Cache
        For one call of `conv3d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `conv2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.conv3d_forward(np.ones((1, 3, 8, 8, 8)), np.ones((5, 3, 3, 3, 3)), stride=(1, 2, 2), padding=1)
    >>> y.shape
    (1, 5, 8, 4, 4)
    """
    return _core.conv_forward(3, x, weight, bias, stride, padding, dilation, groups, algorithm, out)


def conv3d_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x", "weight", "bias")
) -> ConvGrads:
    """Gradients of a loss L with respect to the inputs of `conv3d_forward`, from dy = dL/dy.

    The sums are those of `conv2d_backward`, over three axes.

    Parameters
    ----------
    dy : array_like of shape (N, O, OD, OH, OW)
        Of y's shape and dtype.
    cache : Cache
        From `conv3d_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.conv3d_forward(np.ones((1, 1, 2, 2, 2)), np.full((1, 1, 2, 2, 2), 3.0), np.ones(1))
    >>> grads = gf.conv3d_backward(np.full_like(y, 2), cache)
    >>> grads.x.ravel().tolist(), grads.bias.tolist()
    ([6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0], [2.0])
    """
    return ConvGrads(*_core.conv_backward(3, dy, cache, needs))
