"""Recurrent layers: names, shapes, states, directions, lengths, memory order."""

import numpy as np
import pytest

import goldfish as gf
from goldfish import functional, nn

CELLS = [nn.RNN, nn.LSTM, nn.GRU]
RNG = np.random.default_rng(2)


def _hidden(state):
    return state[0] if isinstance(state, tuple) else state


@pytest.mark.parametrize("cell, gates", [(nn.RNN, 1), (nn.LSTM, 4), (nn.GRU, 3)])
def test_state_dict_has_pytorchs_names_and_shapes(cell, gates):
    layer = cell(5, 3, 2, bidirectional=True)
    shapes = {name: value.shape for name, value in layer.state_dict().items()}
    assert shapes == {
        f"{name}_l{level}{suffix}": shape
        for level, inputs in ((0, 5), (1, 6))
        for suffix in ("", "_reverse")
        for name, shape in {
            "weight_ih": (gates * 3, inputs),
            "weight_hh": (gates * 3, 3),
            "bias_ih": (gates * 3,),
            "bias_hh": (gates * 3,),
        }.items()
    }
    assert list(cell(5, 3, bias=False).state_dict()) == ["weight_ih_l0", "weight_hh_l0"]
    assert all(np.abs(value).max() <= 3**-0.5 for value in layer.state_dict().values())


def test_peepholes():
    layer = nn.LSTM(5, 3, bidirectional=True, peepholes=True)
    assert layer.params["peepholes_l0_reverse"].shape == (3, 3)
    plain = nn.LSTM(5, 3, bidirectional=True)
    plain.load_state_dict(layer.state_dict(), strict=False)
    x = RNG.standard_normal((2, 4, 5)).astype(np.float32)
    assert np.array_equal(layer(x), plain(x))
    layer.params["peepholes_l0"][...] = 1
    assert not np.array_equal(layer(x), plain(x))


@pytest.mark.parametrize("cell", CELLS)
def test_layers_and_directions_are_the_kernels_composed(cell):
    layer = cell(5, 3, 2, bidirectional=True, dtype="float64", rng=0)
    x = RNG.standard_normal((4, 6, 5))
    run = {nn.RNN: gf.rnn, nn.LSTM: gf.lstm, nn.GRU: gf.gru}[cell]
    inputs, finals = x.swapaxes(0, 1), []
    for level in range(2):
        outputs = []
        for suffix, reverse in (("", False), ("_reverse", True)):
            names = [f"{name}_l{level}{suffix}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            y, state = run(inputs, None, *(layer.params[name] for name in names), reverse=reverse)
            outputs.append(y)
            finals.append(_hidden(state))
        inputs = np.concatenate(outputs, axis=2)
    y, state = layer(x, return_state=True)
    assert np.array_equal(y, inputs.swapaxes(0, 1))
    assert np.array_equal(_hidden(state), np.stack(finals))
    trained = layer.forward(x)[0]
    assert np.array_equal(trained, y)


@pytest.mark.parametrize("cell", CELLS)
def test_batch_first_is_a_matter_of_views(cell):
    first, time = cell(5, 3, rng=0), cell(5, 3, batch_first=False, rng=0)
    x = RNG.standard_normal((4, 6, 5)).astype(np.float32)
    y, state = first(x, return_state=True)
    y_time, state_time = time(x.swapaxes(0, 1), return_state=True)
    assert np.array_equal(y.swapaxes(0, 1), y_time)
    assert _hidden(state).shape == _hidden(state_time).shape == (1, 4, 3)
    assert y.base is not None
    assert y.swapaxes(0, 1).flags.c_contiguous


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_last_output_respects_lengths(cell, bidirectional):
    sequence = cell(5, 3, 2, bidirectional=bidirectional, rng=0)
    last = cell(5, 3, 2, bidirectional=bidirectional, output="last", rng=0)
    x, lengths = RNG.standard_normal((4, 6, 5)).astype(np.float32), np.array([6, 1, 0, 4])
    y, final = sequence(x, lengths=lengths), last(x, lengths=lengths)
    assert final.shape == (4, 3 * (1 + bidirectional))
    for row, length in enumerate(lengths):
        assert not y[row, length:].any()
        expected = y[row, length - 1, :3] if length else np.zeros(3)
        np.testing.assert_allclose(final[row, :3], expected, rtol=1e-6)
        if bidirectional:
            expected = y[row, 0, 3:] if length else np.zeros(3)
            np.testing.assert_allclose(final[row, 3:], expected, rtol=1e-6)
    alone = last(x[3:, :4])
    np.testing.assert_allclose(final[3:], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_the_state_continues_a_sequence(cell):
    layer = cell(5, 3, 2, rng=0)
    x = RNG.standard_normal((4, 6, 5)).astype(np.float32)
    whole, end = layer(x, return_state=True)
    _, middle = layer(x[:, :2], return_state=True)
    second, end_of_second = layer(x[:, 2:], middle, return_state=True)
    np.testing.assert_allclose(second, whole[:, 2:], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(_hidden(end_of_second), _hidden(end), rtol=1e-5, atol=1e-6)


def test_dropout_stands_between_layers_only(monkeypatch):
    calls = []
    original = functional.dropout_forward

    def record(x, p, *, rng):
        calls.append(p)
        return original(x, p, rng=rng)

    monkeypatch.setattr(functional, "dropout_forward", record)
    x = RNG.standard_normal((4, 6, 5)).astype(np.float32)
    layer = nn.GRU(5, 3, 3, dropout=0.25, rng=0)
    same, again = (layer.forward(x, rng=1)[0] for _ in range(2))
    assert calls == [0.25] * 4
    assert np.array_equal(same, again)
    assert not np.array_equal(same, layer(x))


def test_linear_behind_a_recurrent_layer_reads_its_memory(monkeypatch):
    """The recurrent output is a batch-first view; the dense layer gets the time-major array itself."""
    seen = []
    original = gf.functional.linear_forward

    def record(x, weight, bias=None):
        seen.append(x.flags.c_contiguous)
        return original(x, weight, bias)

    monkeypatch.setattr(gf.functional, "linear_forward", record)
    model = nn.Sequential(nn.LSTM(5, 3, rng=0), nn.Linear(3, 2, rng=1))
    y, backward = model.forward(RNG.standard_normal((4, 6, 5)).astype(np.float32))
    assert seen == [True]
    assert y.shape == (4, 6, 2)
    assert backward(np.ones_like(y)).shape == (4, 6, 5)
