"""No gradient without a check: the table holds every backward, every field of its result and every option."""

import inspect

import numpy as np
import pytest

import goldfish as gf
from gradient_table import GRADIENTS

# Arguments that do not change what is computed.
WITHOUT_EFFECT = {"out", "rng"}


def test_every_backward_is_in_the_table():
    assert {name.removesuffix("_backward") for name in dir(gf) if name.endswith("_backward")} == set(GRADIENTS)


@pytest.mark.parametrize("operation", GRADIENTS)
def test_every_field_of_the_gradients_is_checked(operation, rng):
    cases = GRADIENTS[operation]
    fields = cases[0].backward(cases[0].draw_slopes(rng))._fields
    assert {name for case in cases for name in case.arrays} == set(fields)


@pytest.mark.parametrize("operation", GRADIENTS)
def test_every_option_is_checked(operation):
    """Some case gives every option another value than its default."""
    cases = GRADIENTS[operation]
    for name, parameter in inspect.signature(getattr(gf, operation)).parameters.items():
        if parameter.default is not parameter.empty and name not in WITHOUT_EFFECT:
            values = [{**case.given, **case.arrays}.get(name, parameter.default) for case in cases]
            assert any(np.size(value) > 1 or value != parameter.default for value in values), f"{operation}: {name}"


@pytest.mark.parametrize("operation", ["rnn", "lstm", "gru"])
def test_one_step_and_every_slope_are_checked(operation):
    cases = GRADIENTS[operation]
    assert any(case.arrays["x"].shape[0] == 1 for case in cases if "x" in case.arrays)
    states = {"h_n", "c_n"} if operation == "lstm" else {"h_n"}
    assert {frozenset(case.slopes) & (states | {"y"}) for case in cases} >= {frozenset({"y"}), frozenset(states)}
