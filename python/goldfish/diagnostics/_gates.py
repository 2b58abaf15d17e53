"""The inside of recurrent units, step by step, from their inputs and states."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from goldfish.diagnostics._scaled import Floats
from goldfish.nn.recurrent import GRU, LSTM, RNN, Recurrent


class Units(NamedTuple):
    """Values of shape (T, B, H).

    Attributes
    ----------
    slopes : ndarray
        f' at the pre-activation: of an RNN's f, of the tanh of an LSTM's or GRU's candidate.
    kept : ndarray or None
        The share of the old state that a unit keeps: an LSTM's forget gate, a GRU's update gate.
    """

    slopes: Floats
    kept: Floats | None


def units(layer: Recurrent, x: Floats, states: Floats) -> Units:
    """Recompute one recurrent layer.

    Parameters
    ----------
    layer : Recurrent
        One layer, one direction.
    x : ndarray of shape (T, B, I)
        Its inputs.
    states : ndarray of shape (T + 1, B, S)
        Its states, the initial one first; of an LSTM h and then c.
    """
    H = layer.hidden_size
    h, params = states[:-1, :, :H], layer.params
    from_x = x @ params["weight_ih_l0"].T + params.get("bias_ih_l0", 0.0)
    from_h = h @ params["weight_hh_l0"].T + params.get("bias_hh_l0", 0.0)
    if isinstance(layer, RNN):
        z = from_x + from_h
        return Units(_slope(np.tanh(z)) if layer.nonlinearity == "tanh" else (z > 0).astype(np.float64), None)
    if isinstance(layer, LSTM):
        _, f, g, _ = np.split(from_x + from_h, 4, axis=-1)
        peepholes = params.get("peepholes_l0")
        if peepholes is not None:
            f = f + peepholes[1] * states[:-1, :, H:]
        return Units(_slope(np.tanh(g)), _sigmoid(f))
    assert isinstance(layer, GRU)
    xr, xz, xn = np.split(from_x, 3, axis=-1)
    hr, hz, hn = np.split(from_h, 3, axis=-1)
    r = _sigmoid(xr + hr)
    if layer.reset_after:
        n = xn + r * hn
    else:
        bias = params["bias_hh_l0"][2 * H :] if layer.bias else 0.0
        n = xn + (r * h) @ params["weight_hh_l0"][2 * H :].T + bias
    return Units(_slope(np.tanh(n)), _sigmoid(xz + hz))


def _slope(tanh: Floats) -> Floats:
    return np.asarray((1 - tanh) * (1 + tanh))


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))
