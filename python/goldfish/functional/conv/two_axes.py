"""Convolution of planes: `conv2d` and its gradient."""

from typing import SupportsIndex

from goldfish import _core
from goldfish._typing import Algorithm, ArrayLike, FloatArray, Padding, PerAxis
from goldfish.functional.conv.grads import ConvGrads


def conv2d(
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
    """Cross-correlate images with a bank of filters.

    With top-left padding (p_h, p_w), stride (s_h, s_w) and dilation (d_h, d_w), in one group::

        y[n, o, i, j] = bias[o] + sum over c, k, l of
            x[n, c, i * s_h + k * d_h - p_h, j * s_w + l * d_w - p_w] * weight[o, c, k, l]

    where x is zero outside its borders. The filter is not flipped: signal processing calls this a correlation.
    With `groups` = G, the g-th of G equal blocks of output channels sees only the g-th block of input channels.

    Parameters
    ----------
    x : array_like of shape (N, C, H, W)
        Images, float32 or float64. Integers and bools take the dtype of the other arrays, float64 if none floats.
        Any strides; memory that is not contiguous is copied once.
    weight : array_like of shape (O, C / groups, KH, KW)
        Filters, of x's dtype.
    bias : array_like of shape (O,), optional
        Added to every pixel of its output channel.
    stride : int or (int, int)
        Step between neighbouring windows.
    padding : int, (int, int), ((int, int), (int, int)) or {"valid", "same", "same_lower"}
        Zeros around x: the same on all sides, one number per axis, or (before, after) per axis. "valid" is none.
        "same" gives ceil(H / stride) rows, with the odd zero after x (TensorFlow's rule); "same_lower" puts it before.
    dilation : int or (int, int)
        Distance between the pixels that neighbouring filter taps see.
    groups : int
        Number of independent blocks of channels; C for a depthwise convolution.
    algorithm : {"auto", "direct", "winograd", "fourier"}
        "auto" takes what `conv2d_algorithm` names. An algorithm that does not apply is an error.
    out : ndarray of shape (N, O, OH, OW), optional
        Written and returned instead of a new array. Exact shape and dtype, C-contiguous, no overlap with an input;
        its contents are undefined after an error.

    Returns
    -------
    y : ndarray of shape (N, O, OH, OW)
        With OH = floor((H + before + after - dilation * (KH - 1) - 1) / stride) + 1, and OW alike.

    Raises
    ------
    ValueError
        If a shape or an option does not fit; the message names the argument, what was expected and what came.
    TypeError
        If an array is neither float32, float64, integer nor bool, or float dtypes are mixed.

    See Also
    --------
    conv2d_forward, conv2d_backward : the same with a cache, and the gradients.
    conv_output_size : OH and OW without the arithmetic.

    References
    ----------
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285 (2016).

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> image = np.array([[1, 3, -2, 4], [0, 8, 6, 5], [2, 1, -9, 0], [4, -1, 3, 7]])
    >>> kernel = np.array([[1, 2], [-2, -1]])
    >>> gf.conv2d(image[None, None], kernel[None, None])[0, 0].tolist()
    [[-1.0, -23.0, -11.0], [11.0, 27.0, 34.0], [-3.0, -18.0, -22.0]]
    """
    return _core.conv(2, x, weight, bias, stride, padding, dilation, groups, algorithm, out)


def conv2d_forward(
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
    """`conv2d` for training: the output, and the cache that `conv2d_backward` consumes.

    Parameters
    ----------
    x, weight, bias, stride, padding, dilation, groups, algorithm, out
        As in `conv2d`. The cache keeps x and weight by reference: do not write to them before the backward call.

    Returns
    -------
    y : ndarray of shape (N, O, OH, OW)
        The bits that `conv2d` gives.
    cache : Cache
        For one call of `conv2d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `conv2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.conv2d_forward(np.ones((1, 3, 8, 8)), np.ones((5, 3, 3, 3)), padding="same")
    >>> y.shape
    (1, 5, 8, 8)
    """
    return _core.conv_forward(2, x, weight, bias, stride, padding, dilation, groups, algorithm, out)


def conv2d_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x", "weight", "bias")
) -> ConvGrads:
    """Gradients of a loss L with respect to the inputs of `conv2d_forward`, from dy = dL/dy.

    In the letters of `conv2d`::

        dx[n, c, h, w]     = sum of dy[n, o, i, j] * weight[o, c, k, l]
        dweight[o, c, k, l] = sum of dy[n, o, i, j] * x[n, c, h, w]
        dbias[o]           = sum of dy[n, o, i, j]

    over all terms with h = i * s_h + k * d_h - p_h and w = j * s_w + l * d_w - p_w.

    Parameters
    ----------
    dy : array_like of shape (N, O, OH, OW)
        Of y's shape and dtype.
    cache : Cache
        From `conv2d_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x", "weight", "bias"}
        The gradients to compute.

    Returns
    -------
    grads : ConvGrads
        Named tuple of x, weight and bias, each of its argument's shape; None if not needed or, for bias, not given.

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
    >>> y, cache = gf.conv2d_forward(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)))
    >>> dx, dweight, dbias = gf.conv2d_backward(np.ones_like(y), cache)
    >>> dx[0, 0].tolist(), dweight[0, 0].tolist(), dbias
    ([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]], [[4.0, 4.0], [4.0, 4.0]], None)
    """
    return ConvGrads(*_core.conv_backward(2, dy, cache, needs))
