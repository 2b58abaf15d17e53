"""The public gradient check finds what is wrong, and passes what is right."""

import numpy as np
import pytest

import goldfish as gf
from goldfish import nn
from goldfish.testing import GradientError, central_differences, gradcheck

F8 = {"dtype": "float64", "rng": 1}


def test_polynomials_to_the_fourth_degree_are_exact(rng):
    x = rng.standard_normal(4)
    found = central_differences(lambda x: float((x**4 - 2 * x).sum()), x)
    np.testing.assert_allclose(found, 4 * x**3 - 2, atol=1e-10)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (nn.Sequential(nn.Linear(3, 4, **F8), nn.GELU(), nn.Dropout(0.5), nn.Linear(4, 2, **F8)), (5, 3)),
        (nn.Sequential(nn.Conv2d(1, 2, 3, **F8), nn.BatchNorm2d(2, 0.1, **F8), nn.Flatten()), (3, 1, 4, 4)),
        (nn.LSTM(3, 2, 2, bidirectional=True, **F8), (2, 4, 3)),
    ],
)
def test_layers_pass(layer, shape, rng):
    kept = {name: value.copy() for name, value in layer.state_dict().items()}
    report = gradcheck(layer, rng.standard_normal(shape))
    assert set(report.errors) == {"x", *layer.parameters()}
    assert report.worst < 1e-7
    assert all(np.array_equal(value, kept[name]) for name, value in layer.state_dict().items())


def test_states_and_lengths(rng):
    states = tuple(rng.standard_normal((1, 3, 2)) for _ in range(2))
    report = gradcheck(nn.LSTM(2, 2, **F8), rng.standard_normal((3, 4, 2)), state=states, lengths=[4, 0, 2])
    assert {"state 0", "state 1"} <= set(report.errors)


def test_triples_pass(rng):
    def linear(x, weight):
        y, cache = gf.linear_forward(x, weight)
        return y, lambda dy: tuple(gf.linear_backward(dy, cache))[:2]

    assert gradcheck(linear, rng.standard_normal((4, 3)), rng.standard_normal((2, 3))).worst < 1e-8


class Halved(nn.Linear):
    """A layer whose gradient of the weight is wrong."""

    def accumulate(self, name, gradient):
        super().accumulate(name, gradient * (0.5 if name == "weight" else 1))


def test_wrong_gradients_are_named(rng):
    with pytest.raises(GradientError, match="the gradient of weight is off by"):
        gradcheck(Halved(3, 2, **F8), rng.standard_normal((4, 3)))
    with pytest.raises(GradientError, match=r"of 0 expected shape \(3,\), got \(1,\)"):
        gradcheck(lambda x: (x, lambda dy: dy[:1]), np.ones(3))
    with pytest.raises(GradientError, match="2 gradients, got 1"):
        gradcheck(lambda x, y: (x + y, lambda dy: dy), np.ones(3), np.ones(3))
    with pytest.raises(GradientError, match=r"off by nan at \(1,\)"):
        gradcheck(lambda x: (x, lambda dy: dy * np.array([1, np.nan])), np.ones(2))


def test_float32_is_refused():
    with pytest.raises(TypeError, match="0 expected float64, got float32"):
        gradcheck(nn.Linear(3, 2, **F8), np.ones((4, 3), "f"))
    with pytest.raises(TypeError, match="weight expected float64, got float32"):
        gradcheck(nn.Linear(3, 2), np.ones((4, 3)))
