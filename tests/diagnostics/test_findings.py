"""What `diagnose_rnn` finds in networks that are healthy and in those that are not."""

import math

import numpy as np
import pytest

from goldfish import diagnostics as gd
from goldfish import nn
from recurrent_differences import cell


def last(y):
    """The sum of the last outputs."""
    dy = np.zeros_like(y)
    dy[..., -1, :] = 1
    return float(y[..., -1, :].sum()), lambda: dy


def unit(weight, bias=0.0, nonlinearity="relu"):
    layer = nn.RNN(1, 1, nonlinearity=nonlinearity, dtype="float64")
    layer.load_state_dict(
        {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[weight]], "bias_ih_l0": [bias], "bias_hh_l0": [0.0]}
    )
    return layer


def find(part, model, batch, loss=last, **options):
    return [f for f in gd.diagnose_rnn(model, batch, loss, **options) if part in f.name]


def test_flow():
    batch = np.ones((4, 20, 1))
    (vanishing,) = find("vanish", unit(0.1), batch)
    assert vanishing.value == pytest.approx(0.1**19)
    assert (vanishing.threshold, vanishing.level) == (1e-3, "warning")
    (exploding,) = find("explod", unit(2.0), batch)
    assert exploding.value == pytest.approx(2.0**19)
    for model in (unit(1.0), unit(0.9)):
        assert not find("vanish", model, batch)
        assert not find("explod", model, batch)


def test_gradients_outside_the_range_of_floats():
    (exploding,) = find("explod", unit(2.0, nonlinearity="tanh"), np.zeros((1, 2000, 1)))
    assert exploding.value == math.inf
    (vanishing,) = find("vanish", unit(0.1), np.ones((1, 2000, 1)))
    assert vanishing.value == 0
    assert "inf" in vanishing.advice


def test_a_loss_that_reaches_no_state():
    (finding,) = find("no gradient", unit(1.0), np.ones((2, 3, 1)), lambda y: (0.0, lambda: np.zeros_like(y)))
    assert finding.level == "warning"


def test_units():
    (saturated,) = find("saturat", unit(0.1, 50.0, "tanh"), np.ones((2, 10, 1)))
    assert saturated.value == 1
    assert not find("saturat", unit(0.1, 0.0, "tanh"), np.ones((2, 10, 1)))
    layer = nn.RNN(2, 3, nonlinearity="relu", dtype="float64")
    layer.load_state_dict(
        {
            "weight_ih_l0": np.ones((3, 2)),
            "weight_hh_l0": np.eye(3) * 0.5,
            "bias_ih_l0": [0.0, -100.0, 0.0],
            "bias_hh_l0": np.zeros(3),
        }
    )
    (dead,) = find("dead", layer, np.ones((2, 10, 2)))
    assert dead.value == pytest.approx(1 / 3)
    assert "units 1 are" in dead.advice


def gates(kind, layer, x):
    """The mean of what is kept, by the kernels' own outputs: two cells that differ in what they were given."""
    H = layer.hidden_size
    kept = []
    state = None
    for value in x:
        if kind == "LSTM":
            base = np.zeros((1, 1, H)) if state is None else state[1]
            h = np.zeros((1, 1, H)) if state is None else state[0]
            if not layer.peepholes:
                _, low = layer(value[None, None], (h, base), return_state=True)
                _, high = layer(value[None, None], (h, base + 1), return_state=True)
                kept.append((high[1] - low[1]).ravel())
        _, state = layer(value[None, None], state, return_state=True)
    return float(np.mean(kept))


def test_the_forget_gate_is_that_of_the_kernel():
    x = np.random.default_rng(0).normal(size=(12, 2))
    layer = cell("LSTM")
    (finding,) = find("forget", layer, x)
    assert finding.value == pytest.approx(gates("LSTM", layer, x), rel=1e-9)
    open_gate = nn.LSTM(1, 2, dtype="float64")
    bias = np.repeat([0.0, 5.0, 0.0, 0.0], 2)
    open_gate.load_state_dict(
        {"weight_ih_l0": np.zeros((8, 1)), "weight_hh_l0": np.zeros((8, 2)), "bias_ih_l0": bias, "bias_hh_l0": 0 * bias}
    )
    (finding,) = find("forget", open_gate, np.ones((2, 10, 1)))
    assert finding.value == pytest.approx(1 / (1 + math.exp(-5)))
    assert finding.level == "note"
    (finding,) = find("forget", open_gate, np.ones((2, 2000, 1)))
    assert finding.level == "warning"  # 149 steps of 2000


@pytest.mark.parametrize("reset_after", [True, False])
def test_the_update_gate_is_that_of_the_kernel(reset_after):
    """With the candidate's weights at 0 a GRU keeps exactly z of its state."""
    layer = cell("GRU", reset_after=reset_after)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        layer.params[name][6:] = 0
    layer.params["bias_ih_l0"][6:] = 0.3
    x = np.random.default_rng(0).normal(size=(9, 2))
    n, h, kept = math.tanh(0.3), np.zeros(3), []
    for y in layer(x[None])[0]:
        kept.append((y - n) / (h - n))
        h = y
    (finding,) = find("forget", layer, x)
    assert finding.value == pytest.approx(np.mean(kept), rel=1e-9)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("layers", [1, 2])
def test_the_candidates_slope_is_that_of_the_kernel(kind, layers):
    """The inside that the findings look at gives the outputs that the kernels give."""
    from goldfish.diagnostics._gates import units
    from goldfish.diagnostics._trajectory import Trajectory, read_sequences

    x = np.random.default_rng(0).normal(size=(2, 7, 2))
    model = cell(kind, layers=layers)
    trajectory = Trajectory("test", read_sequences("test", model, x))
    found = trajectory.recurrent()
    assert len(found) == layers
    for _, layer, inputs, states in found:
        inside = units(layer, inputs, states)
        if kind == "RNN":
            np.testing.assert_allclose(inside.slopes, 1 - states[1:] ** 2, rtol=1e-9, atol=1e-14)
        elif kind == "GRU":
            n = np.sqrt(1 - inside.slopes)
            expected = np.abs(states[1:] - inside.kept * states[:-1])
            np.testing.assert_allclose((1 - inside.kept) * n, expected, rtol=1e-7, atol=1e-12)
        else:
            H = layer.hidden_size
            written = np.abs(states[1:, :, H:] - inside.kept * states[:-1, :, H:])
            assert np.all(written <= np.sqrt(1 - inside.slopes) + 1e-12)  # i * |g| with i below 1


def test_several_layers_are_told_apart():
    names = [f.name for f in gd.diagnose_rnn(cell("LSTM", layers=2), np.ones((2, 5, 2)), last)]
    assert names.count("forget gate (l0)") == names.count("forget gate (l1)") == 1


def test_memory_window_and_clipping():
    (memory,) = find("memory", unit(0.1), np.ones((3, 20, 1)))
    assert memory.value == 4
    assert find("window", unit(0.1), np.ones((20, 1)), window=3)[0].threshold == 4
    assert not find("window", unit(0.1), np.ones((20, 1)), window=4)
    (clipping,) = find("clipping", unit(2.0), np.ones((5, 1)), clip_norm=3.0)
    assert clipping.value == pytest.approx(3 / 5)  # 16, 8, 4 of 16, 8, 4, 2, 1
    assert not find("clipping", unit(1.0), np.ones((5, 1)), clip_norm=3.0)
    with pytest.raises(ValueError, match="diagnose_rnn: window must be >= 1"):
        gd.diagnose_rnn(unit(1.0), np.ones((5, 1)), last, window=0)
    with pytest.raises(ValueError, match="diagnose_rnn: clip_norm must be > 0"):
        gd.diagnose_rnn(unit(1.0), np.ones((5, 1)), last, clip_norm=0)


def test_memory_of_many_outputs_is_estimated():
    layer = nn.RNN(1, 1, nonlinearity="relu", bias=False, dtype="float64")
    layer.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[0.1]]})
    model = nn.Sequential(layer, nn.Linear(1, 100, dtype="float64", rng=0))
    (memory,) = find("memory", model, np.ones((3, 20, 1)))
    assert memory.value == 4


def test_warnings_come_first_and_findings_print():
    found = gd.diagnose_rnn(cell("LSTM"), np.ones((1, 40, 2)), last)
    levels = [f.level for f in found]
    assert levels == sorted(levels, reverse=True)
    assert str(found[0]).startswith(f"{levels[0]}: {found[0].name}")
