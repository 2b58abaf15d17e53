"""Recurrent layers: `rnn`, `lstm`, `gru` over whole sequences, and backpropagation through time.

Time comes first: x is (T, B, I) with T steps, B sequences and I inputs; states are (B, H). One layer, one direction;
gate order, weight layout and the two biases are PyTorch's.
"""

from typing import Literal, NamedTuple, TypeAlias

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray

LSTMState: TypeAlias = tuple[ArrayLike | None, ArrayLike | None]


class RNNGrads(NamedTuple):
    """Gradients of a loss with respect to the arguments of `rnn` or `gru`; None where not needed or not given."""

    x: FloatArray | None
    h_0: FloatArray | None
    weight_ih: FloatArray | None
    weight_hh: FloatArray | None
    bias_ih: FloatArray | None
    bias_hh: FloatArray | None


class LSTMGrads(NamedTuple):
    """Gradients of a loss with respect to the arguments of `lstm`; None where not needed or not given."""

    x: FloatArray | None
    h_0: FloatArray | None
    c_0: FloatArray | None
    weight_ih: FloatArray | None
    weight_hh: FloatArray | None
    bias_ih: FloatArray | None
    bias_hh: FloatArray | None
    peepholes: FloatArray | None


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


def gru(
    x: ArrayLike,
    h_0: ArrayLike | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    *,
    reset_after: bool = True,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Run the gated recurrent unit over sequences.

    One step is::

        r = sigmoid(W_r x_t + b_r + U_r h_(t-1) + d_r)
        z = sigmoid(W_z x_t + b_z + U_z h_(t-1) + d_z)
        n = tanh(W_n x_t + b_n + r * (U_n h_(t-1) + d_n))      if reset_after
        n = tanh(W_n x_t + b_n + U_n (r * h_(t-1)) + d_n)      otherwise
        h_t = (1 - z) * n + z * h_(t-1),    y_t = h_t

    where W, U, b, d stack the gates in the order r, z, n as rows of weight_ih, weight_hh, bias_ih, bias_hh.

    Parameters
    ----------
    x : array_like of shape (T, B, I), or of ints of shape (T, B)
        As in `rnn`.
    h_0 : array_like of shape (B, H) or None
        Initial state; None is zeros.
    weight_ih, weight_hh : array_like of shape (3 H, I) and (3 H, H)
        Weights from the input and from the previous state.
    bias_ih, bias_hh : array_like of shape (3 H,), optional
        Zeros by default.
    reset_after : bool
        True is the unit of PyTorch and Keras; False that of the paper, and ONNX's default.
    lengths, reverse
        As in `rnn`.

    Returns
    -------
    y : ndarray of shape (T, B, H)
        The state after each step.
    h_n : ndarray of shape (B, H)
        The final state.

    Raises
    ------
    ValueError, TypeError
        As `rnn`.

    References
    ----------
    K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    EMNLP (2014), arXiv:1406.1078; version 1 has reset_after=True, version 3 False.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, h_n = gf.gru(np.zeros((3, 1, 2)), np.array([[8.0]]), np.zeros((3, 2)), np.zeros((3, 1)))
    >>> y.ravel().tolist()  # with weights of zero, z is 1/2 and n is 0
    [4.0, 2.0, 1.0]
    """
    return _core.gru(x, h_0, weight_ih, weight_hh, bias_ih, bias_hh, reset_after, lengths, reverse)


def gru_forward(
    x: ArrayLike,
    h_0: ArrayLike | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    *,
    reset_after: bool = True,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[FloatArray, FloatArray, _core.Cache]:
    """`gru` for training: its outputs, and the cache that `gru_backward` consumes.

    Parameters
    ----------
    x, h_0, weight_ih, weight_hh, bias_ih, bias_hh, reset_after, lengths, reverse
        As in `gru`. Do not write to the arrays before the backward call.

    Returns
    -------
    y : ndarray of shape (T, B, H)
        The bits that `gru` gives.
    h_n : ndarray of shape (B, H)
        The final state.
    cache : Cache
        For one call of `gru_backward`.

    Raises
    ------
    ValueError, TypeError
        As `gru`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, h_n, cache = gf.gru_forward(np.ones((5, 2, 3)), None, np.ones((12, 3)), np.ones((12, 4)))
    >>> y.shape, h_n.shape
    ((5, 2, 4), (2, 4))
    """
    return _core.gru_forward(x, h_0, weight_ih, weight_hh, bias_ih, bias_hh, reset_after, lengths, reverse)


def gru_backward(
    dy: ArrayLike | None,
    dstate_n: ArrayLike | None,
    cache: _core.Cache,
    *,
    needs: tuple[str, ...] = ("x", "h_0", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
) -> RNNGrads:
    """Gradients of a loss L with respect to the inputs of `gru_forward`: backpropagation through time.

    Parameters
    ----------
    dy, dstate_n, cache, needs
        As in `rnn_backward`; the cache from `gru_forward`.

    Returns
    -------
    grads : RNNGrads
        Named tuple of x, h_0, weight_ih, weight_hh, bias_ih, bias_hh, as `rnn_backward` gives them.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `rnn_backward`.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> y, h_n, cache = gf.gru_forward(np.zeros((3, 1, 2)), np.zeros((1, 1)), np.zeros((3, 2)), np.zeros((3, 1)))
    >>> gf.gru_backward(None, np.ones((1, 1)), cache).h_0.tolist()
    [[0.125]]
    """
    return RNNGrads(*_core.gru_backward(dy, dstate_n, cache, needs))
