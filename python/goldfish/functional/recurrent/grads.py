"""What the backward passes of recurrent layers return."""

from typing import NamedTuple

from goldfish._typing import FloatArray


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
