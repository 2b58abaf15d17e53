"""The contract of Layer: names, states, freezing, copies, errors."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from goldfish import nn


def _model():
    return nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), head=nn.Linear(4, 2, rng=1))


def test_state_dict_names_and_identity():
    model = _model()
    state = model.state_dict()
    assert list(state) == ["0.weight", "0.bias", "head.weight", "head.bias"]
    assert state["head.bias"] is model["head"].params["bias"]
    assert list(model.parameters()) == list(state)


def test_load_state_dict_copies():
    model, other = _model(), _model()
    values = {name: value.astype(np.float64) + 1 for name, value in model.state_dict().items()}
    kept = model["head"].params["weight"]
    assert model.load_state_dict(values) == ([], [])
    assert kept is model["head"].params["weight"]
    assert kept.dtype == np.float32
    np.testing.assert_allclose(kept, other["head"].params["weight"] + 1, rtol=1e-6)


def test_load_state_dict_lists_what_is_wrong():
    model = _model()
    before = {name: value.copy() for name, value in model.state_dict().items()}
    state = {"0.weight": np.zeros((3, 4)), "0.bias": np.zeros(4), "head.weight": np.zeros((2, 4)), "extra": np.zeros(1)}
    with pytest.raises(ValueError) as error:
        model.load_state_dict(state)
    assert str(error.value) == (
        "Sequential.load_state_dict: missing keys ['head.bias']; unexpected keys ['extra']; "
        "'0.weight' expected shape (4, 3), got (3, 4)"
    )
    with pytest.raises(ValueError, match=r"'0\.weight' expected shape"):
        model.load_state_dict(state, strict=False)
    with pytest.raises(TypeError, match=r"'0\.bias' expected real numbers"):
        model.load_state_dict({**before, "0.bias": np.array(["a"] * 4)})
    for name, value in model.state_dict().items():
        assert np.array_equal(value, before[name])


def test_load_state_dict_not_strict():
    report = _model().load_state_dict({"0.bias": np.zeros(4), "extra": np.zeros(1)}, strict=False)
    assert report.missing_keys == ["0.weight", "head.weight", "head.bias"]
    assert report.unexpected_keys == ["extra"]


def test_zero_grad():
    layer = nn.Linear(3, 2)
    y, backward = layer.forward(np.ones((1, 3), np.float32))
    backward(np.ones_like(y))
    assert layer.grads["weight"].any()
    layer.zero_grad()
    assert layer.grads["weight"].shape == (2, 3)
    assert layer.grads["weight"].dtype == np.float32
    assert not layer.grads["weight"].any()


def test_frozen_layers_get_no_gradient_and_do_not_move():
    model = _model()
    model[:-1].freeze()
    assert model[0].frozen
    assert not model["head"].frozen
    assert model.trainable
    before = model[0].params["weight"].copy()
    head = model["head"].params["weight"].copy()
    y, backward = model.forward(np.ones((5, 3), np.float32))
    assert backward(np.ones_like(y)).shape == (5, 3)
    nn.Adam(0.1, weight_decay=0.1).step(model)
    assert not model[0].grads["weight"].any()
    assert np.array_equal(model[0].params["weight"], before)
    assert not np.array_equal(model["head"].params["weight"], head)
    assert not model.freeze().trainable
    assert model.freeze(False)[0].trainable


@pytest.mark.parametrize("frozen", [False, True])
def test_recurrent_layers_freeze(frozen):
    layer = nn.LSTM(3, 2, rng=0).freeze(frozen)
    y, backward = layer.forward(np.ones((2, 4, 3), np.float32))
    assert backward(np.ones_like(y)).shape == (2, 4, 3)
    assert layer.grads["weight_hh_l0"].any() != frozen


def test_needs_x_skips_the_gradient_of_the_input():
    model = _model()
    y, backward = model.forward(np.ones((5, 3), np.float32))
    assert backward(np.ones_like(y), needs_x=False) is None
    assert model[0].grads["weight"].any()


def test_backward_runs_once():
    for layer, shape in ((nn.Linear(3, 2), (1, 3)), (nn.LSTM(3, 2), (1, 4, 3)), (_model(), (1, 3))):
        y, backward = layer.forward(np.ones(shape, np.float32))
        backward(np.ones_like(y))
        with pytest.raises(RuntimeError, match="has already run"):
            backward(np.ones_like(y))


def test_backward_refuses_another_shape_and_stays_usable():
    layer = nn.Linear(3, 2)
    y, backward = layer.forward(np.ones((5, 3), np.float32))
    with pytest.raises(ValueError, match=r"Linear\(3, 2\): backward expected dy of shape \(5, 2\), got \(5, 3\)"):
        backward(np.ones((5, 3), np.float32))
    assert not layer.grads["weight"].any()
    assert backward(np.ones_like(y)).shape == (5, 3)


def test_backward_does_not_pickle():
    _, backward = nn.Linear(3, 2).forward(np.ones((5, 3), np.float32))
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(backward)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_layers_copy(clone):
    model = nn.Sequential(nn.OneHot(5), nn.LSTM(5, 3, bidirectional=True, rng=0), head=nn.Linear(6, 2, rng=1))
    model[1].freeze()
    x = np.array([[1, 2, 3]])
    y, backward = model.forward(x)
    backward(np.ones_like(y))
    other = clone(model)
    assert np.array_equal(other(x), model(x))
    assert other[1].frozen
    assert not other["head"].grads["weight"].any()
    other["head"].params["weight"][...] = 0
    assert model["head"].params["weight"].any()


def test_inference_writes_nothing():
    model = _model()
    before = pickle.dumps(model)
    model(np.ones((5, 3), np.float32))
    assert pickle.dumps(model) == before


def test_threads_share_a_model():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, rng=rng), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5, rng=rng))
    images = [rng.standard_normal((n, 1, 8, 8)).astype(np.float32) for n in range(1, 30)]
    expected = [model(x) for x in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(model, images * 5))
    assert all(np.array_equal(y, expected[index % 29]) for index, y in enumerate(found))


def test_accumulate_refuses_another_shape():
    with pytest.raises(ValueError, match=r"the gradient of 'bias' expected shape \(2,\), got \(3,\)"):
        nn.Linear(3, 2).accumulate("bias", np.zeros(3, np.float32))


def test_the_same_rng_gives_the_same_network_in_both_precisions():
    single, double = nn.Conv2d(2, 3, 3, rng=4), nn.Conv2d(2, 3, 3, dtype="float64", rng=4)
    assert single.params["weight"].dtype == np.float32
    assert np.array_equal(single.params["weight"], double.params["weight"].astype(np.float32))
    assert nn.Linear(3, 2)(np.zeros((1, 3), np.float32)).dtype == np.float32


def test_repr():
    assert repr(nn.Linear(128, 10)) == "Linear(128, 10)"
    assert repr(nn.Linear(128, 10, bias=False)) == "Linear(128, 10, bias=False)"
    assert repr(nn.Conv2d(1, 8, 3, padding="same")) == "Conv2d(1, 8, 3, padding='same')"
    assert repr(nn.LSTM(65, 256, output="last")) == "LSTM(65, 256, output='last')"
    assert repr(_model()) == "Sequential(Linear(3, 4), ReLU(), head=Linear(4, 2))"


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nn.Linear(128, 10)(np.zeros((2, 96))), "Linear(128, 10): expected last axis 128, got 96"),
        (lambda: nn.Conv2d(3, 8, 3)(np.zeros((2, 1, 5, 5))), "expected x of shape (N, 3, H, W), got (2, 1, 5, 5)"),
        (lambda: nn.MaxPool2d(2)(np.zeros((2, 5))), "MaxPool2d(2): expected x of shape (N, C, H, W), got (2, 5)"),
        (lambda: nn.OneHot(3)(np.array([3])), "OneHot(3): expected numbers in 0..2, got 3..3"),
        (lambda: nn.LSTM(3, 2)(np.zeros((1, 2, 4))), "LSTM(3, 2): expected last axis 3, got 4"),
        (lambda: nn.LSTM(3, 2)(np.zeros((1, 3))), "or integers of shape (N, T), got float64 of shape (1, 3)"),
        (lambda: nn.GRU(3, 2)(np.zeros((1, 2, 3)), np.zeros((1, 2))), "expected states of shape (1, N, 2), got (1, 2)"),
        (lambda: nn.LSTM(3, 2)(np.zeros((1, 2, 3)), 1.0), "expected a state of 2 arrays, got float"),
        (lambda: nn.ReLU()(np.zeros(3), np.zeros(3)), "ReLU(): expected no state, got ndarray"),
        (lambda: nn.Flatten(2)(np.zeros((1, 2))), "expected more than 2 axes, got shape (1, 2)"),
        (lambda: nn.Dropout(1.5), "Dropout: p expected in [0, 1], got 1.5"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups expected to divide in_channels 3 and out_channels 4, got 2"),
        (lambda: nn.RNN(3, 0), "RNN: input_size, hidden_size and num_layers expected >= 1, got 3, 0, 1"),
        (lambda: nn.GRU(3, 2, dropout=-1), "GRU: dropout expected in [0, 1], got -1"),
        (lambda: nn.GRU(3, 2, output="all"), "GRU: output expected 'sequence' or 'last', got 'all'"),
    ],
)
def test_errors_name_layer_expected_and_got(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert message in str(error.value)


def test_one_hot_refuses_floats():
    with pytest.raises(TypeError, match=r"OneHot\(3\): expected integers, got dtype float64"):
        nn.OneHot(3)(np.zeros(3))


def test_batch_norm_without_momentum_keeps_the_mean_over_all_batches(rng):
    layer = nn.BatchNorm1d(2, momentum=None, dtype="float64")
    batches = rng.standard_normal((5, 6, 2))
    for batch in batches:
        layer.forward(batch)
    np.testing.assert_allclose(layer.buffers["running_mean"], batches.mean(axis=(0, 1)), rtol=1e-12)
    np.testing.assert_allclose(layer.buffers["running_var"], batches.var(axis=1, ddof=1).mean(axis=0), rtol=1e-12)
    assert repr(layer) == "BatchNorm1d(2, momentum=None)"
