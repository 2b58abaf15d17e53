"""Prepared convolutional networks: equal to the layers, whatever these are; the same errors, from any thread."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import goldfish as gf
from goldfish import nn
from goldfish.nn import inference
from goldfish.nn.inference import ConvolutionalPart, PreparedConvolutional


@pytest.fixture(autouse=True)
def everything(request, monkeypatch):
    """Let the core run whatever it can, not only what it is faster at."""
    if "choice" not in request.node.name:
        monkeypatch.setattr(inference, "pays", lambda program: len(program.steps) > 1)
        monkeypatch.setattr(inference, "pays_for", lambda program, shape: True)


TOLERANCE = {"float32": 3e-6, "float64": 1e-13}


def randomise(model, seed=0):
    """Weights and moments as training leaves them."""
    rng = np.random.default_rng(seed)
    for name, value in model.state_dict().items():
        if name.endswith("running_var"):
            value[...] = rng.uniform(0.5, 2, value.shape)
        elif value.ndim == 1:
            value[...] = rng.standard_normal(value.shape) + ("weight" in name)
        elif value.ndim:
            value[...] = rng.standard_normal(value.shape) / np.sqrt(np.prod(value.shape[1:]))
    return model


def parts(prepared):
    """The programs of the core in a prepared model."""
    found = [entry[1] for entry in getattr(prepared, "_prepared", [])]
    return [p for p in found if isinstance(p, ConvolutionalPart)] + [q for p in found for q in parts(p)]


def assert_close(got, expected, dtype=None):
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    scale = np.abs(expected).max(initial=1e-30)
    error = np.abs(got.astype(np.float64) - expected).max(initial=0) / scale
    assert error <= TOLERANCE[str(got.dtype)], error


def check(model, *shape, whole=True):
    model = randomise(model)
    dtype = next(iter(model.parameters().values())).dtype
    x = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    prepared = model.prepare()
    assert not whole or len(getattr(prepared, "_prepared", [0])) == 1
    expected = model(x)
    assert_close(prepared(x), expected)
    assert_close(prepared(x), expected)
    return prepared


def convolution(inputs, outputs, kernel=3, *, dtype, **options):
    return nn.Conv2d(inputs, outputs, kernel, dtype=dtype, rng=0, **options)


def block(inputs, outputs, stride, *, dtype):
    layer = nn.Sequential(
        convolution(inputs, outputs, stride=stride, padding=1, bias=False, dtype=dtype),
        nn.BatchNorm2d(outputs, dtype=dtype),
        nn.ReLU(),
        convolution(outputs, outputs, padding=1, bias=False, dtype=dtype),
        nn.BatchNorm2d(outputs, dtype=dtype),
    )
    shortcut = None
    if stride > 1 or inputs != outputs:
        norm = nn.BatchNorm2d(outputs, dtype=dtype)
        shortcut = nn.Sequential(convolution(inputs, outputs, 1, stride=stride, bias=False, dtype=dtype), norm)
    return [nn.Residual(layer, shortcut), nn.ReLU()]


def resnet(dtype="float32", widths=(20, 40)):
    layers, below = [], widths[0]
    for number, width in enumerate(widths):
        layers += block(below, width, 1 + (number > 0), dtype=dtype) + block(width, width, 1, dtype=dtype)
        below = width
    return nn.Sequential(
        convolution(3, widths[0], 7, stride=2, padding=3, bias=False, dtype=dtype),
        nn.BatchNorm2d(widths[0], dtype=dtype),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        *layers,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(below, 10, dtype=dtype, rng=0),
    )


dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


@dtypes
@pytest.mark.parametrize("batch", [1, 3])
def test_a_residual_network(dtype, batch):
    prepared = check(resnet(dtype), batch, 3, 61, 50)
    assert prepared.nbytes > sum(value.nbytes for value in resnet(dtype).parameters().values())


@dtypes
def test_a_wide_deep_network(dtype):
    """Many channels on few places: the weights are transformed for each call."""
    check(resnet(dtype, (64, 144)), 1, 3, 64, 64)


@dtypes
@pytest.mark.parametrize("size", [1, 2, 7, 8, 13, 30])
def test_winograd_tiles_that_reach_over_the_edge(dtype, size):
    layers = [convolution(5, 37, padding=1, dtype=dtype), nn.ReLU(), convolution(37, 70, padding=1, dtype=dtype)]
    check(nn.Sequential(*layers), 2, 5, size, size + 1)


@dtypes
@pytest.mark.parametrize("channels", [1, 3, 8, 15, 16, 17, 33, 100])
@pytest.mark.parametrize("outputs", [1, 7, 16, 24, 40, 65])
def test_channels_that_do_not_fill_vectors(dtype, channels, outputs):
    layers = [convolution(channels, outputs, dtype=dtype), nn.Tanh(), convolution(outputs, channels, 2, dtype=dtype)]
    check(nn.Sequential(*layers), 2, channels, 9, 11)


@dtypes
@pytest.mark.parametrize("stride", [1, 2, (3, 1)])
@pytest.mark.parametrize("dilation", [1, 2, (1, 3)])
@pytest.mark.parametrize("padding", [0, 2, "same", "same_lower", ((0, 3), (2, 1))])
@pytest.mark.parametrize("channels", [2, 18])
def test_every_option_of_a_convolution(dtype, stride, dilation, padding, channels):
    options = {"stride": stride, "dilation": dilation, "padding": padding, "dtype": dtype}
    layers = [convolution(channels, 20, (3, 4), **options), nn.LeakyReLU(0.1), convolution(20, 6, 1, dtype=dtype)]
    check(nn.Sequential(*layers), 2, channels, 17, 19)


@dtypes
@pytest.mark.parametrize(
    "layer",
    [
        nn.MaxPool2d(2),
        nn.MaxPool2d(3, 2, 1),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.MaxPool2d((2, 3), 1, dilation=(2, 1)),
        nn.AvgPool2d(2),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        nn.AdaptiveAvgPool2d(1),
        nn.AdaptiveAvgPool2d((3, None)),
        nn.ReLU(),
        nn.LeakyReLU(0.2),
        nn.Sigmoid(),
        nn.Tanh(),
        nn.SiLU(),
        nn.GELU(),
        nn.GELU("tanh"),
        nn.Dropout(0.5),
        nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.ReLU()),
    ],
    ids=repr,
)
def test_every_layer_between_convolutions(dtype, layer):
    check(nn.Sequential(convolution(3, 21, dtype=dtype), layer, convolution(21, 5, 1, dtype=dtype)), 2, 3, 12, 13)
    norm = nn.BatchNorm2d(21, affine=False, dtype=dtype)
    check(nn.Sequential(convolution(3, 21, dtype=dtype), layer, norm, nn.ReLU()), 2, 3, 12, 13)


@dtypes
def test_means_over_many_places_add_up_short_sums(dtype):
    layers = [convolution(3, 20, padding=1, dtype=dtype), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    model = nn.Sequential(*layers)
    x = np.ones((1, 3, 150, 200), dtype)
    expected = model[:2](x).astype(np.float64).mean(axis=(2, 3), keepdims=True)
    assert_close(model.prepare()(x), expected.astype(dtype))


@dtypes
def test_flattening_keeps_the_order_of_callers(dtype):
    head = nn.Linear(21 * 4 * 5, 7, dtype=dtype, rng=0), nn.ReLU(), nn.Dropout(), nn.Linear(7, 3, dtype=dtype, rng=1)
    check(nn.Sequential(convolution(3, 21, dtype=dtype), nn.Flatten(), *head), 3, 3, 6, 7)


@dtypes
def test_sums_of_whatever_branches(dtype):
    options = {"padding": 1, "dtype": dtype}
    shared = convolution(18, 18, **options)
    nodes = {
        "a": (convolution(18, 18, **options), "x"),
        "b": (nn.ReLU(), "a"),
        "c": (shared, "a"),
        "d": ("add", "a", "b", "c", "x"),
        "e": (nn.ReLU(), "d"),
        "f": (shared, "e"),
        "g": ("add", "f", "f"),
    }
    graph = nn.Graph(nodes, "x", "g")
    prepared = check(graph, 2, 18, 9, 10)
    assert isinstance(prepared, PreparedConvolutional)
    doubled = nn.Residual(nn.Residual(shared), shared)
    check(nn.Sequential(nn.ReLU(), doubled, nn.ReLU()), 1, 18, 8, 8, whole=False)


def test_layers_that_the_core_does_not_have_stay_themselves():
    layers = [
        nn.Conv2d(3, 8, 3, rng=0),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8, rng=1),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 6, 1, rng=2),
        nn.Softmax(1),
        nn.Conv2d(6, 6, 3, rng=3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.LayerNorm(54),
    ]
    prepared = check(nn.Sequential(*layers), 2, 3, 12, 12, whole=False)
    assert len(parts(prepared)) == 2
    check(
        nn.Sequential(nn.Concat(nn.Conv2d(3, 4, 3, rng=0), nn.Conv2d(3, 4, 3, rng=1)), nn.ReLU()),
        2,
        3,
        5,
        5,
        whole=False,
    )
    gates = {"a": (nn.Conv2d(3, 3, 1, rng=0), "x"), "b": ("multiply", "a", "x")}
    check(nn.Graph(gates, "x", "b"), 2, 3, 5, 5, whole=False)
    check(nn.Sequential(nn.Conv1d(3, 20, 3, rng=0), nn.ReLU(), nn.Conv1d(20, 4, 3, rng=1)), 2, 3, 40, whole=False)
    check(nn.Sequential(nn.Conv3d(3, 20, 3, rng=0), nn.ReLU(), nn.Conv3d(20, 4, 3, rng=1)), 2, 3, 7, 8, 9, whole=False)


@settings(deadline=None)
@given(st.data())
def test_random_networks(data):
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    size, channels = data.draw(st.integers(1, 24)), data.draw(st.integers(1, 40))
    batch, layers, below = data.draw(st.integers(1, 3)), [], channels
    for _ in range(data.draw(st.integers(2, 6))):
        kind = data.draw(st.sampled_from(["conv", "conv", "block", "norm", "relu", "pool", "mean"]))
        if kind == "conv" or not layers:
            outputs, kernel = data.draw(st.integers(1, 80)), data.draw(st.integers(1, 5))
            stride = data.draw(st.integers(1, 3))
            options = {"stride": stride, "padding": kernel // 2, "bias": data.draw(st.booleans())}
            layers.append(convolution(below, outputs, kernel, dtype=dtype, **options))
            below = outputs
        elif kind == "block":
            outputs = data.draw(st.integers(1, 40))
            layers += block(below, outputs, data.draw(st.integers(1, 2)), dtype=dtype)
            below = outputs
        elif kind == "norm":
            layers.append(nn.BatchNorm2d(below, dtype=dtype))
        else:
            layers.append({"relu": nn.ReLU(), "pool": nn.MaxPool2d(3, 2, 1), "mean": nn.AvgPool2d(3, 1, 1)}[kind])
    check(nn.Sequential(*layers), batch, channels, size, data.draw(st.integers(1, 24)), whole=False)


def test_infinities_and_nan_go_where_they_go():
    model = randomise(nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 20, 1), nn.ReLU()))
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
    x[0, 1, 2, 2], x[0, 0, 4, 4], x[0, 2, 7, 0] = np.inf, np.nan, -np.inf
    np.testing.assert_allclose(model.prepare()(x), model(x), rtol=1e-4, atol=1e-5)


def test_threads_do_not_change_a_bit():
    prepared = randomise(resnet()).prepare()
    x = np.random.default_rng(2).standard_normal((2, 3, 80, 80)).astype(np.float32)
    with gf.threads(1):
        expected = prepared(x)
    for n in range(2, 6):
        with gf.threads(n):
            np.testing.assert_array_equal(prepared(x), expected)


def test_many_threads_share_one():
    model = randomise(resnet())
    rng = np.random.default_rng(3)
    xs = [
        rng.standard_normal((1, 3, size, size)).astype(np.float32) for size in (48, 32, 40, 64, 36, 56, 44, 52, 60, 33)
    ]
    expected = [model.prepare()(x) for x in xs]
    prepared = model.prepare()
    with ThreadPoolExecutor(4) as threads:
        for _ in range(4):
            for got, y in zip(threads.map(prepared, xs), expected, strict=True):
                np.testing.assert_array_equal(got, y)


def test_it_keeps_the_weights_of_its_time_and_repacks_after_pickling():
    model = randomise(resnet())
    x = np.random.default_rng(4).standard_normal((1, 3, 32, 32)).astype(np.float32)
    prepared = model.prepare(x.shape)
    before, nbytes = prepared(x), prepared.nbytes
    assert prepared.nbytes == nbytes
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(prepared))(x), before)
    for value in model.parameters().values():
        value += 1
    np.testing.assert_array_equal(prepared(x), before)
    assert_close(pickle.loads(pickle.dumps(prepared))(x), model(x))


def test_it_reads_what_layers_read():
    model = randomise(resnet())
    prepared, rng = model.prepare(), np.random.default_rng(5)
    pixels = rng.integers(0, 255, (2, 3, 32, 32), dtype=np.uint8)
    assert_close(prepared(pixels), model(pixels.astype(np.float32)))
    views = rng.standard_normal((2, 32, 32, 3)).astype(np.float32).transpose(0, 3, 1, 2)
    assert_close(prepared(views), model(views))
    assert prepared(np.zeros((0, 3, 32, 32), np.float32)).shape == (0, 10)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((1, 4, 32, 32), np.float32),
        np.zeros((3, 32, 32), np.float32),
        np.zeros((1, 3, 32, 32)),
        np.zeros((1, 3, 0, 32), np.float32),
        np.zeros((1, 3, 32, 32), np.complex64),
        np.array("text"),
    ],
    ids=["channels", "axes", "dtype", "empty", "complex", "text"],
)
def test_errors_are_those_of_the_layers(x):
    model = resnet()
    prepared = model.prepare()
    with pytest.raises((ValueError, TypeError)) as expected:
        model(x)
    with pytest.raises(type(expected.value)) as got:
        prepared(x)
    assert str(got.value) == str(expected.value)
    assert "Sequential[0] Conv2d" in str(got.value)


def test_errors_inside_name_their_place():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(32, 5, rng=1))
    x = np.zeros((1, 3, 5, 5), np.float32)
    with pytest.raises(ValueError, match=r"Sequential\[3\] Linear\(32, 5\): expected last axis 32, got 72"):
        model.prepare()(x)
    with pytest.raises(ValueError, match=r"Sequential\[3\] Linear\(32, 5\): expected last axis 32, got 72"):
        model.prepare(x.shape)
    model = nn.Sequential(nn.Residual(nn.Conv2d(3, 4, 3, padding=1, rng=0)), nn.ReLU())
    with pytest.raises(ValueError, match="the layer gives shape"):
        model.prepare()(x)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, rng=0), nn.BatchNorm2d(5), nn.ReLU())
    with pytest.raises(ValueError, match=r"Sequential\[1\] BatchNorm2d\(5\): expected x of shape"):
        model.prepare()(x)


def test_states_are_those_of_the_layers():
    x = np.ones((1, 4, 5, 5), np.float32)
    residual = nn.Residual(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, rng=0), nn.ReLU()))
    graph = nn.Graph({"a": (residual, "x"), "b": (nn.ReLU(), "a")}, "x", "b")
    for model in (residual, graph, nn.Sequential(residual, nn.ReLU())):
        y, state = model.prepare()(x, return_state=True)
        expected, expected_state = model(x, return_state=True)
        assert_close(y, expected)
        assert state == expected_state
        with pytest.raises(ValueError, match="state"):
            residual.prepare()(x, 3)


def test_the_choice_falls_on_programs_that_are_faster():
    def program(*layers):
        return parts(nn.Sequential(*layers).prepare())

    wide = [nn.Conv2d(3, 16, 3, rng=0), nn.ReLU(), nn.Conv2d(16, 32, 3, rng=1), nn.ReLU()]
    assert program(*wide)
    assert not program(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3))
    assert not program(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 1))
    assert not program(nn.Conv2d(3, 16, 9), nn.ReLU(), nn.Conv2d(16, 32, 3))
    assert program(nn.Conv2d(3, 16, 9, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 3))


def test_the_choice_depends_on_the_input_and_keeps_the_weights():
    model = nn.Sequential(nn.Conv2d(3, 16, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, rng=1))
    prepared, rng = model.prepare(), np.random.default_rng(0)
    (part,) = parts(prepared)
    small, large = (rng.standard_normal((n, 3, 64, 64)).astype(np.float32) for n in (1, 20))
    assert inference.pays_for(part._program, small.shape)
    assert not inference.pays_for(part._program, large.shape)
    expected = [model(x) for x in (small, large)]
    model[0].params["weight"] += 1
    for x, y in zip((small, large), expected, strict=True):
        assert_close(prepared(x), y)
    assert prepared.nbytes >= 2 * sum(value.nbytes for value in model.parameters().values())
    with pytest.raises(ValueError, match=r"Sequential\[0\] Conv2d"):
        prepared(large[:, :2])
    normalised = nn.Sequential(model[0], nn.BatchNorm2d(16), nn.ReLU(), model[3])
    assert inference.pays_for(parts(normalised.prepare())[0]._program, large.shape)


def test_a_prepared_model_does_not_train():
    prepared = resnet().prepare()
    assert not hasattr(prepared, "forward")
    assert not hasattr(prepared, "parameters")


def test_precision_highest_takes_every_product():
    model = randomise(nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1)))
    x = np.random.default_rng(6).standard_normal((1, 32, 28, 28)).astype(np.float32)
    prepared = model.prepare()
    high = prepared(x)
    gf.set_float32_precision("highest")
    try:
        highest, expected = prepared(x), model(x)
    finally:
        gf.set_float32_precision("high")
    assert not np.array_equal(high, highest)
    assert np.abs(highest - expected).max() <= 1e-6 * np.abs(expected).max()
