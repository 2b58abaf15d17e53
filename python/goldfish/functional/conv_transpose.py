"""Transposed convolution over one to three axes, the adjoint of `goldfish.functional.conv`, and its gradients."""

from typing import SupportsIndex

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray, Padding, PerAxis
from goldfish.functional.conv.grads import ConvGrads


def conv_transpose1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: SupportsIndex = 1,
    dilation: PerAxis = 1,
) -> FloatArray:
    """Spread sequences out with a bank of filters: the adjoint of `conv1d`.

    With p places cut off in front, stride s and dilation d, in one group::

        y[n, o, j] = bias[o] + sum over c and all i, k with i * s + k * d - p = j of x[n, c, i] * weight[c, o, k]


    Parameters
    ----------
    x : array_like of shape (N, C, W)
        As the images of `conv_transpose2d`.
    weight : array_like of shape (C, O / groups, K)
        Filters, of x's dtype: the layout of the convolution whose adjoint this is.
    bias : array_like of shape (O,), optional
        Added to every place of its output channel.
    stride, padding, output_padding, groups, dilation
        As in `conv_transpose2d`, with one number where it takes two; `padding` may be "causal", which cuts only the
        end, so that no output sees anything later than itself.

    Returns
    -------
    y : ndarray of shape (N, O, OW)
        With OW = (W - 1) * stride + dilation * (K - 1) + 1 + output_padding - before - after.

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.conv_transpose1d(np.array([[[1.0, 2, 3]]]), np.array([[[1.0, 1]]]), stride=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0, 3.0, 3.0]]]
    """
    return _core.conv_transpose(1, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose1d_forward(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: SupportsIndex = 1,
    dilation: PerAxis = 1,
) -> tuple[FloatArray, _core.Cache]:
    """`conv_transpose1d` for training: the output, and the cache that `conv_transpose1d_backward` consumes.

    Parameters
    ----------
    x, weight, bias, stride, padding, output_padding, groups, dilation
        As in `conv_transpose1d`. The cache keeps x and weight by reference: do not write to them before the backward
        call.

    Returns
    -------
    y : ndarray of shape (N, O, OW)
        The bits that `conv_transpose1d` gives.
    cache : Cache
        For one call of `conv_transpose1d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.conv_transpose1d_forward(np.ones((1, 3, 50)), np.ones((3, 5, 4)), stride=2, padding="same")
    >>> y.shape
    (1, 5, 100)
    """
    return _core.conv_transpose_forward(1, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose1d_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x", "weight", "bias")
) -> ConvGrads:
    """Gradients of a loss L with respect to the inputs of `conv_transpose1d_forward`, from dy = dL/dy.

    The sums are those of `conv_transpose2d_backward`, over one axis.

    Parameters
    ----------
    dy : array_like of shape (N, O, OW)
        Of y's shape and dtype.
    cache : Cache
        From `conv_transpose1d_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.conv_transpose1d_forward(np.array([[[1.0, 2]]]), np.array([[[1.0, 10]]]), np.zeros(1))
    >>> dx, dweight, dbias = gf.conv_transpose1d_backward(np.ones_like(y), cache)
    >>> dx.tolist(), dweight.tolist(), dbias.tolist()
    ([[[11.0, 11.0]]], [[[3.0, 3.0]]], [3.0])
    """
    return ConvGrads(*_core.conv_transpose_backward(1, dy, cache, needs))


def conv_transpose2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: SupportsIndex = 1,
    dilation: PerAxis = 1,
) -> FloatArray:
    """Spread images out with a bank of filters: the adjoint of `conv2d`.

    Every place of x adds its multiple of a filter to y. With places (p_h, p_w) cut off at the top left, stride
    (s_h, s_w) and dilation (d_h, d_w), in one group::

        y[n, o, h, w] = bias[o] + sum over c, i, j, k, l of x[n, c, i, j] * weight[c, o, k, l]

    over all terms with h = i * s_h + k * d_h - p_h and w = j * s_w + l * d_w - p_w. This is the gradient of a `conv2d`
    from y to x with the same weight and options: <conv2d(y), x> = <y, conv_transpose2d(x)> without a bias, for all x
    and y. It is no inverse. With `groups` = G, the g-th of G equal blocks of input channels reaches only the
    g-th block of output channels.


    Parameters
    ----------
    x : array_like of shape (N, C, H, W)
        Images, float32 or float64. Integers and bools take the dtype of the other arrays, float64 if none floats.
        Any strides; memory that is not contiguous is copied once.
    weight : array_like of shape (C, O / groups, KH, KW)
        Filters, of x's dtype: the layout of the convolution whose adjoint this is.
    bias : array_like of shape (O,), optional
        Added to every place of its output channel.
    stride : int or (int, int)
        Distance in y between what neighbouring places of x add.
    padding : int, (int, int), ((int, int), (int, int)) or {"valid", "same", "same_lower"}
        Places cut off y: the same on all sides, one number per axis, or (before, after) per axis. "valid" is none.
        "same" leaves H * stride rows, what a "same" convolution would map to H, with the odd place cut at the end;
        "same_lower" cuts it at the start.
    output_padding : int or (int, int)
        Places added at the end of y, less than stride or dilation. Several sizes of y give the same size of x under
        a convolution with a stride; this chooses among them.
    groups : int
        Number of independent blocks of channels.
    dilation : int or (int, int)
        Distance in y between neighbouring filter taps.

    Returns
    -------
    y : ndarray of shape (N, O, OH, OW)
        With OH = (H - 1) * stride + dilation * (KH - 1) + 1 + output_padding - before - after, and OW alike.

    Raises
    ------
    ValueError
        If a shape or an option does not fit; the message names the argument, what was expected and what came.
    TypeError
        If an array is neither float32, float64, integer nor bool, or float dtypes are mixed.

    References
    ----------
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285 (2016), section 4.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> x = np.array([[1.0, 2], [3, 4]])[None, None]
    >>> gf.conv_transpose2d(x, np.ones((1, 1, 2, 2)))[0, 0].tolist()
    [[1.0, 3.0, 2.0], [4.0, 10.0, 6.0], [3.0, 7.0, 4.0]]
    >>> gf.conv_transpose2d(x, np.ones((1, 1, 3, 3)), stride=2, padding=1, output_padding=1).shape
    (1, 1, 4, 4)
    """
    return _core.conv_transpose(2, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d_forward(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: SupportsIndex = 1,
    dilation: PerAxis = 1,
) -> tuple[FloatArray, _core.Cache]:
    """`conv_transpose2d` for training: the output, and the cache that `conv_transpose2d_backward` consumes.

    Parameters
    ----------
    x, weight, bias, stride, padding, output_padding, groups, dilation
        As in `conv_transpose2d`. The cache keeps x and weight by reference: do not write to them before the backward
        call.

    Returns
    -------
    y : ndarray of shape (N, O, OH, OW)
        The bits that `conv_transpose2d` gives.
    cache : Cache
        For one call of `conv_transpose2d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.conv_transpose2d_forward(np.ones((1, 3, 7, 7)), np.ones((3, 5, 4, 4)), stride=2, padding=1)
    >>> y.shape
    (1, 5, 14, 14)
    """
    return _core.conv_transpose_forward(2, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x", "weight", "bias")
) -> ConvGrads:
    """Gradients of a loss L with respect to the inputs of `conv_transpose2d_forward`, from dy = dL/dy.

    In the letters of `conv_transpose2d`::

        dx[n, c, i, j]      = sum of dy[n, o, h, w] * weight[c, o, k, l]
        dweight[c, o, k, l] = sum of dy[n, o, h, w] * x[n, c, i, j]
        dbias[o]            = sum of dy[n, o, h, w]

    over all terms with h = i * s_h + k * d_h - p_h and w = j * s_w + l * d_w - p_w; so dx is a `conv2d` of dy.

    Parameters
    ----------
    dy : array_like of shape (N, O, OH, OW)
        Of y's shape and dtype.
    cache : Cache
        From `conv_transpose2d_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.conv_transpose2d_forward(np.ones((1, 1, 2, 2)), np.full((1, 1, 2, 2), 3.0), stride=2)
    >>> dx, dweight, dbias = gf.conv_transpose2d_backward(np.ones_like(y), cache)
    >>> dx[0, 0].tolist(), dweight[0, 0].tolist(), dbias
    ([[12.0, 12.0], [12.0, 12.0]], [[4.0, 4.0], [4.0, 4.0]], None)
    """
    return ConvGrads(*_core.conv_transpose_backward(2, dy, cache, needs))


def conv_transpose3d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: SupportsIndex = 1,
    dilation: PerAxis = 1,
) -> FloatArray:
    """Spread volumes out with a bank of filters: the adjoint of `conv3d`.

    As `conv_transpose2d` with depth, or time, before height and width.

    Parameters
    ----------
    x : array_like of shape (N, C, D, H, W)
        As the images of `conv_transpose2d`.
    weight : array_like of shape (C, O / groups, KD, KH, KW)
        Filters, of x's dtype: the layout of the convolution whose adjoint this is.
    bias : array_like of shape (O,), optional
        Added to every place of its output channel.
    stride, padding, output_padding, groups, dilation
        As in `conv_transpose2d`, with three numbers, or pairs, where it takes two.

    Returns
    -------
    y : ndarray of shape (N, O, OD, OH, OW)
        With OD = (D - 1) * stride + dilation * (KD - 1) + 1 + output_padding - before - after, and the others alike.

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.conv_transpose3d(np.array([[[[[1.0, 2]]]]]), np.ones((1, 1, 2, 1, 1)), stride=(2, 1, 2)).ravel().tolist()
    [1.0, 0.0, 2.0, 1.0, 0.0, 2.0]
    """
    return _core.conv_transpose(3, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d_forward(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: SupportsIndex = 1,
    dilation: PerAxis = 1,
) -> tuple[FloatArray, _core.Cache]:
    """`conv_transpose3d` for training: the output, and the cache that `conv_transpose3d_backward` consumes.

    Parameters
    ----------
    x, weight, bias, stride, padding, output_padding, groups, dilation
        As in `conv_transpose3d`. The cache keeps x and weight by reference: do not write to them before the backward
        call.

    Returns
    -------
    y : ndarray of shape (N, O, OD, OH, OW)
        The bits that `conv_transpose3d` gives.
    cache : Cache
        For one call of `conv_transpose3d_backward`.

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.conv_transpose3d_forward(np.ones((1, 3, 4, 4, 4)), np.ones((3, 5, 2, 2, 2)), stride=2)
    >>> y.shape
    (1, 5, 8, 8, 8)
    """
    return _core.conv_transpose_forward(3, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x", "weight", "bias")
) -> ConvGrads:
    """Gradients of a loss L with respect to the inputs of `conv_transpose3d_forward`, from dy = dL/dy.

    The sums are those of `conv_transpose2d_backward`, over three axes.

    Parameters
    ----------
    dy : array_like of shape (N, O, OD, OH, OW)
        Of y's shape and dtype.
    cache : Cache
        From `conv_transpose3d_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.conv_transpose3d_forward(np.ones((1, 1, 1, 1, 2)), np.ones((1, 1, 1, 2, 2)), stride=2)
    >>> grads = gf.conv_transpose3d_backward(np.ones_like(y), cache)
    >>> grads.x.ravel().tolist(), grads.weight.ravel().tolist()
    ([4.0, 4.0], [2.0, 2.0, 2.0, 2.0])
    """
    return ConvGrads(*_core.conv_transpose_backward(3, dy, cache, needs))
