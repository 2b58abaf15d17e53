"""Every gradient of the table against central differences, and what a backward pass may skip."""

import numpy as np
import pytest

from compare import DEFAULT, FLOAT64, PARAMETER_GRADIENT, error
from gradcheck import Case, check
from gradient_table import GRADIENTS

CASES = [case for cases in GRADIENTS.values() for case in cases]
DATA = ("x", "h_0", "c_0", "logits")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_equal_central_differences(case, rng):
    check(case, rng)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_float32_gradients_follow_float64(case, rng):
    """The same slopes through the float32 kernels."""
    single = Case(case.operation, _cast(case.arrays), _cast(case.given), case.slopes)
    slopes = single.draw_slopes(rng)
    found = single.backward(slopes)
    expected = case.backward({name: dy.astype(np.float64) for name, dy in slopes.items()})
    for name in case.arrays:
        gradient = getattr(found, name)
        assert gradient.dtype == np.float32
        allowed = DEFAULT if name in DATA else PARAMETER_GRADIENT
        assert error(gradient, getattr(expected, name), floor=1.0) <= allowed, name


@pytest.mark.parametrize("operation", GRADIENTS)
def test_needs_chooses_the_gradients(operation, rng):
    case = max(GRADIENTS[operation], key=lambda case: len(case.arrays))
    slopes = case.draw_slopes(rng)
    everything = case.backward(slopes)
    for name in everything._fields:
        alone = case.backward(slopes, needs=(name,))
        assert [field for field in alone._fields if getattr(alone, field) is not None] == [name]
        assert error(getattr(alone, name), getattr(everything, name)) <= FLOAT64
    assert all(gradient is None for gradient in case.backward(slopes, needs=()))
    reversed_names = case.backward(slopes, needs=everything._fields[::-1])
    for name in everything._fields:
        assert error(getattr(reversed_names, name), getattr(everything, name)) <= FLOAT64


def test_a_wrong_gradient_is_noticed(rng, monkeypatch):
    """The check itself: a tenth of a percent on one element of one argument must fail it."""
    import goldfish as gf

    case = GRADIENTS["linear"][-1]
    true_backward = gf.linear_backward

    def wrong_backward(dy, cache):
        grads = true_backward(dy, cache)
        weight = grads.weight.copy()
        weight[0, 0] *= 1.001
        return grads._replace(weight=weight)

    monkeypatch.setattr(gf, "linear_backward", wrong_backward)
    with pytest.raises(AssertionError, match="gradient of weight is off"):
        check(case, rng)


def _cast(values):
    """Float64 arrays as float32; everything else as it is."""
    return {
        name: value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value
        for name, value in values.items()
    }
