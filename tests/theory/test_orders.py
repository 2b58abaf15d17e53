"""The VC dimension of networks: a bound where there is one, an order where there is not."""

import itertools
import math

import pytest

from goldfish import theory
from goldfish.theory.orders import ORDERS


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_an_order_is_text_with_a_source(name):
    row = ORDERS[name]
    letters = theory.vc_order(name)
    filled = theory.vc_order(name, **{key: 12345 + i for i, key in enumerate(row.letters)})
    for i, letter in enumerate(row.letters.values()):
        assert letter in letters.upper
        assert str(12345 + i) in filled.upper
    assert "{" not in str(filled) + str(letters)
    assert filled.upper.startswith("O(")
    assert filled.lower is None or filled.lower.startswith("Omega(")
    assert filled.source in str(filled)
    assert filled.conditions


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_an_order_is_never_a_number(name):
    for convert in (float, int, range):
        with pytest.raises(TypeError):
            convert(theory.vc_order(name))
    for function in (theory.vc_dimension, lambda cls: theory.growth_function(cls, 3)):
        with pytest.raises(ValueError, match="ask vc_order"):
            function(name)


def test_the_orders_of_the_papers():
    order = theory.vc_order
    relu = order("relu_networks", weights=1000, layers=3)
    assert (relu.lower, relu.upper) == ("Omega(1000 * 3 * log(1000/3))", "O(1000 * 3 * log(1000))")
    assert relu.statement.startswith("VC dimension of relu_networks(weights=1000, layers=3): Omega(")
    assert order("relu_networks_by_units").lower == "Omega(W * U)"
    threshold = order("recurrent_threshold_networks", length=9)
    assert threshold.lower == "Omega(w * log(9/w))"
    assert threshold.upper == "O(min(w * 9 * log(w * 9), w^2 + w * log(w * 9)))"
    assert order("recurrent_piecewise_polynomial_networks").upper == "O(w^2 * k)"
    assert order("recurrent_polynomial_networks").upper == "O(w * k)"
    assert order("recurrent_sigmoid_networks").upper == "O(w^4 * k^2)"
    assert order("real_decision_trees").statement == "VC dimension of real_decision_trees: O(N * log(N * l))"


@pytest.mark.parametrize(
    "cls, params, error, message",
    [
        (3, {}, TypeError, "cls must be a name"),
        ("boxes", {}, ValueError, "see vc_dimension"),
        ("relu_networks", {"units": 3}, TypeError, "no parameter 'units'"),
        ("relu_networks", {"weights": 0}, ValueError, "weights must be"),
        ("relu_networks", {"weights": "many"}, TypeError, "weights must be"),
    ],
)
def test_orders_that_are_refused(cls, params, error, message):
    with pytest.raises(error, match=f"vc_order: .*{message}"):
        theory.vc_order(cls, **params)


def log2_growth(m, widths, degree, breakpoints):
    """The logarithm of the number of sign patterns, layer by layer: 2 (2 e m k p D / W)^W, Warren's bound."""
    total, parameters = 0.0, 0
    for i, (below, k) in enumerate(itertools.pairwise(widths)):
        parameters = (below + 1) * k + (parameters if degree else 0)
        total += 1 + parameters * math.log2(2 * math.e * m * k * breakpoints * (1 + i * degree**i) / parameters)
    return total


@pytest.mark.parametrize(
    "widths", [(1, 2, 1), (2, 3, 1), (10, 5, 5, 1), (784, 100, 50, 1), (1, 1, 1, 1, 1), (3, 40, 1)]
)
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("breakpoints", [1, 4])
def test_no_larger_set_has_enough_patterns(widths, degree, breakpoints):
    """The bound follows from Warren's: above it, the sign patterns of the layers are fewer than 2^m."""
    bound = theory.vc_bound_network(widths, degree=degree, breakpoints=breakpoints)
    assert bound.kind == "upper"
    assert str(bound.value) in bound.statement
    assert all(log2_growth(bound.value + m, widths, degree, breakpoints) < bound.value + m for m in (1, 10, 10**6))
    # Not by far: the inequality fails for a set a third as large.
    assert log2_growth(bound.value // 3, widths, degree, breakpoints) > bound.value // 3


def test_a_network_by_hand():
    # 9 weights, then 9 + 4; R = 3 + 2 * 1.
    by_hand = 2 + 22 * math.log2(4 * math.e * 5 * math.log2(2 * math.e * 5))
    assert theory.vc_bound_network((2, 3, 1)).value == math.floor(by_hand) == 178
    # A threshold network: each layer counts its own weights only, and R is the number of units.
    by_hand = 2 + 13 * math.log2(4 * math.e * 4 * math.log2(2 * math.e * 4))
    assert theory.vc_bound_network([2, 3, 1], degree=0).value == math.floor(by_hand)
    # ReLU units contain half-spaces.
    assert theory.vc_bound_network((50, 2, 1)).value >= theory.vc_dimension("halfspaces", p=50).value
    # Beyond the range of floats.
    assert theory.vc_bound_network((2, *[3] * 800, 1), degree=9).value > 10**6


@pytest.mark.parametrize(
    "widths, kwargs, error, message",
    [
        (3, {}, TypeError, "widths must be a sequence"),
        ("321", {}, TypeError, "widths must be a sequence"),
        ((), {}, ValueError, "one output"),
        ((2, 3), {}, ValueError, "one output"),
        ((2, 1, 1), {}, ValueError, "three units"),
        ((2, 0, 1), {}, ValueError, r"widths\[1\]"),
        ((2, 2.5, 1), {}, ValueError, r"widths\[1\]"),
        ((2, 3, 1), {"degree": -1}, ValueError, "degree"),
        ((2, 3, 1), {"degree": 10**400}, ValueError, "degree"),
        ((2, 3, 1), {"breakpoints": 0}, ValueError, "breakpoints"),
    ],
)
def test_networks_that_are_refused(widths, kwargs, error, message):
    with pytest.raises(error, match=f"vc_bound_network: .*{message}"):
        theory.vc_bound_network(widths, **kwargs)


@pytest.mark.parametrize("weights, units", [(1, 1), (3, 2), (50, 7), (10**4, 100)])
def test_threshold_networks(weights, units):
    """Above the bound, (e m k / W)^W is less than 2^m."""
    vc = theory.vc_dimension("linear_threshold_networks", weights=weights, units=units)
    assert not vc.exact
    assert vc.value < 2 * weights * math.log2(2 * units / math.log(2)) <= vc.value + 1
    m = vc.value + 1
    assert weights * math.log2(math.e * m * units / weights) < m


def test_function_spaces_and_finite_classes():
    quadratics = theory.vc_dimension("polynomial_thresholds", degree=2, p=2)
    assert theory.vc_dimension("function_spaces", dimension=6) == quadratics
    size = theory.vc_dimension("finite_classes", size=1000)
    assert (size.value, size.exact) == (9, False)
    assert theory.vc_dimension("finite_classes", size=1).value == 0
    assert theory.vc_dimension("finite_classes", size=2**70).value == 70
    assert theory.growth_function("finite_classes", 40, size=1000).value == 1000
    with pytest.raises(ValueError, match="weights must be at most 10"):
        theory.vc_dimension("linear_threshold_networks", weights=10**400, units=3)
    with pytest.raises(ValueError, match="weights must be at least units"):
        theory.vc_dimension("linear_threshold_networks", weights=2, units=3)
