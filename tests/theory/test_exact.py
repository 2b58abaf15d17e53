"""Exact linear algebra and the core's enumeration, against each other and against floating-point programs."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import brute_force
from goldfish import _core, theory
from goldfish.theory._exact import Separation, first_dependence, is_valid, separate
from goldfish.theory.classes.base import TooManyLabelings
from goldfish.theory.classes.linear import grow_labelings

VECTORS = st.integers(1, 4).flatmap(lambda p: st.lists(st.tuples(*[st.integers(-5, 5)] * p), min_size=1, max_size=8))


@given(VECTORS, st.booleans())
def test_separation_agrees_with_linear_programming(vectors, floats_first):
    found = separate(vectors, floats_first=floats_first)
    assert is_valid(vectors, found)
    assert (found.weights is not None) == brute_force.separable(vectors, [True] * len(vectors))


@given(VECTORS)
def test_proofs_are_minimal(vectors):
    found = separate(vectors)
    if found.weights is None:
        for left_out in found.indices:
            rest = [vectors[i] for i in found.indices if i != left_out]
            assert not rest or separate(rest).weights is not None


def test_wrong_separations_are_not_valid():
    vectors = [(1, 0), (0, 1), (-1, -1)]
    third = Fraction(1, 3)
    assert is_valid(vectors, Separation(None, (0, 1, 2), (third, third, third)))
    assert not is_valid(vectors, Separation((1, 1)))
    assert not is_valid(vectors, Separation(None, (0, 1, 2), (third, third, Fraction(1, 2))))
    assert not is_valid(vectors, Separation(None, (0, 1), (Fraction(1, 2), Fraction(1, 2))))
    assert not is_valid(vectors, Separation(None, (), ()))


@given(VECTORS)
def test_the_first_dependence(vectors):
    found = first_dependence(vectors)
    if found is None:
        assert brute_force.rank(vectors) == len(vectors)
        return
    indices, coefficients = found
    assert all(coefficients)
    assert brute_force.rank(vectors[: max(indices)]) == max(indices)
    for j in range(len(vectors[0])):
        assert sum(c * vectors[i][j] for i, c in zip(indices, coefficients, strict=True)) == 0


@given(VECTORS, st.booleans())
def test_the_core_enumerates_as_python_does(vectors, one_sided):
    extra = [(1, *[0] * (len(vectors[0]) - 1))] if one_sided else []
    fast = _core.linear_labelings(vectors, extra, 1000)
    assert len(set(fast)) == len(fast)
    assert set(fast) == set(grow_labelings(vectors, extra, 1000))


def test_numbers_beyond_the_core_are_left_to_python():
    rng = np.random.default_rng(0)
    points = rng.integers(-(2**61), 2**61, (7, 4)).tolist()
    assert _core.linear_labelings(points, [], 1000) is None
    assert (
        theory.growth_on_sample(points, "homogeneous_halfspaces")
        == theory.growth_function("homogeneous_halfspaces", 7, p=4).value
    )


def test_the_limit_ends_both_enumerations():
    points = [[t, t * t, 1] for t in range(12)]
    assert len(_core.linear_labelings(points, [], 20)) > 20
    with pytest.raises(TooManyLabelings):
        grow_labelings(points, [], 20)


def test_the_core_refuses_what_it_cannot_read():
    with pytest.raises(ValueError, match="linear_labelings: vectors must be vectors of equal length, not so at 1"):
        _core.linear_labelings([[1, 2], [1]], [], 9)
    with pytest.raises(ValueError, match="extra"):
        _core.linear_labelings([[1, 2]], [[1]], 9)
    with pytest.raises(ValueError, match="at most 63"):
        _core.linear_labelings([[1]] * 64, [], 9)
    with pytest.raises(ValueError, match="words"):
        _core.table_vc_dimension([[1, 2]], 3, 9)
    with pytest.raises(OverflowError):
        _core.linear_labelings([[2**70]], [], 9)
