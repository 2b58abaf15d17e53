"""Rademacher complexity: worked figures, enumeration by hand, simulation, bounds."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldfish import theory


def by_hand(values):
    values = np.asarray(values, float)
    m = values.shape[1]
    return np.mean([(values @ signs).max() for signs in itertools.product((-1, 1), repeat=m)]) / m


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 10**6))
def test_enumeration(h, m, seed):
    values = np.random.default_rng(seed).standard_normal((h, m))
    found = theory.empirical_rademacher(values)
    assert found.value == pytest.approx(by_hand(values), rel=1e-12, abs=1e-14)
    assert (found.se, found.method) == (0.0, "exact")
    assert found.value <= theory.massart_bound(values) + 1e-12 or h == 1


def test_worked_figures():
    thresholds = 2 * theory.dichotomies([[1], [2], [3]], "thresholds").astype(int) - 1
    assert theory.empirical_rademacher(thresholds).value == pytest.approx(2 / 3)
    assert theory.massart_bound(thresholds) == pytest.approx(0.9613512577)
    for X, value, bound in [
        ([[1, 0], [0, 1]], 0.7071068, 0.7071068),
        ([[1, 0], [1, 0]], 0.5, 0.7071068),
        ([[3, 4], [0, 2], [1, 1]], 1.7236242, 1.8559215),
    ]:
        found = theory.rademacher_linear(X, 1.0)
        assert (found.value, found.bound) == pytest.approx((value, bound), abs=1e-7)
        kernel = theory.rademacher_kernel(np.array(X) @ np.array(X).T, 1.0)
        assert (kernel.value, kernel.bound) == pytest.approx((value, bound), abs=1e-7)


@pytest.mark.parametrize("norm, dual", [(2, lambda s: np.linalg.norm(s, axis=1)), (1, lambda s: np.abs(s).max(axis=1))])
def test_linear_classes(norm, dual):
    X = np.random.default_rng(1).standard_normal((11, 3))
    signs = np.array(list(itertools.product((-1, 1), repeat=11)))
    expected = 2.5 * dual(signs @ X).mean() / 11
    found = theory.rademacher_linear(X, 2.5, norm=norm)
    assert found.value == pytest.approx(expected, rel=1e-12)
    assert found.value <= found.bound
    simulated = theory.rademacher_linear(X, 2.5, norm=norm, exact=False, n_mc=4000, rng=0)
    assert abs(simulated.value - expected) < 4 * simulated.se
    low, high = simulated.interval(0.9999)
    assert low < expected < high
    assert expected < simulated.upper(0.01)


def test_twenty_points_are_enumerated_and_more_are_simulated():
    values = np.sign(np.random.default_rng(0).standard_normal((30, 20)))
    exact = theory.empirical_rademacher(values)
    simulated = theory.empirical_rademacher(values, exact=False, n_mc=20_000, rng=3)
    assert exact.method == "exact"
    assert abs(exact.value - simulated.value) < 4 * simulated.se
    assert theory.empirical_rademacher(np.ones((2, 21)), n_mc=10, rng=0).method == "monte-carlo"
    with pytest.raises(ValueError, match="empirical_rademacher: exact"):
        theory.empirical_rademacher(np.ones((2, 21)), exact=True)


def test_through_a_learner():
    """Halfplanes on eight points: the learner looks for its best labeling in the list of all."""
    X = np.random.default_rng(4).integers(-9, 10, (8, 2))
    table = 2 * theory.dichotomies(X, "halfspaces").astype(int) - 1
    exact = theory.empirical_rademacher(table).value
    found = theory.empirical_rademacher_erm(lambda X, y: table[np.argmax(table @ y)], X, n_mc=3000, rng=0)
    assert abs(found.value - exact) < 4 * found.se
    with pytest.raises(ValueError, match="fit_predict must return 8 values"):
        theory.empirical_rademacher_erm(lambda X, y: [1], X, n_mc=3)


def test_all_labelings_have_complexity_one():
    assert theory.empirical_rademacher(list(itertools.product((-1, 1), repeat=6))).value == pytest.approx(1)
    assert theory.empirical_rademacher(np.ones((1, 7))).value == pytest.approx(0, abs=1e-15)


def test_risk_bounds():
    bound = theory.rademacher_risk_bound
    assert bound(0.1, 0.03, 1000, 0.05).value == pytest.approx(0.13 + 3 * math.sqrt(math.log(40) / 2000))
    assert bound(0.1, 0.03, 1000, 0.05, binary=False).source.endswith("Thm 3.3 (as commonly quoted)")
    expected = 0.16 + math.sqrt(math.log(20) / 2000)
    assert bound(0.1, 0.03, 1000, 0.05, empirical=False, binary=False).value == pytest.approx(expected)


@pytest.mark.parametrize(
    "name, args, kwargs, word",
    [
        ("empirical_rademacher", ([[1, math.nan]],), {}, "preds must be finite, got nan at row 0, column 1"),
        ("empirical_rademacher", ([[1, -1]],), {"n_mc": 1}, "n_mc"),
        ("rademacher_linear", ([[1, 0]], -1.0), {}, "radius"),
        ("rademacher_kernel", ([[1, 2], [0, 1]], 1.0), {}, "symmetric"),
        ("rademacher_kernel", ([[1, 2], [2, 1]], 1.0), {}, "semidefinite"),
        ("massart_bound", (), {"log_size": -1.0, "radius": 1.0, "m": 3}, "log_size"),
    ],
)
def test_refusals(name, args, kwargs, word):
    with pytest.raises(ValueError, match=f"{name}: .*{word}"):
        getattr(theory, name)(*args, **kwargs)


def test_massart_needs_one_of_two_forms():
    for kwargs in ({}, {"log_size": 1.0}, {"A": [[1.0]], "m": 3}):
        with pytest.raises(TypeError, match="massart_bound"):
            theory.massart_bound(**kwargs)
