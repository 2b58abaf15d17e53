"""The search for VC dimensions, and the estimate from outside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import brute_force
from goldfish import theory
from goldfish.theory.estimate import expected_deviation
from goldfish.theory.search import _distinct_columns


@given(arrays.arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 7))))
def test_tables_against_brute_force(table):
    found = theory.vc_dimension_finite(table)
    assert found.dim == brute_force.vc_dimension(table) == len(found.witness)
    patterns = np.unique(table[:, list(found.witness)], axis=0) if found.dim else [0]
    assert len(patterns) == 2**found.dim


@given(arrays.arrays(bool, st.tuples(st.integers(1, 140), st.integers(1, 12))))
def test_the_core_searches_as_python_does(table):
    columns, numbers, rows = _distinct_columns(table)
    best = brute_force.largest_shattered_set(columns, [(1 << rows) - 1])
    assert theory.vc_dimension_finite(table).witness == tuple(numbers[j] for j in best)


def test_known_tables():
    line = theory.dichotomies([[i] for i in range(9)], "intervals")
    assert theory.vc_dimension_finite(line).dim == 2
    plane = np.random.default_rng(0).integers(0, 99, (9, 2))
    assert theory.vc_dimension_finite(theory.dichotomies(plane, "halfspaces")).dim == 3
    assert theory.vc_dimension_finite(np.ones((3, 4))).dim == 0
    assert theory.vc_dimension(theory.FiniteClass(line)).value == 2


def test_a_search_that_grows_too_large_says_so():
    table = np.random.default_rng(0).random((4096, 64)) < 0.5
    with pytest.raises(ValueError, match=r"vc_dimension_finite: B .*max_work = 20000 .*larger max_work"):
        theory.vc_dimension_finite(table, max_work=20000)


@pytest.mark.parametrize(
    "table, error", [([], ValueError), ([[0.5]], ValueError), ([["a"]], TypeError), ([[2]], ValueError)]
)
def test_tables_that_are_refused(table, error):
    with pytest.raises(error, match="vc_dimension_finite: B"):
        theory.vc_dimension_finite(table)


@pytest.mark.parametrize(
    "cls, p, n, strategy",
    [
        ("halfspaces", 2, 3, "random"),
        ("halfspaces", 4, 5, "moment"),
        ("rotated_rectangles", 2, 7, "circle"),
        ("boxes", 3, 6, "hillclimb"),
        ("balls", 2, 3, "circle"),
        ("conjunctions", 4, 4, "random"),
        (theory.Intervals(k=2), 1, 4, "circle"),
        (theory.FiniteClass([[0, 0], [0, 1], [1, 0], [1, 1]]), 1, 2, "hillclimb"),
    ],
    ids=str,
)
def test_lower_bounds_are_shattered_sets(cls, p, n, strategy):
    X = theory.vc_lower_bound(cls, p, n, trials=400, strategy=strategy, rng=0)
    assert X.shape == (n, p)
    assert theory.shatters(X, cls)
    assert np.array_equal(X, theory.vc_lower_bound(cls, p, n, trials=400, strategy=strategy, rng=0))


def test_nothing_is_found_beyond_the_dimension():
    for strategy in ("random", "moment", "circle", "hillclimb"):
        assert theory.vc_lower_bound("halfspaces", 2, 4, trials=20, strategy=strategy, rng=0) is None


def test_evidence_is_not_a_proof():
    evidence = theory.vc_upper_evidence("halfspaces", 2, 4, trials=20, rng=0)
    assert (evidence.fraction, evidence.proof, evidence.example) == (0.0, False, None)
    found = theory.vc_upper_evidence("halfspaces", 2, 3, trials=20, rng=0)
    assert found.proof
    assert theory.shatters(found.example, "halfspaces")


class Threshold:
    """Exact empirical risk minimisation over the signed thresholds of the first feature."""

    def fit(self, X, y):
        order = np.argsort(X[:, 0])
        x, s = X[order, 0], np.where(np.asarray(y)[order] == 1, 1, -1)
        score = np.concatenate([[s.sum()], s.sum() - 2 * np.cumsum(s)])
        at = int(np.argmax(np.abs(score)))
        self.sign, self.cut = score[at] >= 0, np.r_[-np.inf, (x[1:] + x[:-1]) / 2, np.inf][at]
        return self

    def predict(self, X):
        return ((X[:, 0] > self.cut) == self.sign).astype(int)


def test_the_estimate_is_rough_but_right():
    learner = Threshold()
    estimate = theory.estimate_vc(learner, 1, [8, 16, 32, 64, 128], reps=40, rng=0)
    assert 1 <= estimate.h <= 6
    assert estimate.residual < 0.15
    assert list(estimate.curve) == sorted(estimate.curve, reverse=True)
    assert not vars(learner)
    assert estimate == theory.estimate_vc(Threshold(), 1, [8, 16, 32, 64, 128], reps=40, rng=0)


def test_the_curve_is_continuous_and_falls():
    tau = np.linspace(0.4, 20, 4000)
    value = expected_deviation(tau)
    assert value[0] == 1
    assert np.abs(np.diff(value)).max() < 0.01
    assert (np.diff(value) <= 0).all()
