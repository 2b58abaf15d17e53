"""Counts of every layer, and the outputs of every layer."""

import numpy as np
import pytest

from goldfish import diagnostics as gd
from goldfish import nn

LAYERS = [
    (nn.Linear(3, 5), (7, 3), 7 * 15),
    (nn.Conv1d(4, 6, 3, groups=2), (4, 9), 6 * 7 * 2 * 3),
    (nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2), (4, 9, 9), 8 * 5 * 5 * 2 * 9),
    (nn.Conv3d(1, 2, 2), (1, 4, 4, 4), 2 * 27 * 8),
    (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (4, 5, 5), 4 * 25 * 3 * 9),
    (nn.LSTM(3, 4, 2), (5, 3), 5 * (4 * 4 * 7 + 4 * 4 * 8)),
    (nn.GRU(3, 4, bidirectional=True), (5, 3), 5 * 2 * 3 * 4 * 7),
    (nn.RNN(3, 4, output="last"), (5, 3), 5 * 28),
    (nn.TimeDistributed(nn.Conv2d(1, 2, 3)), (6, 1, 5, 5), 6 * 2 * 9 * 9),
    (nn.Residual(nn.Linear(3, 3)), (3,), 9),
    (nn.Embedding(9, 4), (6,), 0),
    (nn.BatchNorm2d(3), (3, 4, 4), 0),
]


@pytest.mark.parametrize("layer, shape, macs", LAYERS, ids=lambda value: repr(value)[:30])
def test_multiply_adds(layer, shape, macs):
    table = gd.count_macs(layer, shape)
    assert table.total == macs
    assert gd.count_parameters(layer).total == sum(v.size for v in layer.parameters().values())


@pytest.mark.parametrize("layer, shape, macs", LAYERS, ids=lambda value: repr(value)[:30])
def test_the_same_rows_as_the_summary_of_nn(layer, shape, macs):
    ours, theirs = gd.count_parameters(layer, shape), layer.summary(shape)
    assert ours.total == theirs.total
    # nn runs one frame of a sequence where all are alike.
    assert [row.name for row in ours] == [row.name for row in theirs.rows]
    assert [row.count for row in ours] == [row.parameters for row in theirs.rows]


def test_a_graph_and_shared_parameters():
    shared = nn.Linear(4, 4)
    graph = nn.Graph({"a": (shared, "x"), "b": (nn.ReLU(), "a"), "c": (shared, "b"), "s": ("add", "a", "c")}, "x", "s")
    table = gd.count_parameters(graph, (4,))
    assert [(row.name, row.count) for row in table] == [("a", 20), ("b", 0), ("c", 0)]
    assert gd.count_macs(graph, (4,)).total == 32
    assert table.total == graph.summary((4,)).total == gd.summary(graph, (4,)).parameters == 20
    assert gd.summary(graph, (4,)).parameter_nbytes == 80


def test_tables_are_sequences():
    table = gd.count_parameters([nn.Linear(2, 3), nn.ReLU()])
    assert len(table) == 2
    assert table[0].shape is None
    assert table[-1].layer == "ReLU()"
    assert [row.count for row in table[:1]] == [9]
    assert repr(table) == "Table(2 layers, 9 parameters)"
    assert sum(row.share for row in table) == pytest.approx(100)
    assert gd.count_parameters([nn.ReLU()])[0].share == 0


@pytest.mark.parametrize("function", [gd.count_parameters, gd.count_macs, gd.summary])
def test_a_break_names_the_layer(function):
    with pytest.raises(ValueError, match=rf"{function.__name__}: Sequential\[1\] Linear\(4, 2\): .*4, got 3"):
        function([nn.Linear(5, 3), nn.Linear(4, 2)], (5,))
    with pytest.raises(TypeError, match=f"{function.__name__}: layers must be a Layer or a list"):
        function("model", (5,))
    with pytest.raises(TypeError, match=f"{function.__name__}: layers must be a Layer or a list"):
        function([], (5,))
    with pytest.raises(ValueError, match=f"{function.__name__}: input_shape"):
        function(nn.Linear(1, 1), "wide")
    with pytest.raises(ValueError, match=f"{function.__name__}: input_shape"):
        function(nn.Linear(1, 1), (-1,))


def test_outputs_of_every_layer():
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, rng=0),
        nn.Residual(nn.Sequential(nn.BatchNorm2d(3), nn.ReLU())),
        nn.Flatten(),
        head=nn.Linear(3 * 36, 2, rng=1),
    )
    x = rng.normal(size=(4, 1, 8, 8)).astype(np.float32)
    found = gd.layer_outputs(model, x)
    assert list(found) == ["0", "1.layer.0", "1.layer.1", "2", "head"]
    np.testing.assert_array_equal(found["head"], model(x))
    np.testing.assert_array_equal(found["0"], model[0](x))
    np.testing.assert_array_equal(found["1.layer.1"], np.maximum(model[0](x) / np.sqrt(np.float32(1 + 1e-5)), 0))
    two = nn.Graph({"a": (nn.ReLU(), "x"), "b": (nn.ReLU(), "y"), "s": ("add", "a", "b")}, ("x", "y"), "s")
    assert list(gd.layer_outputs(two, {"x": np.ones(2), "y": np.ones(2)})) == ["a", "b"]
    assert list(gd.layer_outputs(nn.ReLU(), np.ones(2))) == [""]
    with pytest.raises(TypeError, match="layer_outputs: model must be a Layer, got int"):
        gd.layer_outputs(3, np.ones(2))
