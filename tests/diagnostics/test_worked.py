"""Worked numbers: the weight of the past in scalar units, powers of matrices, sizes of a small network."""

import math

import numpy as np
import pytest

from goldfish import diagnostics as gd
from goldfish import nn

ONES = np.ones((5, 1))


def unit(weight, nonlinearity="relu"):
    layer = nn.RNN(1, 1, nonlinearity=nonlinearity, bias=False, dtype="float64")
    layer.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[weight]]})
    return layer


@pytest.mark.parametrize(
    "weight, profile", [(0.1, [1e-4, 1e-3, 1e-2, 0.1, 1]), (2.0, [16, 8, 4, 2, 1]), (1.0, [1, 1, 1, 1, 1])]
)
@pytest.mark.parametrize("norm", ["spectral", "fro", "abs"])
def test_the_weight_of_the_past(weight, profile, norm):
    np.testing.assert_allclose(gd.influence(unit(weight), ONES, norm=norm), profile, rtol=1e-12)
    shares = np.array(profile) / sum(profile)
    np.testing.assert_allclose(gd.influence_share(unit(weight), ONES, norm=norm), shares, rtol=1e-12)


def test_a_saturating_unit_forgets_although_its_weight_is_two():
    layer, x = unit(2.0, "tanh"), np.full((50, 1), 0.5)
    jacobians = gd.state_jacobians(layer, x)
    assert np.prod(jacobians) == pytest.approx(9.785334952496471e-61, rel=1e-9)
    assert gd.influence(layer, x)[0] == pytest.approx(4.892667476248236e-61, rel=1e-9)
    assert gd.lyapunov_exponents(layer, x)[0] == pytest.approx(math.log(9.785334952496471e-61) / 50, rel=1e-9)
    assert gd.recurrent_report([[2.0]]).verdict == "can explode"


def test_transient_growth():
    powers = {1: 5.157066, 2: 9.072319, 5: 16.423730, 10: 19.377299, 20: 13.509611, 50: 1.431623, 100: 0.014756}
    matrix = np.array([[0.9, 5.0], [0.0, 0.9]])
    report = gd.recurrent_report(matrix, activation="linear")
    for k, value in powers.items():
        assert report.power_norms[k] == pytest.approx(value, abs=1e-6)
    assert report.verdict == "vanishes asymptotically after transient x19.4"
    layer = nn.RNN(2, 2, nonlinearity="relu", bias=False, dtype="float64")
    layer.load_state_dict({"weight_ih_l0": np.eye(2), "weight_hh_l0": matrix})
    norms = gd.lag_norms(layer, np.ones((21, 2)))
    assert [norms[20, 20 - k] for k in (1, 5, 20)] == pytest.approx([powers[k] for k in (1, 5, 20)], abs=1e-6)


def test_the_same_matrix_a_thousand_times():
    for weight, value in ((0.9, 1.7478712517226515e-46), (1.1, 2.4699329180058264e41)):
        assert gd.recurrent_report([[weight]], activation="linear", K=1000).power_norms[-1] == pytest.approx(value)
    far = gd.recurrent_report([[1e-3]], activation="linear", K=1000)
    assert far.power_norms[-1] == 0
    assert far.log10_power_norms[-1] == pytest.approx(-3000)
    assert gd.recurrent_report([[1e3]], activation="linear", K=1000).log10_power_norms[-1] == pytest.approx(3000)


@pytest.mark.parametrize("seed", range(4))
def test_hand_made_spectra(seed):
    """Networks without saturation whose Jacobian is a matrix with singular values and eigenvalues of our choice."""
    rng = np.random.default_rng(seed)
    turned = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    values = np.array([1.3, 0.9, 0.5, 0.1])
    matrix = turned @ np.diag(values) @ turned.T
    layer = nn.RNN(4, 4, dtype="float64")
    layer.load_state_dict(
        {"weight_ih_l0": np.eye(4), "weight_hh_l0": matrix, "bias_ih_l0": np.zeros(4), "bias_hh_l0": np.zeros(4)}
    )
    x = np.zeros((60, 4))  # tanh at 0 has the slope 1
    np.testing.assert_allclose(gd.lyapunov_exponents(layer, x, k=4), np.log(values), rtol=1e-9)
    np.testing.assert_allclose(gd.influence(layer, x), values[0] ** np.arange(59, -1, -1), rtol=1e-9)
    norms = gd.lag_norms(layer, x[:10])
    assert norms[9, 0] == pytest.approx(values[0] ** 9)
    report = gd.recurrent_report(matrix)
    assert (report.spectral_radius, report.sigma_max, report.sigma_min) == pytest.approx((1.3, 1.3, 0.1))


def test_an_orthogonal_matrix_keeps_every_gradient():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert gd.recurrent_report(turn, activation="linear").verdict == "norm-preserving (orthogonal)"
    assert gd.recurrent_report(turn, activation="tanh").verdict == "cannot explode"
    assert gd.recurrent_report([[1.0, 0.0], [0.0, 0.5]], activation="linear").verdict == "cannot explode"
    layer = nn.RNN(2, 2, bias=False, dtype="float64")
    layer.load_state_dict({"weight_ih_l0": np.eye(2), "weight_hh_l0": turn})
    np.testing.assert_allclose(gd.influence(layer, np.zeros((500, 2))), 1, rtol=1e-12)
    np.testing.assert_allclose(gd.lyapunov_exponents(layer, np.zeros((500, 2)), k=2), 0, atol=1e-12)


@pytest.mark.parametrize(
    "matrix, activation, verdict",
    [
        ([[0.5]], "tanh", "must vanish"),
        ([[0.5]], "linear", "must vanish"),
        ([[2.0]], "sigmoid", "must vanish"),
        ([[5.0]], "sigmoid", "can explode"),
        ([[2.0]], "relu", "can explode"),
        ([[0.9, 5.0], [0.0, 0.9]], "tanh", "can explode"),
        ([[0.0, 1.0], [0.0, 0.0]], "linear", "vanishes asymptotically after transient x1"),
    ],
)
def test_verdicts(matrix, activation, verdict):
    report = gd.recurrent_report(matrix, activation=activation)
    assert report.verdict == verdict
    assert str(report).startswith(verdict)


def recitation():
    return [
        nn.MaxPool2d(2),
        nn.Conv2d(3, 12, 17),
        nn.MaxPool2d(3),
        nn.Flatten(),
        nn.Linear(3072, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
        nn.Softmax(),
    ]


def test_the_sheet_of_a_small_network():
    shape = (3, 128, 128)
    table, work = gd.count_parameters(recitation(), shape), gd.count_macs(recitation(), shape)
    shapes = [(3, 64, 64), (12, 48, 48), (12, 16, 16), (3072,), (128,), (128,), (10,), (10,)]
    assert [row.shape for row in table] == [row.shape for row in work] == shapes
    assert [row.count for row in table] == [0, 10416, 0, 0, 393344, 0, 1290, 0]
    assert table.total == 405050
    assert table[1].share == pytest.approx(2.5715344, abs=5e-8)
    assert table[4].share + table[6].share == pytest.approx(97.4284656, abs=5e-8)
    assert [row.count for row in work if row.count] == [23_970_816, 393216, 1280]
    assert work[1].share == pytest.approx(98.3809, abs=5e-5)
    found = gd.summary(recitation(), shape)
    assert (found.parameters, found.macs) == (405050, 23_970_816 + 394_496)
    assert found.parameter_nbytes == 4 * 405050
    assert found.activation_nbytes == 4 * sum(math.prod(s) for s in shapes)
    assert "23,970,816" in str(found)
    assert "1.5 MB" in str(found)


def test_recurrent_shapes():
    cell = nn.Sequential(nn.RNN(3, 4), nn.Linear(4, 2))
    assert gd.count_parameters([nn.RNN(3, 4, bias=False), nn.Linear(4, 2, bias=False)]).total == 36
    assert gd.count_parameters(cell).total == 46
    assert {gd.count_parameters(cell, (T, 3)).total for T in (1, 9, 1000)} == {46}
    assert [gd.count_macs(cell, (T, 3)).total for T in (1, 9, 1000)] == [36, 324, 36000]
