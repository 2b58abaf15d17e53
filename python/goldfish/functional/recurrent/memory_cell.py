"""Long short-term memory over whole sequences: `lstm` and its gradient."""

from typing import TypeAlias

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray
from goldfish.functional.recurrent.grads import LSTMGrads

LSTMState: TypeAlias = tuple[ArrayLike | None, ArrayLike | None]


def lstm(
    x: ArrayLike,
    state: LSTMState | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    *,
    peepholes: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Run long short-term memory over sequences.

    One step is::

        i = sigmoid(W_i x_t + b_i + U_i h_(t-1) + d_i + p_i * c_(t-1))
        f = sigmoid(W_f x_t + b_f + U_f h_(t-1) + d_f + p_f * c_(t-1))
        g = tanh(W_g x_t + b_g + U_g h_(t-1) + d_g)
        c_t = f * c_(t-1) + i * g
        o = sigmoid(W_o x_t + b_o + U_o h_(t-1) + d_o + p_o * c_t)
        h_t = o * tanh(c_t),    y_t = h_t

    where W, U, b, d stack the gates in the order i, f, g, o as rows of weight_ih, weight_hh, bias_ih, bias_hh, and
    `peepholes` is p_i, p_f, p_o.

    Parameters
    ----------
    x : array_like of shape (T, B, I), or of ints of shape (T, B)
        As in `rnn`.
    state : pair of array_like of shape (B, H), or None
        (h_0, c_0); None, for either or for both, is zeros.
    weight_ih, weight_hh : array_like of shape (4 H, I) and (4 H, H)
        Weights from the input and from the previous state.
    bias_ih, bias_hh : array_like of shape (4 H,), optional
        Zeros by default.
    peepholes : array_like of shape (3, H), optional
        Weights from the cell to the gates i, f (before its update) and o (after it); none by default.
    lengths, reverse
        As in `rnn`.

    Returns
    -------
    y : ndarray of shape (T, B, H)
        The state h after each step.
    state_n : pair of ndarray of shape (B, H)
        The final (h_n, c_n).

    Raises
    ------
    ValueError, TypeError
        As `rnn`, and if `state` is not a pair.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997); F. A. Gers, J. Schmidhuber
    and F. Cummins, "Learning to forget", Neural Computation 12 (2000): the gate f; F. A. Gers and J. Schmidhuber,
    "Recurrent nets that time and count", IJCNN (2000): the peepholes.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> x, weight_ih, weight_hh = np.zeros((3, 1, 2)), np.zeros((4, 2)), np.zeros((4, 1))
    >>> y, (h_n, c_n) = gf.lstm(x, (None, np.array([[8.0]])), weight_ih, weight_hh)
    >>> c_n.tolist()  # with weights of zero, every gate is 1/2
    [[1.0]]
    """
    return _core.lstm(x, state, weight_ih, weight_hh, bias_ih, bias_hh, peepholes, lengths, reverse)


def lstm_forward(
    x: ArrayLike,
    state: LSTMState | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    *,
    peepholes: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[FloatArray, tuple[FloatArray, FloatArray], _core.Cache]:
    """`lstm` for training: its outputs, and the cache that `lstm_backward` consumes.

    Parameters
    ----------
    x, state, weight_ih, weight_hh, bias_ih, bias_hh, peepholes, lengths, reverse
        As in `lstm`. Do not write to the arrays before the backward call.

    Returns
    -------
    y : ndarray of shape (T, B, H)
        The bits that `lstm` gives.
    state_n : pair of ndarray of shape (B, H)
        The final (h_n, c_n).
    cache : Cache
        For one call of `lstm_backward`.

    Raises
    ------
    ValueError, TypeError
        As `lstm`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, (h_n, c_n), cache = gf.lstm_forward(np.ones((5, 2, 3)), None, np.ones((16, 3)), np.ones((16, 4)))
    >>> y.shape, h_n.shape, c_n.shape
    ((5, 2, 4), (2, 4), (2, 4))
    """
    return _core.lstm_forward(x, state, weight_ih, weight_hh, bias_ih, bias_hh, peepholes, lengths, reverse)


def lstm_backward(
    dy: ArrayLike | None,
    dstate_n: LSTMState | None,
    cache: _core.Cache,
    *,
    needs: tuple[str, ...] = ("x", "h_0", "c_0", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "peepholes"),
) -> LSTMGrads:
    """Gradients of a loss L with respect to the inputs of `lstm_forward`: backpropagation through time.

    Parameters
    ----------
    dy
        As in `rnn_backward`.
    dstate_n : pair of array_like of shape (B, H), or None
        (dL/dh_n, dL/dc_n), on top of dy; None, for either or for both, is zeros.
    cache, needs
        As in `rnn_backward`; the cache from `lstm_forward`.

    Returns
    -------
    grads : LSTMGrads
        Named tuple of x, h_0, c_0, weight_ih, weight_hh, bias_ih, bias_hh, peepholes, each of its argument's shape.
        None if not needed, if the argument was not given, or for an x of category numbers.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `rnn_backward`.

    Examples
    --------
    A cell remembers by its forget gate, here 1/2 at each of three steps:

    >>> import numpy as np, goldfish as gf
    >>> x, weight_ih, weight_hh = np.zeros((3, 1, 2)), np.zeros((4, 2)), np.zeros((4, 1))
    >>> y, state, cache = gf.lstm_forward(x, (None, np.zeros((1, 1))), weight_ih, weight_hh)
    >>> gf.lstm_backward(None, (None, np.ones((1, 1))), cache).c_0.tolist()
    [[0.125]]
    """
    return LSTMGrads(*_core.lstm_backward(dy, dstate_n, cache, needs))
