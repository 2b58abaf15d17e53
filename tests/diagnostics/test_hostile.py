"""Long sequences, and input that is wrong."""

import math

import numpy as np
import pytest

from goldfish import diagnostics as gd
from goldfish import nn
from recurrent_differences import cell


def unit(weight, nonlinearity="relu"):
    layer = nn.RNN(1, 1, nonlinearity=nonlinearity, bias=False, dtype="float64")
    layer.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[weight]]})
    return layer


def last(y):
    dy = np.zeros_like(y)
    dy[..., -1, :] = 1
    return 0.0, lambda: dy


@pytest.mark.parametrize("weight", [0.1, 3.0])
def test_ten_thousand_steps(weight):
    T = 10_000
    x = np.ones((T, 1)) if weight < 1 else np.zeros((T, 1))
    layer = unit(weight, "relu" if weight < 1 else "tanh")  # tanh at 0 has the slope 1
    expected = (T - 1 - np.arange(T)) * math.log10(weight)
    np.testing.assert_allclose(gd.influence(layer, x, log10=True), expected, atol=1e-6)
    np.testing.assert_allclose(gd.grad_norm_by_step(layer, x, last, log10=True), expected, atol=1e-6)
    assert gd.lyapunov_exponents(layer, x[:2000])[0] == pytest.approx(math.log(weight), rel=1e-9)
    plain = gd.influence(layer, x)
    assert plain[0] == (0 if weight < 1 else math.inf)
    assert plain[-1] == 1


def test_directions_of_very_different_rates():
    layer = nn.RNN(2, 2, bias=False, dtype="float64")
    layer.load_state_dict({"weight_ih_l0": np.eye(2), "weight_hh_l0": np.diag([1.5, 1e-3])})
    x = np.zeros((400, 2))
    np.testing.assert_allclose(gd.lyapunov_exponents(layer, x, k=2), np.log([1.5, 1e-3]), rtol=1e-9)
    logs = gd.influence(layer, x, output=1, log10=True)
    np.testing.assert_allclose(logs, -3.0 * np.arange(399, -1, -1), atol=1e-8)


def test_a_state_that_forgets_everything():
    layer = unit(1.0)
    x = np.ones((6, 1))
    x[3] = -100.0  # relu is flat here
    np.testing.assert_array_equal(gd.influence(layer, x), [0, 0, 0, 0, 1, 1])
    np.testing.assert_array_equal(gd.influence(layer, x, log10=True)[:4], -np.inf)
    np.testing.assert_array_equal(gd.lag_norms(layer, x)[5], [0, 0, 0, 1, 1, 1])
    assert gd.lyapunov_exponents(layer, x[:2000])[0] == -np.inf
    assert np.isnan(gd.influence_share(layer, np.full((3, 1), -1.0))).all()


def test_steps_after_the_target_have_no_influence():
    np.testing.assert_array_equal(gd.influence(unit(2.0), np.ones((5, 1)), target=2), [4, 2, 1, 0, 0])
    np.testing.assert_array_equal(gd.influence(unit(2.0), np.ones((5, 1)), target=-3), [4, 2, 1, 0, 0])


FUNCTIONS = {
    "influence": gd.influence,
    "influence_share": gd.influence_share,
    "state_jacobians": gd.state_jacobians,
    "lag_norms": gd.lag_norms,
    "lyapunov_exponents": gd.lyapunov_exponents,
    "grad_norm_by_step": lambda model, x: gd.grad_norm_by_step(model, x, last),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    "x, message",
    [
        (np.ones(5), r"x must be of shape \(T, D\) or \(B, T, D\) or category numbers"),
        (np.ones((2, 3, 4, 5)), r"x must be of shape .* got float64 of shape \(2, 3, 4, 5\)"),
        (np.ones((5, 3)), r"x of shape \(5, 3\) does not suit the model: .*last axis 2, got 3"),
        (np.ones((0, 2)), "x must not be empty"),
        (np.array([[1.0, 1.0], [np.nan, 1.0]]), "x is not finite at step 1"),
        (np.array([["a", "b"]]), "x must be of shape"),
        (np.array([0, 5]), "x does not suit the model: .*0..1, got 0..5"),
    ],
)
def test_bad_sequences(name, x, message):
    with pytest.raises(ValueError, match=rf"{name}: {message}"):
        FUNCTIONS[name](cell("GRU"), x)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_states_that_overflow_name_the_step(name):
    with pytest.raises(ValueError, match=f"{name}: the state is not finite after step 2"):
        FUNCTIONS[name](unit(1e200), np.ones((5, 1)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_things_that_are_no_model(name):
    with pytest.raises(TypeError, match=f"{name}: model must be a Layer, got str"):
        FUNCTIONS[name]("model", np.ones((5, 2)))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if not name.startswith("influence")])
def test_models_without_a_state_that_runs_forward(name):
    x = np.ones((5, 2))
    both = nn.LSTM(2, 3, bidirectional=True)
    with pytest.raises(ValueError, match=rf"{name}: model must run forward in time, but LSTM\(2, 3, bidirectional"):
        FUNCTIONS[name](both, x)
    with pytest.raises(ValueError, match=rf"{name}: model must have a recurrent layer, got Linear\(2, 3\)"):
        FUNCTIONS[name](nn.Linear(2, 3), x)
    whole = nn.Sequential(nn.GRU(2, 3), nn.Flatten(), nn.Linear(12, 1))
    with pytest.raises(ValueError, match=rf"{name}: "):
        FUNCTIONS[name](whole, np.ones((4, 2)))


def test_a_head_over_all_steps_is_asked_as_a_whole():
    whole = nn.Sequential(nn.GRU(2, 3, dtype="float64"), nn.Flatten(), nn.Linear(12, 1, dtype="float64"))
    values = gd.influence(whole, np.ones((4, 2)))
    assert np.all(values > 0)
    with pytest.raises(ValueError, match="influence: target must be -1 for a model with one output per sequence"):
        gd.influence(whole, np.ones((4, 2)), target=1)
    with pytest.raises(ValueError, match=r"influence: x of shape .* does not suit the model"):
        gd.influence(whole, np.ones((5, 2)))


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"norm": "max"}, ValueError, "norm must be one of 'spectral', 'fro', 'abs', got 'max'"),
        ({"target": 5}, ValueError, r"target must be in -5\.\.4 for 5 steps, got 5"),
        ({"target": 1.5}, TypeError, "target must be an int, got 1.5"),
        ({"output": 3}, ValueError, r"output must be in -3\.\.2, got 3"),
    ],
)
def test_bad_options_of_influence(options, error, message):
    with pytest.raises(error, match=message):
        gd.influence(cell("RNN"), np.ones((5, 2)), **options)


@pytest.mark.parametrize("k", [0, 4, -1])
def test_bad_k(k):
    with pytest.raises(ValueError, match=rf"lyapunov_exponents: k must be in 1\.\.3, the size of the state, got {k}"):
        gd.lyapunov_exponents(cell("RNN"), np.ones((5, 2)), k=k)


@pytest.mark.parametrize(
    "loss, error, message",
    [
        (3, TypeError, "loss must be a function of y, got int"),
        (lambda y: 0.0, TypeError, r"loss must return \(value, backward\), got float"),
        (lambda y: (0.0, 1.0), TypeError, r"loss must return \(value, backward\)"),
        (lambda y: (0.0, lambda: np.ones(3)), ValueError, r"gradient must have y's shape \(5, 3\), got \(3,\)"),
        (lambda y: (0.0, lambda: np.full_like(y, np.nan)), ValueError, "the loss's gradient is not finite"),
    ],
)
def test_bad_losses(loss, error, message):
    for function in (gd.grad_norm_by_step, gd.diagnose_rnn):
        with pytest.raises(error, match=f"{function.__name__}: .*{message}"):
            function(cell("RNN"), np.ones((5, 2)), loss)


@pytest.mark.parametrize(
    "norms, threshold, message",
    [
        ([1.0], 0.0, "threshold must be > 0, got 0.0"),
        ([1.0], math.nan, "threshold must be > 0, got nan"),
        ([], 1e-3, r"norms must be of shape \(L,\) with L >= 1"),
        ([[1.0]], 1e-3, r"norms must be of shape \(L,\)"),
        ([1.0, -1.0], 1e-3, "norms must be >= 0, got -1.0 at lag 1"),
        ([1.0, math.nan], 1e-3, "norms must be >= 0, got nan at lag 1"),
        ([0.0, 1.0], 1e-3, r"norms\[0\] must be > 0"),
    ],
)
def test_bad_norms_of_effective_memory(norms, threshold, message):
    with pytest.raises(ValueError, match=f"effective_memory: {message}"):
        gd.effective_memory(norms, threshold)


def test_effective_memory():
    norms = np.array([2.0, 1.0, 0.1, 0.003, 0.0019, 1e-9])
    assert gd.effective_memory(norms) == 4
    assert gd.effective_memory(norms, threshold=0.4) == 2
    assert gd.effective_memory([1.0, 0.9, 0.8]) == 3


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([[1.0, 2.0]],), r"W must be of shape \(H, H\), got \(1, 2\)"),
        (([[1.0], [2.0, 3.0]],), "W must be a square matrix of numbers"),
        (([[1.0, 0.0], [math.nan, 1.0]],), r"W must be finite, got nan at \[1, 0\]"),
        ((np.zeros((0, 0)),), "W must be of shape"),
    ],
)
def test_bad_matrices(arguments, message):
    with pytest.raises(ValueError, match=f"recurrent_report: {message}"):
        gd.recurrent_report(*arguments)
    with pytest.raises(ValueError, match="activation must be one of 'linear', 'relu', 'tanh', 'sigmoid', got 'step'"):
        gd.recurrent_report([[1.0]], activation="step")
    with pytest.raises(ValueError, match="K must be >= 1, got 0"):
        gd.recurrent_report([[1.0]], K=0)


KINDS = [
    ("one-to-one", 1, None, "1", "1", False),
    ("one-to-many", 1, 4, "1000", "1111", True),
    ("many-to-one", 4, None, "1111", "0001", False),
    ("many-to-many", 3, 3, "111", "111", False),
    ("seq2seq", 3, 2, "11100", "00011", True),
]


@pytest.mark.parametrize("kind, T_in, T_out, inputs, outputs, feedback", KINDS)
def test_wiring(kind, T_in, T_out, inputs, outputs, feedback):
    steps = gd.wiring(kind, T_in, T_out)
    assert "".join("01"[i] for i in steps.inputs.astype(int)) == inputs
    assert "".join("01"[i] for i in steps.outputs.astype(int)) == outputs
    assert (steps.feedback, steps.T, steps.kind) == (feedback, len(inputs), kind)


@pytest.mark.parametrize(
    "arguments",
    [
        ("one-to-one", 2),
        ("one-to-one", 1, 2),
        ("one-to-many", 3, 4),
        ("one-to-many", 1),
        ("many-to-one", 4, 2),
        ("many-to-many", 3, 4),
        ("seq2seq", 3),
        ("many-to-one", 0),
        ("seq2seq", 3, 0),
        ("many-to-few", 3, 3),
    ],
)
def test_contradictory_wiring(arguments):
    with pytest.raises(ValueError, match="wiring: "):
        gd.wiring(*arguments)
    with pytest.raises(TypeError, match=r"wiring: T_in must be an int, got 2\.5"):
        gd.wiring("many-to-one", 2.5)
