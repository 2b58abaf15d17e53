"""Every layer against central differences in float64; a layer without a case fails."""

import inspect

import numpy as np
import pytest

from goldfish import nn
from goldfish.nn.layer import Layer
from layer_gradcheck import check_layer

F8 = {"dtype": "float64", "rng": 1}


def _x(*shape):
    return np.random.default_rng(5).standard_normal(shape)


def _ids(*shape, classes=3):
    return np.random.default_rng(6).integers(0, classes, shape)


def _diamond():
    return nn.Graph(
        {
            "a": (nn.Linear(3, 4, **F8), "x"),
            "left": (nn.Tanh(), "a"),
            "right": (nn.Linear(4, 4, **F8), "a"),
            "sum": ("add", "left", "right", "a"),
            "joined": ("concat", "sum", "left", "x"),
            "head": (nn.Linear(11, 2, **F8), "joined"),
        },
        inputs="x",
        outputs="head",
    )


def _gated():
    """Channels that are weighed by what the whole planes hold (Hu, Shen and Sun, CVPR 2018)."""
    nodes = {
        "features": (nn.Conv2d(3, 4, 2, **F8), "x"),
        "squeeze": (nn.AdaptiveAvgPool2d(1), "features"),
        "excite": (nn.Conv2d(4, 4, 1, **F8), "squeeze"),
        "gate": (nn.Sigmoid(), "excite"),
        "y": ("multiply", "features", "gate"),
    }
    return nn.Graph(nodes, "x", "y")


CASES = {
    "Linear": [
        (nn.Linear(3, 4, **F8), _x(5, 3)),
        (nn.Linear(3, 2, bias=False, **F8), _x(2, 4, 3)),
        (nn.Linear(3, 2, **F8), _x(4, 2, 3).swapaxes(0, 1)),
    ],
    "Conv1d": [
        (nn.Conv1d(2, 3, 3, **F8), _x(2, 2, 6)),
        (nn.Conv1d(2, 4, 3, 2, "causal", 2, groups=2, bias=False, **F8), _x(1, 2, 7)),
    ],
    "Conv2d": [
        (nn.Conv2d(2, 3, 3, **F8), _x(2, 2, 5, 4)),
        (nn.Conv2d(2, 4, (2, 3), (2, 1), (1, 0), groups=2, bias=False, **F8), _x(1, 2, 5, 4)),
        (nn.Conv2d(1, 2, 2, padding="same", dilation=2, **F8), _x(1, 1, 4, 4)),
    ],
    "Conv3d": [(nn.Conv3d(2, 2, (1, 2, 3), (1, 2, 1), 1, **F8), _x(1, 2, 2, 3, 4))],
    "ConvTranspose1d": [(nn.ConvTranspose1d(2, 3, 4, 2, 1, **F8), _x(2, 2, 4))],
    "ConvTranspose2d": [
        (nn.ConvTranspose2d(2, 3, 3, 2, 1, 1, **F8), _x(2, 2, 3, 2)),
        (nn.ConvTranspose2d(4, 2, (2, 3), groups=2, bias=False, dilation=(2, 1), **F8), _x(1, 4, 2, 3)),
    ],
    "ConvTranspose3d": [(nn.ConvTranspose3d(2, 2, (1, 2, 2), (1, 2, 1), **F8), _x(1, 2, 2, 2, 3))],
    "MaxPool1d": [(nn.MaxPool1d(3, 2, 1), _x(2, 2, 7))],
    "MaxPool2d": [
        (nn.MaxPool2d(2), _x(1, 2, 4, 5)),
        (nn.MaxPool2d(3, 2, 1, ceil_mode=True), _x(1, 1, 4, 4)),
    ],
    "MaxPool3d": [(nn.MaxPool3d((1, 2, 2)), _x(1, 2, 2, 4, 4))],
    "AvgPool1d": [(nn.AvgPool1d(3, 2, 1), _x(2, 2, 7))],
    "AvgPool2d": [
        (nn.AvgPool2d(2), _x(1, 2, 4, 5)),
        (nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), _x(1, 1, 4, 4)),
    ],
    "AvgPool3d": [(nn.AvgPool3d((1, 2, 2)), _x(1, 2, 2, 4, 4))],
    "AdaptiveAvgPool1d": [(nn.AdaptiveAvgPool1d(3), _x(2, 2, 7))],
    "AdaptiveAvgPool2d": [(nn.AdaptiveAvgPool2d(1), _x(2, 2, 3, 4)), (nn.AdaptiveAvgPool2d((None, 3)), _x(1, 1, 3, 5))],
    "AdaptiveAvgPool3d": [(nn.AdaptiveAvgPool3d(2), _x(1, 2, 2, 3, 4))],
    "AdaptiveMaxPool1d": [(nn.AdaptiveMaxPool1d(3), _x(2, 2, 7))],
    "AdaptiveMaxPool2d": [(nn.AdaptiveMaxPool2d(1), _x(2, 2, 3, 4)), (nn.AdaptiveMaxPool2d((None, 3)), _x(1, 1, 3, 5))],
    "AdaptiveMaxPool3d": [(nn.AdaptiveMaxPool3d(2), _x(1, 2, 2, 3, 4))],
    "Embedding": [(nn.Embedding(3, 4, **F8), _ids(2, 5))],
    "OneHot": [(nn.OneHot(3, dtype="float64"), _ids(2, 4))],
    "Flatten": [(nn.Flatten(), _x(2, 3, 4)), (nn.Flatten(-2), _x(2, 3, 4))],
    "Dropout": [(nn.Dropout(0.4), _x(3, 4)), (nn.Dropout(0.0), _x(3, 4))],
    "ReLU": [(nn.ReLU(), _x(3, 4)), (nn.ReLU(), _x(3, 2, 4).swapaxes(0, 1))],
    "Sigmoid": [(nn.Sigmoid(), _x(3, 4))],
    "LeakyReLU": [(nn.LeakyReLU(), _x(3, 4)), (nn.LeakyReLU(0.3), _x(3, 2, 4).swapaxes(0, 1))],
    "GELU": [(nn.GELU(), _x(3, 4)), (nn.GELU("tanh"), _x(3, 4))],
    "SiLU": [(nn.SiLU(), _x(3, 4))],
    "Softmax": [(nn.Softmax(), _x(3, 4)), (nn.Softmax(1), _x(2, 3, 2))],
    "LogSoftmax": [(nn.LogSoftmax(), _x(3, 4)), (nn.LogSoftmax(1), _x(2, 3, 2))],
    "BatchNorm1d": [
        (nn.BatchNorm1d(3, 0.1, **F8), _x(5, 3)),
        (nn.BatchNorm1d(3, 0.1, affine=False, dtype="float64"), _x(2, 3, 4)),
    ],
    "BatchNorm2d": [(nn.BatchNorm2d(2, 0.1, **F8), _x(3, 2, 2, 3))],
    "BatchNorm3d": [(nn.BatchNorm3d(2, 0.1, **F8), _x(2, 2, 2, 1, 3))],
    "LayerNorm": [
        (nn.LayerNorm(4, 0.1, **F8), _x(3, 4)),
        (nn.LayerNorm((2, 3), 0.1, elementwise_affine=False), _x(4, 2, 3)),
        (nn.LayerNorm(4, 0.1, **F8), _x(3, 2, 4).swapaxes(0, 1)),
    ],
    "Residual": [
        (nn.Residual(nn.Linear(3, 3, **F8)), _x(4, 3)),
        (nn.Residual(nn.Sequential(nn.Linear(3, 2, **F8), nn.Dropout(0.3)), nn.Linear(3, 2, **F8)), _x(4, 3)),
    ],
    "Concat": [
        (nn.Concat(nn.Linear(3, 2, **F8), nn.Tanh(), nn.Linear(3, 4, **F8)), _x(4, 3)),
        (nn.Concat(nn.Tanh(), nn.Sigmoid(), axis=-1), _x(2, 3, 2)),
    ],
    "TimeDistributed": [(nn.TimeDistributed(nn.Conv2d(1, 2, 2, **F8)), _x(2, 3, 1, 3, 3))],
    "Graph": [
        (_diamond(), _x(4, 3)),
        (_diamond().up_to("joined"), _x(4, 3)),
        (_gated(), _x(2, 3, 4, 5)),
        (nn.Graph({"cube": ("multiply", "x", "x", "x")}, "x", "cube"), _x(2, 3)),
        (nn.Graph({"gru": (nn.GRU(2, 3, **F8), "x"), "y": (nn.Linear(3, 2, **F8), "gru")}, "x", "y"), _x(2, 3, 2)),
    ],
    "Tanh": [(nn.Tanh(), _x(3, 4))],
    "RNN": [
        (nn.RNN(3, 2, **F8), _x(2, 4, 3)),
        (nn.RNN(3, 2, nonlinearity="relu", bias=False, batch_first=False, **F8), _x(4, 2, 3)),
    ],
    "LSTM": [
        (nn.LSTM(3, 2, **F8), _x(2, 1, 3)),
        (nn.LSTM(3, 2, 2, bidirectional=True, peepholes=True, dropout=0.3, **F8), _x(2, 3, 3)),
        (nn.LSTM(3, 2, output="last", **F8), _ids(2, 3)),
    ],
    "GRU": [
        (nn.GRU(3, 2, **F8), _x(2, 4, 3)),
        (nn.GRU(3, 2, 2, bidirectional=True, output="last", reset_after=False, **F8), _x(2, 3, 3)),
    ],
    "Sequential": [
        (nn.Sequential(nn.Linear(3, 4, **F8), nn.Tanh(), nn.Dropout(0.5), head=nn.Linear(4, 2, **F8)), _x(5, 3)),
        (nn.Sequential(nn.OneHot(3), nn.GRU(3, 2, **F8), nn.Linear(2, 3, **F8)), _ids(2, 4)),
        (nn.Sequential(nn.Linear(2, 3, **F8), nn.LSTM(3, 2, **F8), nn.RNN(2, 2, **F8), nn.Tanh()), _x(2, 3, 2)),
        (nn.Sequential(), _x(2, 3)),
    ],
}


def test_every_layer_has_a_case():
    layers = {
        name
        for name, value in vars(nn).items()
        if inspect.isclass(value) and issubclass(value, Layer) and not inspect.isabstract(value)
    }
    assert layers == set(CASES)


@pytest.mark.parametrize("layer, x", [case for cases in CASES.values() for case in cases], ids=str)
def test_gradients(layer, x, rng):
    check_layer(layer, x, rng, seed=3)


@pytest.mark.parametrize("lengths", [None, [3, 0, 2]])
@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("cell, options", [(nn.RNN, {}), (nn.LSTM, {"peepholes": True}), (nn.GRU, {})])
def test_state_gradients(cell, options, output, lengths, rng):
    layer = cell(2, 2, 2, bidirectional=True, output=output, **options, **F8)
    for peepholes in (value for name, value in layer.params.items() if name.startswith("peepholes")):
        peepholes[...] = rng.standard_normal(peepholes.shape)
    states = tuple(rng.standard_normal((4, 3, 2)) for _ in range(layer.parts))
    check_layer(layer, _x(3, 3, 2), rng, state=states if layer.parts > 1 else states[0], lengths=lengths)


def test_state_gradient_through_sequential(rng):
    layer = nn.Sequential(nn.Linear(2, 2, **F8), memory=nn.LSTM(2, 3, **F8), head=nn.Linear(3, 2, **F8))
    state = {"memory": tuple(rng.standard_normal((1, 3, 3)) for _ in range(2))}
    check_layer(layer, _x(3, 4, 2), rng, state=state)


def test_a_second_backward_adds(rng):
    layer, x = nn.Linear(3, 2, **F8), _x(4, 3)
    y, backward = layer.forward(x)
    backward(np.ones_like(y))
    once = layer.grads["weight"].copy()
    y, backward = layer.forward(x)
    backward(np.ones_like(y))
    np.testing.assert_allclose(layer.grads["weight"], 2 * once, rtol=1e-12)


def test_a_shared_layer_adds_up_its_places(rng):
    shared = nn.Linear(3, 3, **F8)
    twice = nn.Sequential(shared, nn.Tanh(), shared)
    assert list(twice.parameters()) == ["0.weight", "0.bias"]
    x = _x(2, 3)
    y, backward = twice.forward(x)
    backward(np.ones_like(y))
    found = shared.grads["weight"].copy()
    first, second = nn.Linear(3, 3, **F8), nn.Linear(3, 3, **F8)
    apart = nn.Sequential(first, nn.Tanh(), second)
    y, backward = apart.forward(x)
    backward(np.ones_like(y))
    np.testing.assert_allclose(found, first.grads["weight"] + second.grads["weight"], rtol=1e-12)


def test_a_frozen_normalisation_takes_the_running_moments_and_leaves_them(rng):
    layer = nn.BatchNorm1d(3, 0.1, **F8)
    layer.buffers["running_mean"][...] = rng.standard_normal(3)
    layer.buffers["running_var"][...] = rng.uniform(0.5, 2, 3)
    kept = {name: value.copy() for name, value in layer.buffers.items()}
    x, dy = _x(4, 3), rng.standard_normal((4, 3))
    y, backward = layer.freeze().forward(x)
    np.testing.assert_array_equal(y, layer(x))
    rate = layer.params["weight"] / np.sqrt(kept["running_var"] + 0.1)
    np.testing.assert_allclose(backward(dy), dy * rate, rtol=1e-12)
    assert all(np.array_equal(value, kept[name]) for name, value in layer.buffers.items())
    assert not layer.grads["weight"].any()


def test_graph_of_several_inputs_and_outputs(rng):
    nodes = {"a": (nn.Linear(3, 2, **F8), "u"), "b": (nn.Linear(4, 2, **F8), "v"), "sum": ("add", "a", "b")}
    graph = nn.Graph(nodes, ("u", "v"), ("sum", "a"))
    x = {"u": _x(5, 3), "v": _x(5, 4)}
    (total, _a), backward = graph.forward(x)
    np.testing.assert_allclose(total, graph["a"](x["u"]) + graph["b"](x["v"]), rtol=1e-12)
    slopes = rng.standard_normal((5, 2)), rng.standard_normal((5, 2))
    dx = backward(slopes)
    np.testing.assert_allclose(dx["u"], (slopes[0] + slopes[1]) @ graph["a"].params["weight"], rtol=1e-12)
    np.testing.assert_allclose(dx["v"], slopes[0] @ graph["b"].params["weight"], rtol=1e-12)
    np.testing.assert_allclose(graph["a"].grads["bias"], (slopes[0] + slopes[1]).sum(0), rtol=1e-12)


def test_parts_of_a_graph_share_its_layers():
    graph = _diamond()
    part = graph[:-1]
    assert part.outputs == "joined"
    assert part["a"] is graph["a"]
    assert list(graph.up_to("left").parameters()) == ["a.weight", "a.bias"]
    np.testing.assert_array_equal(graph.up_to("head")(_x(4, 3)), graph(_x(4, 3)))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.Graph({"a": (nn.Tanh(), "b"), "b": (nn.Tanh(), "a")}, "x", "b"), "cycle"),
        (lambda: nn.Graph({"a": (nn.Tanh(), "y")}, "x", "a"), "'y'"),
        (
            lambda: nn.Graph({"a": (nn.Linear(3, 2), "x"), "b": ("multiply", "a", "x")}, "x", "b")(
                np.ones((2, 3), "f")
            ),
            r"Graph\['b'\] multiply: expected equal shapes, but for axes of 1, got \(2, 2\), \(2, 3\)",
        ),
        (lambda: nn.Graph({"a": (nn.Tanh(), "x")}, "x", "z"), "'z'"),
        (lambda: nn.Graph({"x": (nn.Tanh(), "x")}, "x", "x"), "'x'"),
        (lambda: nn.Graph({"a": (nn.Tanh(), "x")}, "x", "a").up_to("q"), "'q'"),
        (
            lambda: nn.Graph({"a": (nn.Linear(3, 2), "x")}, "x", "a")(np.ones((2, 4), "f")),
            r"Graph\['a'\] Linear\(3, 2\)",
        ),
        (lambda: nn.Concat(nn.Tanh(), nn.Linear(3, 2))(np.ones((2, 4), "f")), r"Concat\[1\] Linear\(3, 2\)"),
        (lambda: nn.Concat(), "at least one"),
        (lambda: nn.Residual(nn.GRU(2, 2)), "without state"),
        (lambda: nn.Residual(nn.Linear(3, 2))(np.ones((2, 3), "f")), r"\(2, 2\).*\(2, 3\)"),
        (lambda: nn.BatchNorm2d(3)(np.ones((2, 4, 2, 2), "f")), r"BatchNorm2d\(3\).*\(N, 3, H, W\).*\(2, 4, 2, 2\)"),
        (lambda: nn.LayerNorm((2, 3))(np.ones((4, 3), "f")), r"\(2, 3\).*\(4, 3\)"),
    ],
)
def test_what_does_not_fit_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_summary_counts_what_is_shared_once():
    shared = nn.Linear(3, 3)
    summary = nn.Sequential(shared, nn.Tanh(), shared, head=nn.Linear(3, 2).freeze()).summary((3,))
    assert (summary.total, summary.trainable) == (20, 12)
    assert [row.shape for row in summary.rows] == [(3,), (3,), (3,), (2,)]
    assert "head Linear(3, 2)" in str(summary)
    nested = nn.Sequential(nn.Residual(nn.Conv2d(2, 2, 3, padding=1)), nn.Concat(nn.Tanh(), nn.ReLU()), nn.Flatten())
    assert [row.name for row in nested.summary((2, 4, 4)).rows] == ["0.layer", "1.0", "1.1", "2"]
    assert _diamond().summary((3,)).total == 16 + 20 + 24
    assert nn.Sequential(nn.OneHot(5), nn.LSTM(5, 4)).summary((7,)).rows[-1].shape == (7, 4)
    frames = nn.Sequential(nn.TimeDistributed(nn.Flatten()), nn.GRU(12, 3, output="last"))
    assert frames.summary((6, 3, 2, 2)).rows[-1].shape == (3,)


def test_an_unknown_join_is_refused():
    with pytest.raises(TypeError, match="node 'a' expected a Layer, 'add', 'concat' or 'multiply', got 'power'"):
        nn.Graph({"a": ("power", "x")}, "x", "a")
