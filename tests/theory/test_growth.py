"""Growth functions, the catalogue, numbers of hypotheses."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import brute_force
from goldfish import theory
from goldfish.theory.catalogue import CATALOGUE

PARAMETERS = {"p": 2, "k": 3, "n": 3, "degree": 2, "depth": 2, "radius": 3.0, "margin": 1.0, "weights": 3, "units": 2}
PARAMETERS |= {"dimension": 4, "size": 20}


def parameters(name):
    row = CATALOGUE[name]
    return {key: PARAMETERS[key] for key, *_ in (*row.required, *row.optional)}


@given(st.integers(0, 60), st.integers(0, 60))
def test_sauer(m, d):
    expected = sum(math.comb(m, i) for i in range(min(m, d) + 1))
    assert theory.sauer_shelah(m, d) == expected
    assert theory.log_sauer_shelah(m, d) == pytest.approx(math.log(expected), rel=1e-13)
    if m >= d >= 1:
        assert expected <= (math.e * m / d) ** d * (1 + 1e-12)


@pytest.mark.parametrize("m, d", [(10**4, 2500), (10**4, 5000), (10**4, 7000), (10**5, 3000), (12345, 6172)])
def test_the_logarithm_of_sums_that_are_not_formed(m, d):
    assert theory.log_sauer_shelah(m, d) == pytest.approx(math.log(theory.sauer_shelah(m, d)), rel=1e-13)


def test_worked_growth_figures():
    assert theory.sauer_shelah(10, 3) == 176
    assert theory.sauer_shelah(10, 2) == theory.growth_function("intervals", 10).value == 56
    assert (math.e * 10 / 3) ** 3 == pytest.approx(743.909, abs=1e-3)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_class_of_the_catalogue_has_a_growth_function(name):
    """At most 2^m, all of it up to the VC dimension where that is exact, and no more than Sauer's bound."""
    params = parameters(name)
    vc = theory.vc_dimension(name, **params)
    assert vc.source
    previous = 1
    for m in range(12):
        bound = theory.growth_function(name, m, **params)
        assert previous <= bound.value <= 2**m
        assert bound.source
        previous = bound.value
        if vc.value != math.inf:
            assert bound.value <= theory.sauer_shelah(m, vc.value)
        if bound.kind == "exact" and vc.exact:
            assert (bound.value == 2**m) == (m <= vc.value)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(
    "name", ["conjunctions", "monotone_conjunctions", "disjunctions", "parities", "juntas", "boolean_functions"]
)
def test_the_catalogue_of_bit_classes_by_exhaustion(name, n):
    cube = [list(x) for x in itertools.product((0, 1), repeat=n)]
    table = theory.dichotomies(cube, name)
    assert theory.vc_dimension(name, n=n).value == brute_force.vc_dimension(table)
    assert theory.hypothesis_count(name, n=n) == len(table)


@pytest.mark.parametrize("n, depth", [(2, 1), (3, 1), (3, 2), (4, 1), (4, 2)])
def test_the_catalogue_of_trees_by_exhaustion(n, depth):
    cube = [list(x) for x in itertools.product((0, 1), repeat=n)]
    table = theory.dichotomies(cube, theory.DecisionTrees(depth))
    vc = theory.vc_dimension("decision_trees", n=n, depth=depth)
    assert vc.exact
    assert vc.value == theory.vc_dimension_finite(table).dim
    assert theory.hypothesis_count("decision_trees", n=n, depth=depth, distinct=True) == len(table)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_the_dimension_of_stumps_by_search(p):
    d = theory.vc_dimension("stumps", p=p).value
    assert theory.vc_lower_bound("stumps", p, d, trials=500, rng=0) is not None
    orders = itertools.product(itertools.permutations(range(d + 1)), repeat=p - 1)
    assert not any(theory.shatters(np.array([range(d + 1), *rest]).T, "stumps") for rest in orders)


def test_growth_of_objects():
    assert theory.growth_function(theory.Intervals(k=2), 10).value == sum(math.comb(10, i) for i in range(5))
    finite = theory.FiniteClass([[0, 0, 0], [0, 1, 1], [1, 1, 0]])
    assert theory.growth_function(finite, 3).value == 3
    assert theory.growth_function(theory.PolynomialThresholds(2), 5, p=1).value == 2 * (1 + 4 + 6)
    with pytest.raises(TypeError, match="p must be given"):
        theory.vc_dimension(theory.PolynomialThresholds(2))
    with pytest.raises(ValueError, match="known"):
        theory.vc_dimension(theory.DecisionTrees(2))


def test_finite_classes_bound_their_growth_by_their_number():
    bound = theory.growth_function("juntas", 12, n=3)
    assert bound.value == 8
    assert bound.kind == "upper"


def test_counts():
    count = theory.hypothesis_count
    assert count("boolean_functions", n=5) == 2**32
    assert count("decision_trees", n=4, depth=2) == 786
    assert count("decision_trees", n=3, depth=3) == 16430
    assert count("k_dnf", n=3, k=1) == 2**7
    assert count("decision_lists", n=3) == 6 * 64
    assert count("nearest_neighbours", n=17) == 17
    assert count("conjunctions", n=10, allow_false=True) == 59050


@pytest.mark.parametrize(
    "args, message",
    [
        ({"cls": "boolean_functions", "n": 30}, "n must be at most 24"),
        ({"cls": "k_dnf", "n": 40, "k": 10}, "must be smaller"),
        ({"cls": "decision_trees", "n": 30, "depth": 28}, "depth must be at most 24"),
        ({"cls": "decision_trees", "n": 9, "depth": 6, "distinct": True}, "must be smaller"),
        ({"cls": "decision_lists", "n": 3, "distinct": True}, "distinct must be False"),
        ({"cls": "conjunctions", "n": 0}, "n must be an integer of at least 1"),
        ({"cls": "lions"}, "'lions'"),
    ],
)
def test_counts_that_are_refused(args, message):
    with pytest.raises(ValueError, match=f"hypothesis_count: .*{message}"):
        theory.hypothesis_count(**args)


@pytest.mark.parametrize(
    "name, params, error, message",
    [
        ("boxes", {}, TypeError, "p must be given for 'boxes'"),
        ("boxes", {"p": 2, "q": 1}, TypeError, "no parameter 'q'"),
        ("boxes", {"p": 1.5}, ValueError, "p must be an integer"),
        ("boxes", {"p": "2"}, TypeError, "p must be an integer"),
        ("lines", {"k": 4}, ValueError, "k must be 1, 2 or 3"),
        ("margin_halfspaces", {"radius": 0, "margin": 1, "p": 2}, ValueError, "radius"),
        (3, {}, TypeError, "cls"),
        ("convex_polygons", {"k": 2}, ValueError, "at least 3"),
    ],
)
def test_parameters_that_are_refused(name, params, error, message):
    with pytest.raises(error, match=f"vc_dimension: .*{message}"):
        theory.vc_dimension(name, **params)
