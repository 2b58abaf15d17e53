"""Dense layers' operations: `linear`, `embedding`, `dropout` and their gradients."""

from collections.abc import Callable
from typing import NamedTuple, SupportsIndex, TypeVar

import numpy as np

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray, Rng

_Result = TypeVar("_Result")


class LinearGrads(NamedTuple):
    """Gradients of a loss with respect to the arguments of `linear`; None where not needed or not given."""

    x: FloatArray | None
    weight: FloatArray | None
    bias: FloatArray | None


class EmbeddingGrads(NamedTuple):
    """Gradient of a loss with respect to the table of `embedding`; None where not needed."""

    weight: FloatArray | None


class DropoutGrads(NamedTuple):
    """Gradient of a loss with respect to the input of `dropout`; None where not needed."""

    x: FloatArray | None


def linear(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> FloatArray:
    """Map the last axis: y = x weight^T + bias.

    Parameters
    ----------
    x : array_like of shape (..., I)
        Float32 or float64. Integers and bools take the dtype of the other arrays, float64 if none floats. Memory
        that is not contiguous is copied once.
    weight : array_like of shape (O, I)
        Of x's dtype.
    bias : array_like of shape (O,), optional
        Of x's dtype.

    Returns
    -------
    y : ndarray of shape (..., O)
        ``y[..., o] = bias[o] + sum over i of x[..., i] * weight[o, i]``.

    Raises
    ------
    ValueError
        If the shapes do not fit; the message names the argument, what was expected and what came.
    TypeError
        If an array is neither float32, float64, integer nor bool, or float dtypes are mixed.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> gf.linear(np.array([[1.0, 2.0]]), np.array([[1.0, 1.0], [3.0, -1.0]]), np.array([0.5, 0.0])).tolist()
    [[3.5, 1.0]]
    """
    return _core.linear(x, weight, bias)


def linear_forward(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> tuple[FloatArray, _core.Cache]:
    """`linear` for training: the output, and the cache that `linear_backward` consumes.

    Parameters
    ----------
    x, weight, bias
        As in `linear`. The cache keeps x and weight by reference: do not write to them before the backward call.

    Returns
    -------
    y : ndarray of shape (..., O)
        The bits that `linear` gives.
    cache : Cache
        For one call of `linear_backward`.

    Raises
    ------
    ValueError, TypeError
        As `linear`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.linear_forward(np.ones((2, 3)), np.ones((4, 3)))
    >>> y.shape
    (2, 4)
    """
    return _core.linear_forward(x, weight, bias)


def linear_backward(
    dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x", "weight", "bias")
) -> LinearGrads:
    """Gradients of a loss L with respect to the inputs of `linear_forward`, from dy = dL/dy.

    dx = dy weight, dweight = dy^T x and dbias = sum of dy, the last two over all leading axes.

    Parameters
    ----------
    dy : array_like of shape (..., O)
        Of y's shape and dtype.
    cache : Cache
        From `linear_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x", "weight", "bias"}
        The gradients to compute.

    Returns
    -------
    grads : LinearGrads
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
    >>> y, cache = gf.linear_forward(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.zeros(1))
    >>> dx, dweight, dbias = gf.linear_backward(np.array([[10.0]]), cache)
    >>> dx.tolist(), dweight.tolist(), dbias.tolist()
    ([[30.0, 40.0]], [[10.0, 20.0]], [10.0])
    """
    return LinearGrads(*_core.linear_backward(dy, cache, needs))


def embedding(ids: ArrayLike, weight: ArrayLike, padding_idx: SupportsIndex | None = None) -> FloatArray:
    """Look up rows of a table by number: y[...] = weight[ids[...]].

    Parameters
    ----------
    ids : array_like of int of shape (...)
        Row numbers, from 0 up to V - 1.
    weight : array_like of shape (V, D)
        The table, float32 or float64. Memory that is not contiguous is copied once.
    padding_idx : int, optional
        A row that gets no gradient; its values are looked up like any other's. A negative number counts from the end.

    Returns
    -------
    y : ndarray of shape (..., D)
        Of weight's dtype.

    Raises
    ------
    ValueError
        If a number in `ids` or `padding_idx` is not a row of the table.
    TypeError
        If `ids` does not hold integers, or weight is neither float32, float64, integer nor bool.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> table = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]])
    >>> gf.embedding(np.array([2, 1, 2]), table).tolist()
    [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]
    """
    return _core.embedding(ids, weight, padding_idx)


def embedding_forward(
    ids: ArrayLike, weight: ArrayLike, padding_idx: SupportsIndex | None = None
) -> tuple[FloatArray, _core.Cache]:
    """`embedding` for training: the output, and the cache that `embedding_backward` consumes.

    Parameters
    ----------
    ids, weight, padding_idx
        As in `embedding`. Do not write to `ids` before the backward call.

    Returns
    -------
    y : ndarray of shape (..., D)
        The bits that `embedding` gives.
    cache : Cache
        For one call of `embedding_backward`.

    Raises
    ------
    ValueError, TypeError
        As `embedding`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.embedding_forward(np.array([[0, 1]]), np.ones((2, 5)))
    >>> y.shape
    (1, 2, 5)
    """
    return _core.embedding_forward(ids, weight, padding_idx)


def embedding_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("weight",)) -> EmbeddingGrads:
    """Gradient of a loss L with respect to the table of `embedding_forward`, from dy = dL/dy.

    dweight[v] is the sum of dy over the places where ids = v, taken in the order of the places; zero for `padding_idx`.

    Parameters
    ----------
    dy : array_like of shape (..., D)
        Of y's shape and dtype.
    cache : Cache
        From `embedding_forward`; consumed by the first call that succeeds.
    needs : tuple of {"weight"}
        The gradients to compute.

    Returns
    -------
    grads : EmbeddingGrads
        Named tuple of weight, dense, of shape (V, D).

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
    >>> y, cache = gf.embedding_forward(np.array([2, 1, 2]), np.ones((3, 1)))
    >>> gf.embedding_backward(np.array([[1.0], [10.0], [100.0]]), cache).weight.tolist()
    [[0.0], [10.0], [101.0]]
    """
    return EmbeddingGrads(*_core.embedding_backward(dy, cache, needs))


def dropout(x: ArrayLike, p: float = 0.5, training: bool = False, *, rng: Rng = None) -> FloatArray:
    """Set each element to zero with probability p and divide the others by 1 - p; copy x unless training.

    One 64-bit key is drawn from `rng`; whether an element is dropped is a function of the key and the element's number
    alone (a counter-based generator), so the result does not depend on the number of threads.

    Parameters
    ----------
    x : array_like of any shape
        Float32 or float64; integers and bools become float64. Memory that is not contiguous is copied once.
    p : float
        Probability of dropping an element, from 0 to 1.
    training : bool
        Whether to drop anything at all.
    rng : int, numpy.random.Generator or None
        Seed or source of the key. A call that fails leaves a Generator as it was.

    Returns
    -------
    y : ndarray
        Of x's shape and dtype.

    Raises
    ------
    ValueError
        If p lies outside [0, 1] or a seed is negative.
    TypeError
        If x is neither float32, float64, integer nor bool, or `rng` is of another type.

    References
    ----------
    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014).
    J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11 (2011): the generator, Philox.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y = gf.dropout(np.ones(1000), 0.25, training=True, rng=0)
    >>> sorted(set(y.round(3).tolist()))
    [0.0, 1.333]
    >>> bool((gf.dropout(np.ones(1000), 0.25) == 1).all())
    True
    """
    return _with_key("dropout", _core.dropout, x, p, training, rng)


def dropout_forward(
    x: ArrayLike, p: float = 0.5, training: bool = True, *, rng: Rng = None
) -> tuple[FloatArray, _core.Cache]:
    """`dropout` for training (which it does by default): the output, and the cache for `dropout_backward`.

    Parameters
    ----------
    x, p, training, rng
        As in `dropout`.

    Returns
    -------
    y : ndarray
        The bits that `dropout` gives with the same rng and training.
    cache : Cache
        For one call of `dropout_backward`; it holds the key, not the mask.

    Raises
    ------
    ValueError, TypeError
        As `dropout`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, cache = gf.dropout_forward(np.ones((2, 3)), 1.0, rng=0)
    >>> y.tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return _with_key("dropout_forward", _core.dropout_forward, x, p, training, rng)


def dropout_backward(dy: ArrayLike, cache: _core.Cache, *, needs: tuple[str, ...] = ("x",)) -> DropoutGrads:
    """Gradient of a loss L with respect to the input of `dropout_forward`, from dy = dL/dy.

    dx = dy / (1 - p) where the element was kept, else 0.

    Parameters
    ----------
    dy : array_like
        Of y's shape and dtype.
    cache : Cache
        From `dropout_forward`; consumed by the first call that succeeds.
    needs : tuple of {"x"}
        The gradients to compute.

    Returns
    -------
    grads : DropoutGrads
        Named tuple of x, of x's shape.

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
    >>> y, cache = gf.dropout_forward(np.ones(100), 0.5, rng=0)
    >>> np.array_equal(gf.dropout_backward(np.ones(100), cache).x, y)
    True
    """
    return DropoutGrads(*_core.dropout_backward(dy, cache, needs))


def _with_key(
    function: str,
    kernel: Callable[[ArrayLike, float, bool, int | None], _Result],
    x: ArrayLike,
    p: float,
    training: bool,
    rng: Rng,
) -> _Result:
    """Call the kernel with a key drawn from `rng`; a failed call puts the generator back."""
    if not training:
        return kernel(x, p, training, None)
    generator = _generator(function, rng)
    state = generator.bit_generator.state
    try:
        return kernel(x, p, training, int(generator.integers(2**64, dtype=np.uint64)))
    except BaseException:
        generator.bit_generator.state = state
        raise


def _generator(function: str, rng: Rng) -> "np.random.Generator":
    if not isinstance(rng, int | np.integer | np.random.Generator | None):
        raise TypeError(f"{function}: rng must be an int, a numpy.random.Generator or None, got {type(rng).__name__}")
    if isinstance(rng, int | np.integer) and rng < 0:
        raise ValueError(f"{function}: rng must be a seed of at least 0, got {rng}")
    return np.random.default_rng(rng)
