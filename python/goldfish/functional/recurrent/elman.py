"""Elman's recurrent layer over whole sequences: `rnn` and its gradient."""

from typing import Literal

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray
from goldfish.functional.recurrent.grads import RNNGrads


def rnn(
    x: ArrayLike,
    h_0: ArrayLike | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    *,
    nonlinearity: Literal["tanh", "relu"] = "tanh",
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Run Elman's recurrent layer over sequences.

    One step is::

        h_t = f(weight_ih x_t + bias_ih + weight_hh h_(t-1) + bias_hh),    y_t = h_t

    Parameters
    ----------
    x : array_like of shape (T, B, I), or of ints of shape (T, B)
        Sequences, float32 or float64, of any strides. Ints of shape (T, B) are category numbers from 0 to I - 1 and
        mean their one-hot encoding, which is never built.
    h_0 : array_like of shape (B, H) or None
        Initial state; None is zeros.
    weight_ih, weight_hh : array_like of shape (H, I) and (H, H)
        Weights from the input and from the previous state.
    bias_ih, bias_hh : array_like of shape (H,), optional
        Zeros by default.
    nonlinearity : {"tanh", "relu"}
        The function f.
    lengths : array_like of int of shape (B,), optional
        Steps of each sequence, from 0 to T; all T by default. Outputs past a sequence's end are zero, its final state
        is the state at its own end (for length 0 the initial state), and what x holds there does not matter.
    reverse : bool
        Run from each sequence's last step to its first. y[t] still belongs to x[t]; the final state follows x[0].

    Returns
    -------
    y : ndarray of shape (T, B, H)
        The state after each step.
    h_n : ndarray of shape (B, H)
        The final state.

    Raises
    ------
    ValueError
        If a shape, a length, a category or an option does not fit; the message names the argument, what was expected
        and what came.
    TypeError
        If an array has a dtype that does not serve, or float dtypes are mixed.

    References
    ----------
    J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990).

    Examples
    --------
    A unit that adds up its inputs:

    >>> import numpy as np, goldfish as gf
    >>> x = np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    >>> y, h_n = gf.rnn(x, None, np.ones((1, 1)), np.ones((1, 1)), nonlinearity="relu")
    >>> y.ravel().tolist(), h_n.tolist()
    ([1.0, 3.0, 6.0], [[6.0]])
    """
    return _core.rnn(x, h_0, weight_ih, weight_hh, bias_ih, bias_hh, nonlinearity, lengths, reverse)


def rnn_forward(
    x: ArrayLike,
    h_0: ArrayLike | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    *,
    nonlinearity: Literal["tanh", "relu"] = "tanh",
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[FloatArray, FloatArray, _core.Cache]:
    """`rnn` for training: its outputs, and the cache that `rnn_backward` consumes.

    Parameters
    ----------
    x, h_0, weight_ih, weight_hh, bias_ih, bias_hh, nonlinearity, lengths, reverse
        As in `rnn`. Do not write to the arrays before the backward call.

    Returns
    -------
    y : ndarray of shape (T, B, H)
        The bits that `rnn` gives.
    h_n : ndarray of shape (B, H)
        The final state.
    cache : Cache
        For one call of `rnn_backward`.

    Raises
    ------
    ValueError, TypeError
        As `rnn`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, h_n, cache = gf.rnn_forward(np.ones((5, 2, 3)), None, np.ones((4, 3)), np.ones((4, 4)))
    >>> y.shape, h_n.shape
    ((5, 2, 4), (2, 4))
    """
    return _core.rnn_forward(x, h_0, weight_ih, weight_hh, bias_ih, bias_hh, nonlinearity, lengths, reverse)


def rnn_backward(
    dy: ArrayLike | None,
    dstate_n: ArrayLike | None,
    cache: _core.Cache,
    *,
    needs: tuple[str, ...] = ("x", "h_0", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
) -> RNNGrads:
    """Gradients of a loss L with respect to the inputs of `rnn_forward`: backpropagation through time.

    From the last step to the first, with dh the gradient that reaches h_t from y_t and from the step after it::

        dz_t = dh * f'(z_t),    dx_t = weight_ih^T dz_t,    dh_(t-1) = weight_hh^T dz_t
        dweight_ih = sum of dz_t x_t^T,    dweight_hh = sum of dz_t h_(t-1)^T,    both biases: sum of dz_t

    Parameters
    ----------
    dy : array_like of shape (T, B, H) or None
        dL/dy; None is zeros. What it holds past a sequence's end does not matter.
    dstate_n : array_like of shape (B, H) or None
        dL/dh_n, on top of dy; None is zeros.
    cache : Cache
        From `rnn_forward`; consumed by the first call that succeeds.
    needs : tuple of str
        The gradients to compute, by the names of the fields.

    Returns
    -------
    grads : RNNGrads
        Named tuple of x, h_0, weight_ih, weight_hh, bias_ih, bias_hh, each of its argument's shape. None if not
        needed, if the argument was not given, or for an x of category numbers.

    Raises
    ------
    ValueError
        If dy or dstate_n has another shape than y or h_n, or `needs` holds another name.
    TypeError
        If they have another dtype, or the cache comes from another operation.
    RuntimeError
        If the cache is used up.

    Examples
    --------
    How much of the first input reaches the fifth step through a feedback of 2:

    >>> import numpy as np, goldfish as gf
    >>> weights = np.ones((1, 1)), np.full((1, 1), 2.0)
    >>> y, h_n, cache = gf.rnn_forward(np.ones((5, 1, 1)), None, *weights, nonlinearity="relu")
    >>> gf.rnn_backward(None, np.ones((1, 1)), cache).x.ravel().tolist()
    [16.0, 8.0, 4.0, 2.0, 1.0]
    """
    return RNNGrads(*_core.rnn_backward(dy, dstate_n, cache, needs))
