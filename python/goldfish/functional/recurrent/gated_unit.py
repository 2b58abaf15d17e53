"""Gated recurrent units over whole sequences: `gru` and its gradient."""

from goldfish import _core
from goldfish._typing import ArrayLike, FloatArray
from goldfish.functional.recurrent.grads import RNNGrads


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
