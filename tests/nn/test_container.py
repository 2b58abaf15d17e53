"""Sequential: places, slices, states, errors, and the one-hot input that is never built."""

import numpy as np
import pytest

from goldfish import nn
from goldfish.nn.layer import Layer

X = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)


def test_places_and_slices_share():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), head=nn.Linear(4, 2, rng=1))
    assert model[0] is model["0"]
    assert model[-1] is model["head"]
    assert len(model) == 3
    assert list(model) == [model[0], model[1], model[2]]
    body = model[:-1]
    assert isinstance(body, nn.Sequential)
    assert body[0] is model[0]
    assert list(model[1:].state_dict()) == ["head.weight", "head.bias"]
    body[0].params["bias"][...] = 7
    assert (model[0].params["bias"] == 7).all()
    assert np.array_equal(model["head"](body(X)), model(X))


def test_training_a_slice_moves_the_whole():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
    before = model(X)
    y, backward = model[:-1].forward(X)
    backward(np.ones_like(y))
    nn.SGD(0.1).step(model[:-1])
    assert not np.array_equal(model(X), before)


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.MaxPool2d(3, 1, dilation=2)])
def test_a_maximum_before_a_rectifier_is_the_same(pool, rng):
    """The two run in the cheaper order: every bit of the values and of the gradient stays."""
    x = np.round(rng.standard_normal((4, 3, 9, 8)), 1).astype(np.float32)
    x[0, 0, 2, 2], x[0, 1] = np.nan, -1
    relu = nn.ReLU()
    between, rectify = relu.forward(x)
    expected, maximum = pool.forward(between)
    dy = rng.standard_normal(expected.shape).astype(np.float32)
    model = nn.Sequential(relu, pool)
    y, backward = model.forward(x)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(model(x), expected)
    np.testing.assert_array_equal(model.prepare()(x), expected)
    np.testing.assert_array_equal(backward(dy), rectify(maximum(dy)))


def test_padding_is_not_rectified():
    x = np.full((1, 1, 4), -1, np.float32)
    model = nn.Sequential(nn.ReLU(), nn.MaxPool1d(3, 2, 1))
    assert [layer for _, layer, _ in model._steps()] == list(model)
    assert model(x).tolist() == [[[0, 0]]]


def test_an_error_names_the_place_whatever_runs_first():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, rng=0), nn.ReLU(), nn.MaxPool2d(9))
    with pytest.raises(ValueError, match=r"Sequential\[2\] MaxPool2d\(9\)"):
        model(np.zeros((1, 1, 5, 5), np.float32))


def test_bad_children():
    with pytest.raises(TypeError, match="Sequential: 1 expected a Layer, got int"):
        nn.Sequential(nn.ReLU(), 3)
    with pytest.raises(ValueError, match=r"a name expected without a dot, got 'a\.b'"):
        nn.Sequential(**{"a.b": nn.ReLU()})


def test_errors_name_the_place():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 96), nn.ReLU(), nn.Linear(128, 10))
    for call in (model, model.forward):
        with pytest.raises(ValueError) as error:
            call(X)
        assert str(error.value) == "Sequential[3] Linear(128, 10): expected last axis 128, got 96"
    nested = nn.Sequential(nn.Linear(3, 4), body=nn.Sequential(nn.ReLU(), nn.Linear(3, 2)))
    with pytest.raises(ValueError) as error:
        nested(X)
    assert str(error.value) == "Sequential['body'] Sequential[1] Linear(3, 2): expected last axis 3, got 4"


def test_errors_of_a_kernel_name_the_place():
    model = nn.Sequential(nn.Conv2d(1, 2, 5))
    with pytest.raises(ValueError, match=r"^Sequential\[0\] Conv2d\(1, 2, 5\): .*"):
        model(np.zeros((1, 1, 3, 3), np.float32))
    with pytest.raises(TypeError, match=r"^Sequential\[0\] Linear\(3, 2\): .*"):
        nn.Sequential(nn.Linear(3, 2))(X.astype(np.float64))


def test_state_is_a_dict_of_the_recurrent_layers():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.GRU(4, 5, rng=1), memory=nn.LSTM(5, 2, rng=2))
    x = np.random.default_rng(1).standard_normal((2, 6, 3)).astype(np.float32)
    whole = model(x)
    first, state = model(x[:, :4], return_state=True)
    assert list(state) == ["1", "memory"]
    assert state["1"].shape == (1, 2, 5)
    second = model(x[:, 4:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"state expected a dict with keys among \['1', 'memory'\], got \['0'\]"):
        model(x, {"0": state["1"]})
    with pytest.raises(ValueError, match="got ndarray"):
        model(x, state["1"])


@pytest.mark.parametrize("cell", [nn.RNN, nn.LSTM, nn.GRU])
def test_one_hot_before_a_recurrent_layer_is_not_built(cell, monkeypatch):
    ids = np.random.default_rng(0).integers(0, 7, (3, 5))
    fused = nn.Sequential(nn.OneHot(7, dtype="float64"), cell(7, 4, dtype="float64", rng=0))
    built = nn.Sequential(nn.OneHot(7, dtype="float64"), nn.Dropout(0.0), cell(7, 4, dtype="float64", rng=0))
    y, backward = built.forward(ids)
    backward(np.cos(y))
    monkeypatch.setattr(nn.OneHot, "_apply", lambda self, x: pytest.fail("a one-hot array was built"))
    np.testing.assert_allclose(fused(ids), y, rtol=1e-12)
    y, backward = fused.forward(ids)
    assert backward(np.cos(y)) is None
    for name, gradient in built[2].grads.items():
        np.testing.assert_allclose(fused[1].grads[name], gradient, rtol=1e-10, atol=1e-14)


def test_one_hot_checks_what_the_recurrent_layer_would_not():
    model = nn.Sequential(nn.OneHot(7), nn.LSTM(8, 4))
    with pytest.raises(ValueError, match=r"Sequential\[1\] LSTM\(8, 4\): expected last axis 8, got 7"):
        model(np.array([[1, 2]]))
    with pytest.raises(TypeError, match=r"Sequential\[0\] OneHot\(7\): expected integers"):
        nn.Sequential(nn.OneHot(7), nn.LSTM(7, 4))(np.array([[1.0, 2.0]]))
    with pytest.raises(ValueError, match=r"Sequential\[1\] LSTM\(7, 4\): "):
        nn.Sequential(nn.OneHot(7), nn.LSTM(7, 4))(np.array([[1, 7]]))


def test_gradients_stop_below_frozen_layers():
    """Nothing below needs a gradient, so its backward pass never runs."""

    class Trap(Layer):
        def __call__(self, x, state=None, *, lengths=None, return_state=False):
            return x

        def forward(self, x, state=None, *, lengths=None, return_state=False, rng=None):
            return x, lambda dy: pytest.fail("the gradient went too far")

    model = nn.Sequential(Trap(), nn.Linear(3, 2))
    y, backward = model.forward(X)
    backward(np.ones_like(y), needs_x=False)
    assert model[1].grads["weight"].any()


def test_a_layer_of_ones_own():
    class Double(Layer):
        def __call__(self, x, state=None, *, lengths=None, return_state=False):
            return 2 * x

        def forward(self, x, state=None, *, lengths=None, return_state=False, rng=None):
            return 2 * x, lambda dy: 2 * dy

    plain, model = nn.Linear(3, 2, rng=0), nn.Sequential(Double(), nn.Linear(3, 2, rng=0), Double())
    np.testing.assert_allclose(model(X), 2 * plain(2 * X), rtol=1e-6)
    y, backward = model.forward(X)
    dx = backward(np.ones_like(y))
    np.testing.assert_allclose(dx, np.tile(4 * plain.params["weight"].sum(axis=0), (5, 1)), rtol=1e-6)


def test_dropout_in_sequential_draws_from_rng():
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
    x = np.ones((20, 20), np.float32)
    same, again = (model.forward(x, rng=3)[0] for _ in range(2))
    assert np.array_equal(same, again)
    assert not np.array_equal(same, model.forward(x, rng=4)[0])
    assert np.array_equal(model(x), x)
    assert 0.15 < (same > 0).mean() < 0.35
