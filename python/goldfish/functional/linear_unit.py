"""Linear units, rectified and smoothed: `leaky_relu`, `gelu`, `silu` and their gradients."""

from typing import Literal

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray
from goldfish.functional.activation import ActivationGrads


def leaky_relu(x: ArrayLike, negative_slope: float = 0.01) -> FloatArray:
    """Take the positive part of each element and a share of the negative one: y = x if x > 0 else negative_slope * x.

    NaN stays NaN.

    Parameters
    ----------
    x : array_like of any shape
        Float32 or float64; integers and bools become float64. Memory that is not contiguous is copied once.
    negative_slope : float
        The slope below 0.

    Returns
    -------
    y : ndarray
        Of x's shape and dtype.

    Raises
    ------
    TypeError
        If x is neither float32, float64, integer nor bool, or `negative_slope` is no number.

    References
    ----------
    A. L. Maas, A. Y. Hannun and A. Y. Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML
    (2013), equation 2.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.leaky_relu(np.array([-2.0, 0.0, 3.0]), 0.25).tolist()
    [-0.5, 0.0, 3.0]
    """
    return _core.leaky_relu(x, negative_slope)


def leaky_relu_forward(x: ArrayLike, negative_slope: float = 0.01) -> tuple[FloatArray, _core.Cache]:
    """`leaky_relu` for training: the output, and the cache that `leaky_relu_backward` consumes.

    Parameters
    ----------
    x, negative_slope
        As in `leaky_relu`. Do not write to the arrays before the backward call.

    Returns
    -------
    y : ndarray
        The bits that `leaky_relu` gives.
    cache : Cache
        For one call of `leaky_relu_backward`.

    Raises
    ------
    TypeError
        As `leaky_relu`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.leaky_relu_forward(np.array([-2.0, 3.0]))
    >>> y.tolist()
    [-0.02, 3.0]
    """
    return _core.leaky_relu_forward(x, negative_slope)


def leaky_relu_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> ActivationGrads:
    """Gradient of a loss L with respect to the input of `leaky_relu_forward`, from dy = dL/dy.

    dx = dy where x > 0, else negative_slope * dy: at the kink the slope is the lower one, as in PyTorch.

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `leaky_relu_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.leaky_relu_forward(np.array([-2.0, 3.0]), 0.25)
    >>> gf.leaky_relu_backward(np.array([8.0, 8.0]), cache).x.tolist()
    [2.0, 8.0]
    """
    return ActivationGrads(*_core.leaky_relu_backward(dy, cache, needs))


def gelu(x: ArrayLike, *, approximate: Literal["none", "tanh"] = "none") -> FloatArray:
    """Multiply each element by the normal distribution of it: y = x * Phi(x).

    Phi(x) = (1 + erf(x / sqrt(2))) / 2. The approximation "tanh" takes
    (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2 instead, which differs from it by at most 5e-4. NaN stays NaN;
    -inf gives -0.0, the limit, where the product of the formula would be NaN.

    Parameters
    ----------
    x : array_like of any shape
        Float32 or float64; integers and bools become float64. Memory that is not contiguous is copied once.
    approximate : {"none", "tanh"}
        The exact distribution (by default, as in PyTorch), or its approximation.

    Returns
    -------
    y : ndarray
        Of x's shape and dtype.

    Raises
    ------
    TypeError
        If x is neither float32, float64, integer nor bool.
    ValueError
        If `approximate` is unknown.

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415 (2016), section 2.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.gelu(np.array([-1.0, 0.0, 1.0])).round(4).tolist()
    [-0.1587, 0.0, 0.8413]
    """
    return _core.gelu(x, approximate)


def gelu_forward(x: ArrayLike, *, approximate: Literal["none", "tanh"] = "none") -> tuple[FloatArray, _core.Cache]:
    """`gelu` for training: the output, and the cache that `gelu_backward` consumes.

    Parameters
    ----------
    x, approximate
        As in `gelu`. Do not write to the arrays before the backward call.

    Returns
    -------
    y : ndarray
        The bits that `gelu` gives.
    cache : Cache
        For one call of `gelu_backward`.

    Raises
    ------
    ValueError, TypeError
        As `gelu`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.gelu_forward(np.array([1.0]))
    >>> y.round(4).tolist()
    [0.8413]
    """
    return _core.gelu_forward(x, approximate)


def gelu_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> ActivationGrads:
    """Gradient of a loss L with respect to the input of `gelu_forward`, from dy = dL/dy.

    dx = dy * (Phi(x) + x * exp(-x**2 / 2) / sqrt(2 * pi)), or the derivative of the approximation.

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `gelu_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.gelu_forward(np.array([0.0, 1.0]))
    >>> gf.gelu_backward(np.array([1.0, 1.0]), cache).x.round(4).tolist()
    [0.5, 1.0833]
    """
    return ActivationGrads(*_core.gelu_backward(dy, cache, needs))


def silu(x: ArrayLike) -> FloatArray:
    """Multiply each element by its sigmoid: y = x / (1 + exp(-x)).

    Also called swish. NaN stays NaN; -inf gives -0.0, the limit, where the quotient of the formula would be NaN.

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

    References
    ----------
    S. Elfwing, E. Uchibe and K. Doya, "Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning", Neural Networks 107 (2018), equation 5.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.silu(np.array([-1.0, 0.0, 1.0])).round(4).tolist()
    [-0.2689, 0.0, 0.7311]
    """
    return _core.silu(x)


def silu_forward(x: ArrayLike) -> tuple[FloatArray, _core.Cache]:
    """`silu` for training: the output, and the cache that `silu_backward` consumes.

    Parameters
    ----------
    x
        As in `silu`.

    Returns
    -------
    y : ndarray
        The bits that `silu` gives.
    cache : Cache
        For one call of `silu_backward`.

    Raises
    ------
    TypeError
        As `silu`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.silu_forward(np.array([1.0]))
    >>> y.round(4).tolist()
    [0.7311]
    """
    return _core.silu_forward(x)


def silu_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> ActivationGrads:
    """Gradient of a loss L with respect to the input of `silu_forward`, from dy = dL/dy.

    dx = dy * s * (1 + x * (1 - s)) with s = sigmoid(x).

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `silu_forward`; consumed by the first call that succeeds.
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
    >>> y, cache = gf.silu_forward(np.array([0.0, 1.0]))
    >>> gf.silu_backward(np.array([1.0, 1.0]), cache).x.round(4).tolist()
    [0.5, 0.9277]
    """
    return ActivationGrads(*_core.silu_backward(dy, cache, needs))
