"""The recurrent layers: Elman's, long short-term memory, gated recurrent units."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from goldfish import functional
from goldfish._typing import Rng
from goldfish.nn.layer import Array
from goldfish.nn.recurrent.base import WEIGHTS, Parts, Recurrent, Tape, suffix_of


class RNN(Recurrent):
    """Elman's recurrent layer, h' = f(W_ih x + b_ih + W_hh h + b_hh), in `num_layers` layers.

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
        I, H and the number of layers; each layer reads the outputs of the one below.
    nonlinearity : {"tanh", "relu"}
        The function f.
    bias : bool
        Whether the two biases exist.
    batch_first : bool
        Whether x and y are (N, T, ...) or, as PyTorch's default, (T, N, ...). States are (layers * directions, N, H)
        always. Neither copies.
    dropout : float
        Probability of zeroing an element between two layers while training.
    bidirectional : bool
        Whether a second direction runs from the end; its outputs follow the first's on the last axis.
    output : {"sequence", "last"}
        All outputs, (N, T, H * directions), or the final states of the top layer, (N, H * directions).
    dtype : dtype
        float32 or float64.
    rng : int, Generator or None
        Source of the initial values, uniform within 1 / sqrt(hidden_size).

    Notes
    -----
    Call it with x of shape (N, T, I), or with category numbers (N, T), which mean their one-hot encoding. The state is
    an array h. ``lengths`` (N,) ends each sequence at its own length. Parameters are named as in PyTorch:
    ``weight_ih_l0``, ``weight_hh_l0``, ``bias_ih_l0``, ``bias_hh_l0``, ``weight_ih_l0_reverse``, ...

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> y, h = nn.RNN(3, 8, 2)(np.zeros((4, 10, 3), np.float32), return_state=True)
    >>> y.shape, h.shape
    ((4, 10, 8), (2, 4, 8))
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        *,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        output: Literal["sequence", "last"] = "sequence",
        dtype: DTypeLike = "float32",
        rng: Rng = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            output=output,
            dtype=dtype,
            rng=rng,
        )
        self.nonlinearity = nonlinearity

    @property
    def _kernel(self) -> tuple[str, Any]:
        return "rnn", self.nonlinearity

    def _cell(
        self, x: Array, state: Parts, suffix: str, lengths: ArrayLike | None, reverse: bool, tape: Tape | None
    ) -> tuple[Array, tuple[Array, ...]]:
        weights = [self.params.get(name + suffix) for name in WEIGHTS[:4]]
        arguments: tuple[Any, ...] = (x, state[0], *weights)
        options: dict[str, Any] = {"nonlinearity": self.nonlinearity, "lengths": lengths, "reverse": reverse}
        if tape is None:
            y, h_n = functional.rnn(*arguments, **options)
        else:
            y, h_n, cache = functional.rnn_forward(*arguments, **options)
            tape.append(cache)
        return y, (h_n,)

    def _cell_backward(self, dy: Array | None, dstate: Parts, cache: Any, needs: tuple[str, ...]) -> Any:
        return functional.rnn_backward(dy, dstate[0], cache, needs=needs)


class LSTM(Recurrent):
    """Long short-term memory in `num_layers` layers; see `goldfish.lstm` for the equations (gates i, f, g, o).

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, output, dtype, rng
        As in `RNN`.
    peepholes : bool
        Whether the gates see the cell; one parameter ``peepholes_l0`` (3, H) a layer and direction, zero at first.

    Notes
    -----
    As in `RNN`, but the state is a pair (h, c).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> y, (h, c) = nn.LSTM(65, 8, bidirectional=True)(np.zeros((4, 10), np.int64), return_state=True)
    >>> y.shape, h.shape, c.shape
    ((4, 10, 16), (2, 4, 8), (2, 4, 8))
    """

    gates = 4
    parts = 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        output: Literal["sequence", "last"] = "sequence",
        peepholes: bool = False,
        dtype: DTypeLike = "float32",
        rng: Rng = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            output=output,
            dtype=dtype,
            rng=rng,
        )
        self.peepholes = peepholes
        if peepholes:
            for level in range(num_layers):
                for direction in range(self.directions):
                    self._add(f"peepholes{suffix_of(level, direction)}", np.zeros((3, hidden_size), dtype))

    @property
    def _kernel(self) -> tuple[str, Any]:
        return "lstm", None

    def _cell(
        self, x: Array, state: Parts, suffix: str, lengths: ArrayLike | None, reverse: bool, tape: Tape | None
    ) -> tuple[Array, tuple[Array, ...]]:
        *weights, peepholes = (self.params.get(name + suffix) for name in WEIGHTS)
        arguments: tuple[Any, ...] = (x, state, *weights)
        options: dict[str, Any] = {"peepholes": peepholes, "lengths": lengths, "reverse": reverse}
        if tape is None:
            y, state_n = functional.lstm(*arguments, **options)
        else:
            y, state_n, cache = functional.lstm_forward(*arguments, **options)
            tape.append(cache)
        return y, state_n

    def _cell_backward(self, dy: Array | None, dstate: Parts, cache: Any, needs: tuple[str, ...]) -> Any:
        return functional.lstm_backward(dy, (dstate[0], dstate[1]), cache, needs=needs)


class GRU(Recurrent):
    """Gated recurrent unit in `num_layers` layers; see `goldfish.gru` for the equations (gates r, z, n).

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, output, dtype, rng
        As in `RNN`.
    reset_after : bool
        True for PyTorch's and Keras's unit, False for that of Cho et al. 2014.

    Notes
    -----
    As in `RNN`; the state is an array h.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.GRU(3, 8, output="last")(np.zeros((4, 10, 3), np.float32), lengths=[10, 3, 0, 7]).shape
    (4, 8)
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        output: Literal["sequence", "last"] = "sequence",
        reset_after: bool = True,
        dtype: DTypeLike = "float32",
        rng: Rng = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            output=output,
            dtype=dtype,
            rng=rng,
        )
        self.reset_after = reset_after

    @property
    def _kernel(self) -> tuple[str, Any]:
        return "gru", self.reset_after

    def _cell(
        self, x: Array, state: Parts, suffix: str, lengths: ArrayLike | None, reverse: bool, tape: Tape | None
    ) -> tuple[Array, tuple[Array, ...]]:
        weights = [self.params.get(name + suffix) for name in WEIGHTS[:4]]
        arguments: tuple[Any, ...] = (x, state[0], *weights)
        options: dict[str, Any] = {"reset_after": self.reset_after, "lengths": lengths, "reverse": reverse}
        if tape is None:
            y, h_n = functional.gru(*arguments, **options)
        else:
            y, h_n, cache = functional.gru_forward(*arguments, **options)
            tape.append(cache)
        return y, (h_n,)

    def _cell_backward(self, dy: Array | None, dstate: Parts, cache: Any, needs: tuple[str, ...]) -> Any:
        return functional.gru_backward(dy, dstate[0], cache, needs=needs)
