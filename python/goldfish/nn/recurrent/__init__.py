"""Recurrent layers: stacked, bidirectional, batch first."""

from goldfish.nn.recurrent.base import PreparedRecurrent, Recurrent
from goldfish.nn.recurrent.cells import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "PreparedRecurrent", "Recurrent"]
