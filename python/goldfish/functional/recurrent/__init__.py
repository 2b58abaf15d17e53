"""Recurrent layers: `rnn`, `lstm`, `gru` over whole sequences, and backpropagation through time.

Time comes first: x is (T, B, I) with T steps, B sequences and I inputs; states are (B, H). One layer, one direction;
gate order, weight layout and the two biases are PyTorch's.
"""

from goldfish.functional.recurrent.elman import rnn, rnn_backward, rnn_forward
from goldfish.functional.recurrent.gated_unit import gru, gru_backward, gru_forward
from goldfish.functional.recurrent.grads import LSTMGrads, RNNGrads
from goldfish.functional.recurrent.memory_cell import LSTMState, lstm, lstm_backward, lstm_forward

__all__ = [
    "rnn",
    "rnn_forward",
    "rnn_backward",
    "lstm",
    "lstm_forward",
    "lstm_backward",
    "gru",
    "gru_forward",
    "gru_backward",
    "RNNGrads",
    "LSTMGrads",
    "LSTMState",
]
