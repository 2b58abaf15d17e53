"""Sample sizes and risks: worked figures, inverses, order, what a bound carries."""

import dataclasses
import math
import operator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldfish import theory
from goldfish.theory._theorems import AGNOSTIC, REALIZABLE

CONJUNCTIONS = {"h": 3**10}
REALIZABLE_SIZES = {
    (1, 0.1, 0.05): {"blumer89": 562, "ssbd": 1268, "stab93": 174, "implicit": 291},
    (3, 0.01, 0.05): {"blumer89": 24827, "ssbd": 43165, "stab93": 4675, "implicit": 9032},
    (10, 0.01, 0.02): {"blumer89": 82755, "ssbd": 137729, "stab93": 14728, "implicit": 28576},
}
AGNOSTIC_SIZES = {
    (3, 0.1, 0.05): {"ab99": 28341, "dgl96": 123020, "devroye82": 2924, "vapnik98": 3043, "rademacher": 7056},
    (3, 0.01, 0.05): {"ab99": 4023411, "dgl96": 17035469, "devroye82": 442991, "rademacher": 1057286},
}
EPS = st.floats(0.002, 0.6)
DELTA = st.floats(1e-6, 0.7)


def test_conjunctions_over_ten_bits():
    """The course's figures: 99 % accuracy with 98 % confidence."""
    assert theory.hypothesis_count("conjunctions", n=10) == 59049
    size = theory.sample_complexity_finite
    assert size(0.01, 0.02, **CONJUNCTIONS).value == 1490
    assert size(0.01, 0.02, tight=True, **CONJUNCTIONS).value == 1483
    assert size(0.01, 0.02, h=3**10 + 1).value == 1490
    assert size(0.01, 0.02, realizable=False, **CONJUNCTIONS).value == 77957
    assert size(0.01, 0.02, realizable=False, goal="erm", **CONJUNCTIONS).value == 311826
    assert (math.log(3**10) - math.log(0.02)) / 0.01 == pytest.approx(1489.8145892, abs=1e-6)


def test_the_inverse_for_conjunctions():
    relaxed = theory.risk_bound_finite(1490, 0.02, tight=False, **CONJUNCTIONS)
    tight = theory.risk_bound_finite(1490, 0.02, **CONJUNCTIONS)
    assert relaxed.value == pytest.approx(0.0099987556, abs=1e-10)
    assert tight.value == pytest.approx(0.0099489343, abs=1e-10)
    occam = theory.occam_bound(0, 1490, 0.02, log_prior=-10 * math.log(3))
    assert occam.value == pytest.approx(tight.value, rel=1e-10)


def test_the_four_cases():
    """Separable data and lines; the rain table; unknown labels and lines; k as the only choice."""
    assert theory.pac_case(realizable=True, finite=False).number == 3
    assert theory.pac_case(realizable=True, finite=True).number == 1
    assert theory.pac_case(realizable=False, finite=False).number == 4
    assert theory.pac_case(realizable=False, finite=True).number == 2


@pytest.mark.parametrize("point, row", REALIZABLE_SIZES.items())
def test_realizable_sizes(point, row):
    for method, expected in row.items():
        assert theory.sample_complexity_vc(*point, realizable=True, method=method).value == expected
    best = theory.sample_complexity_vc(*point, realizable=True)
    assert best.value == min(row.values())
    assert best.source == REALIZABLE[min(row, key=row.get)].source


@pytest.mark.parametrize("point, row", AGNOSTIC_SIZES.items())
def test_agnostic_sizes(point, row):
    for method, expected in row.items():
        assert theory.sample_complexity_vc(*point, realizable=False, method=method).value == expected
    assert theory.sample_complexity_vc(*point, realizable=False).value == min(row.values())


def test_the_erm_goal_halves_eps_or_uses_its_own_theorem():
    kwargs = {"realizable": False, "goal": "erm"}
    assert theory.sample_complexity_vc(3, 0.1, 0.05, method="ssbd", **kwargs).value == 383845
    half = theory.sample_complexity_vc(3, 0.05, 0.05, realizable=False)
    assert theory.sample_complexity_vc(3, 0.1, 0.05, **kwargs).value == half.value
    with pytest.raises(ValueError, match="agnostic"):
        theory.sample_complexity_vc(3, 0.1, 0.05, realizable=False, method="ssbd")


@given(st.integers(1, 40), EPS, DELTA, st.sampled_from(sorted(REALIZABLE)))
def test_a_realizable_size_is_the_smallest_that_its_theorem_allows(d, eps, delta, method):
    n = theory.sample_complexity_vc(d, eps, delta, realizable=True, method=method).value
    risk = lambda n: theory.risk_bound_vc(d, n, delta, realizable=True, method=method).value  # noqa: E731
    assert risk(n) <= eps * (1 + 1e-12)
    assert n == 1 or risk(n - 1) > eps * (1 - 1e-9) or (method == "stab93" and eps > 4 / 9)


@given(st.integers(1, 40), EPS, DELTA, st.sampled_from(sorted(AGNOSTIC)))
def test_an_agnostic_size_is_the_smallest_that_its_theorem_allows(d, eps, delta, method):
    n = theory.sample_complexity_vc(d, eps, delta, realizable=False, method=method).value
    risk = lambda n: theory.risk_bound_vc(d, n, delta, method=method, two_sided=True).value  # noqa: E731
    assert risk(n) <= eps * (1 + 1e-12)
    assert n == 1 or risk(n - 1) > eps * (1 - 1e-9)


@given(st.integers(1, 2**300), EPS, DELTA, st.booleans())
def test_finite_sizes_and_risks_invert_each_other(h, eps, delta, tight):
    n = theory.sample_complexity_finite(eps, delta, h=h, tight=tight).value
    assert theory.risk_bound_finite(n, delta, h=h, tight=tight).value <= eps * (1 + 1e-12)
    if n > 1:
        assert theory.risk_bound_finite(n - 1, delta, h=h, tight=tight).value > eps * (1 - 1e-12)


@given(st.integers(0, 60), st.integers(1, 40))
def test_the_ceiling_is_exact_where_powers_meet(k, j):
    """2^k (1/2)^N <= 2^-j first holds at N = k + j, which floats may miss by one."""
    assert theory.sample_complexity_finite(0.5, 0.5**j, h=2**k, tight=True).value == k + j


@given(st.integers(1, 60), EPS, DELTA)
def test_what_suffices_is_never_less_than_what_is_needed(d, eps, delta):
    low = theory.sample_complexity_lower(d, eps, delta)
    best = theory.sample_complexity_vc(d, eps, delta, realizable=True)
    assert low.kind == "necessary"
    assert low.value <= best.value
    assert best.value <= min(
        theory.sample_complexity_vc(d, eps, delta, realizable=True, method=method).value for method in REALIZABLE
    )


@pytest.mark.parametrize("method", sorted(AGNOSTIC))
def test_agnostic_sizes_are_monotone(method):
    size = lambda d, e, t: theory.sample_complexity_vc(d, e, t, realizable=False, method=method).value  # noqa: E731
    assert size(2, 0.1, 0.05) < size(4, 0.1, 0.05) < size(8, 0.1, 0.05)
    assert size(4, 0.2, 0.05) < size(4, 0.1, 0.05) < size(4, 0.05, 0.05)
    assert size(4, 0.1, 0.2) <= size(4, 0.1, 0.05) <= size(4, 0.1, 0.001)


def test_a_lower_bound_is_used_where_its_theorem_holds():
    assert theory.sample_complexity_lower(1000, 0.1, 0.05).value == math.ceil(1000 * (1 - 2 * (0.1 * 0.95 + 0.05)))
    assert theory.sample_complexity_lower(1000, 0.001, 0.01).value == math.ceil(999 / 0.032)
    assert theory.sample_complexity_lower(1000, 0.001, 0.02).value == math.ceil(0.999 / 0.001 * math.log(50))
    nothing = theory.sample_complexity_lower(5, 0.7, 1e-9)
    assert nothing.value == 0
    assert nothing.vacuous


def test_a_class_with_both_bounds_should_use_the_smaller():
    """The conjunctions over ten bits have VC dimension 10, and their number says far more."""
    by_dimension = theory.sample_complexity_vc(
        theory.vc_dimension("conjunctions", n=10).value, 0.01, 0.02, realizable=True
    )
    assert by_dimension.value > 9 * theory.sample_complexity_finite(0.01, 0.02, **CONJUNCTIONS).value


def test_boxes_need_fewer_examples_than_their_dimension_says():
    assert theory.box_sample_complexity(2, 0.1, 0.05).value == 176
    assert theory.sample_complexity_vc(4, 0.1, 0.05, realizable=True).value > 500


def test_statements_carry_their_numbers():
    bound = theory.sample_complexity_finite(0.01, 0.02, **CONJUNCTIONS)
    for word in ("1490", "0.01", "0.98", "59049"):
        assert word in bound.statement
    assert str(bound).endswith(f"[{bound.source}]")
    huge = theory.sample_complexity_finite(0.1, 0.1, h=2**20000)
    assert "e^13862.9" in huge.statement
    assert huge.value == math.ceil((20000 * math.log(2) + math.log(10)) * 10)


def test_bounds_are_frozen_numbers():
    bound = theory.sample_complexity_finite(0.01, 0.02, **CONJUNCTIONS)
    assert (int(bound), float(bound), operator.index(bound), range(10**4)[bound]) == (1490, 1490.0, 1490, 1490)
    with pytest.raises(dataclasses.FrozenInstanceError):
        bound.value = 3
    with pytest.raises(TypeError, match="not an integer"):
        operator.index(theory.risk_bound_finite(100, 0.05, h=10))


def test_vacuous_bounds_are_marked_not_cut():
    bound = theory.risk_bound_vc(10, 10, 0.05)
    assert bound.vacuous
    assert bound.value > 1
    assert not theory.risk_bound_vc(3, 10**6, 0.05).vacuous
    assert theory.risk_bound_vc(3, 5, 0.05, realizable=True, method="stab93").value == math.inf


def test_infinite_dimension_is_not_learnable():
    for bound in (
        theory.sample_complexity_vc(math.inf, 0.1, 0.1, realizable=True),
        theory.sample_complexity_lower(math.inf, 0.1, 0.1),
        theory.risk_bound_vc(math.inf, 100, 0.1),
    ):
        assert bound.value == math.inf
        assert "not PAC learnable" in bound.statement


def test_dimension_zero_is_treated_as_one():
    zero = theory.sample_complexity_vc(0, 0.1, 0.05, realizable=True).value
    assert zero == theory.sample_complexity_vc(1, 0.1, 0.05, realizable=True).value
    assert theory.sample_complexity_lower(0, 0.1, 0.05).value <= 1


def test_large_dimensions_are_computed_in_reasonable_time():
    n = theory.sample_complexity_vc(10**6, 0.01, 0.05, realizable=False, method="devroye82").value
    m = theory.risk_bound_vc(10**6, n, 0.05, method="devroye82", two_sided=True).value
    assert m == pytest.approx(0.01, rel=1e-6)
    assert m <= 0.01


def test_the_binomial_tail_is_inverted_exactly():
    """Fractions decide: the returned p is on the safe side, and not by more than a hair."""

    def tail(p, n, k):
        p = Fraction(p)
        return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))

    delta = Fraction(5, 100) / (100 * math.comb(100, 5))
    p = theory.compression_bound(100, 5, 2, 0.05).value
    assert tail(p, 95, 2) <= delta * (1 + Fraction(1, 10**12))
    assert tail(p * (1 - 1e-10), 95, 2) > delta
    for log_prior in (-5.0, -700.0, -2000.0):
        p = theory.occam_bound(7, 400, 0.05, log_prior=log_prior).value
        logarithm = float(math.log(tail(p, 400, 7).numerator) - math.log(tail(p, 400, 7).denominator))
        assert logarithm == pytest.approx(math.log(0.05) + log_prior, rel=1e-9)
        assert logarithm <= (math.log(0.05) + log_prior) * (1 - 1e-13)
