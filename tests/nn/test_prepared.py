"""Prepared layers: the same bits as the layer, at once or step by step, from any thread, after pickling."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import goldfish as gf
from goldfish import nn

CELLS = {
    "tanh": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "peepholes": (nn.LSTM, {"peepholes": True}),
    "gru": (nn.GRU, {}),
    "reset-before": (nn.GRU, {"reset_after": False}),
}
cells = pytest.mark.parametrize("cell", CELLS)


def make(cell, inputs=5, hidden=19, layers=1, **options):
    kind, own = CELLS[cell]
    layer = kind(inputs, hidden, layers, rng=0, **own, **options)
    rng = np.random.default_rng(1)
    for name, value in layer.params.items():
        if name.startswith("peepholes"):
            value[:] = rng.standard_normal(value.shape)
    return layer


def flat(result):
    """Every array of a result."""
    if isinstance(result, np.ndarray):
        return [result]
    parts = result.values() if isinstance(result, dict) else result
    return [array for part in parts if part is not None for array in flat(part)]


def assert_same(got, expected):
    got, expected = flat(got), flat(expected)
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@cells
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_same_bits_as_the_layer(cell, layers, bidirectional, output, batch_first):
    options = {"bidirectional": bidirectional, "output": output, "batch_first": batch_first}
    layer = make(cell, layers=layers, **options)
    rng, prepared = np.random.default_rng(2), layer.prepare()
    x = rng.standard_normal((4, 4, 5)).astype(np.float32)
    y, state = layer(x, return_state=True)
    assert_same(prepared(x, return_state=True), (y, state))
    assert_same(prepared(x), y)
    lengths = [4, 0, 1, 3]
    expected = layer(x, state, lengths=lengths, return_state=True)
    assert_same(prepared(x, state, lengths=lengths, return_state=True), expected)


@cells
def test_float64_and_no_bias(cell):
    layer = make(cell, layers=2, bias=False, dtype="float64")
    x = np.random.default_rng(3).standard_normal((2, 7, 5))
    assert_same(layer.prepare()(x, return_state=True), layer(x, return_state=True))


@cells
def test_category_numbers_step_by_step(cell):
    layer = make(cell, inputs=11, hidden=64, layers=2)
    ids = np.random.default_rng(4).integers(0, 11, (1, 20))
    prepared, state, outputs = layer.prepare(), None, []
    for t in range(20):
        y, state = prepared(ids[:, t : t + 1], state, return_state=True)
        outputs.append(y)
    assert_same((np.concatenate(outputs, axis=1), state), layer(ids, return_state=True))


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_threads_do_not_change_a_bit(batch):
    layer = make("lstm", inputs=20, hidden=200, layers=2)
    x = np.random.default_rng(5).standard_normal((batch, 30, 20)).astype(np.float32)
    prepared = layer.prepare()
    with gf.threads(1):
        expected = prepared(x, return_state=True)
    for n in range(2, 9):
        with gf.threads(n):
            assert_same(prepared(x, return_state=True), expected)


def test_no_steps_and_no_sequences():
    layer = make("gru", layers=2, bidirectional=True)
    for shape in [(0, 3, 5), (2, 0, 5), (0, 0, 5)]:
        x = np.zeros(shape, np.float32)
        assert_same(layer.prepare()(x, return_state=True), layer(x, return_state=True))


def test_a_sequential_model_keeps_its_states_by_name():
    model = nn.Sequential(
        onehot=nn.OneHot(9), below=nn.LSTM(9, 16, rng=0), above=nn.GRU(16, 8, rng=1), head=nn.Linear(8, 9, rng=2)
    )
    prepared, ids = model.prepare(), np.array([[1, 5, 8], [0, 3, 2]])
    y, state = prepared(ids, return_state=True)
    assert_same((y, state), model(ids, return_state=True))
    assert sorted(state) == ["above", "below"]
    assert_same(prepared(ids, state, return_state=True), model(ids, state, return_state=True))
    assert prepared.nbytes >= sum(value.nbytes for name, value in model.parameters().items() if "weight_hh" in name)
    assert nn.Linear(3, 3).prepare().nbytes == 0


def test_it_keeps_the_weights_of_its_time_and_repacks_after_pickling():
    layer, x = make("lstm"), np.ones((1, 3, 5), np.float32)
    prepared = layer.prepare()
    before = prepared(x)
    assert_same(pickle.loads(pickle.dumps(prepared))(x), before)
    layer.params["weight_hh_l0"] += 1
    np.testing.assert_array_equal(prepared(x), before)
    again = pickle.loads(pickle.dumps(prepared))
    assert_same(again(x), layer(x))
    assert again.nbytes == prepared.nbytes > 0


def test_many_threads_share_one():
    prepared = make("lstm", inputs=64, hidden=128, layers=2).prepare()
    xs = np.random.default_rng(6).standard_normal((24, 1, 10, 64)).astype(np.float32)
    expected = [prepared(x) for x in xs]
    with ThreadPoolExecutor(4) as threads:
        for got, y in zip(threads.map(prepared, xs), expected, strict=True):
            np.testing.assert_array_equal(got, y)


def test_errors_name_what_is_wrong():
    layer = make("lstm", layers=2)
    prepared = layer.prepare()
    with pytest.raises(TypeError, match="x must have the dtype of weight_ih, float32, got float64"):
        prepared(np.zeros((1, 2, 5)))
    with pytest.raises(ValueError, match="expected last axis 5, got 4"):
        prepared(np.zeros((1, 2, 4), np.float32))
    with pytest.raises(ValueError, match=r"h_0 must have shape \(2, 1, 19\), got \(2, 3, 19\)"):
        prepared(np.zeros((1, 2, 5), np.float32), (np.zeros((2, 3, 19), np.float32), None))
    with pytest.raises(ValueError, match="lengths"):
        prepared(np.zeros((1, 2, 5), np.float32), lengths=[3])
    with pytest.raises(ValueError, match="5"):
        prepared(np.full((1, 2), 5))
    with pytest.raises(ValueError, match=r"Sequential\[0\] LSTM"):
        nn.Sequential(layer).prepare()(np.zeros((1, 2, 4), np.float32))
