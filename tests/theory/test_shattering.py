"""Shattering: worked examples of the course, degenerate sets, exactness, invariance."""

import itertools
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import brute_force
from goldfish import theory

BIG = 10**17
HEPTAGON = [
    (995004, 99833),
    (542322, 840171),
    (-318740, 947842),
    (-939784, 341769),
    (-853152, -521663),
    (-124079, -992272),
    (698428, -715680),
]


def failing(X, cls):
    ok, rows = theory.shatters(X, cls, return_failures=True)
    assert ok == (len(rows) == 0)
    return {"".join("01"[int(v)] for v in row) for row in rows}


@pytest.mark.parametrize(
    "X, expected",
    [
        ([[0], [1]], True),
        ([[0], [1], [2]], False),
        ([[0, 0], [1, 0], [0, 1]], True),
        ([[0, 0], [1, 0], [0, 1], [1, 1]], False),
    ],
)
def test_linear_rules_shatter_one_point_more_than_dimensions(X, expected):
    assert theory.shatters(X, "halfspaces") is expected
    assert theory.vc_dimension("halfspaces", p=len(X[0])).value == len(X[0]) + 1


def test_the_number_of_linear_labelings_of_the_plane():
    """Cover 1965: 8, 14, 22, 32 for 3 to 6 points of which no three lie on a line."""
    curve = [[t, t * t] for t in (-7, -2, 0, 1, 5, 9)]
    assert [theory.growth_on_sample(curve[:n], "halfspaces") for n in (3, 4, 5, 6)] == [8, 14, 22, 32]
    assert [theory.growth_function("halfspaces", n, p=2).value for n in (3, 4, 5, 6)] == [8, 14, 22, 32]


def test_the_rain_table_is_a_tree_of_depth_two_and_not_of_one():
    """Three binary features: 302 trees of depth 2, 62 functions, of which three fit these four days."""
    X, y = [[1, 1, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]], [1, 0, 1, 1]
    assert theory.realize(X, y, theory.DecisionTrees(depth=2)) is not None
    assert theory.realize(X, y, theory.DecisionTrees(depth=1)) is None
    assert theory.hypothesis_count("decision_trees", n=3, depth=2) == 302
    cube = [list(x) for x in itertools.product((0, 1), repeat=3)]
    tables = theory.dichotomies(cube, theory.DecisionTrees(depth=2))
    assert len(tables) == theory.hypothesis_count("decision_trees", n=3, depth=2, distinct=True) == 62
    assert sum(all(t[cube.index(x)] == bool(v) for x, v in zip(X, y, strict=True)) for t in tables) == 3


def consistent_trees(X, y, depth, features):
    """The number of trees, no feature twice on a path, that fit."""
    total = sum(all(v == leaf for v in y) for leaf in (0, 1))
    if depth == 0:
        return total
    for j in features:
        rest, parts = [f for f in features if f != j], []
        for value in (0, 1):
            chosen = [i for i, x in enumerate(X) if x[j] == value]
            parts.append(consistent_trees([X[i] for i in chosen], [y[i] for i in chosen], depth - 1, rest))
        total += parts[0] * parts[1]
    return total


def test_the_count_of_trees_that_fit_the_rain_table():
    X, y = [[1, 1, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]], [1, 0, 1, 1]
    assert consistent_trees(X, y, 2, [0, 1, 2]) == 18
    assert consistent_trees([], [], 2, [0, 1, 2]) == 302


def test_four_points_and_rotated_rectangles():
    assert theory.shatters([[0, 0], [3, 0], [4, 3], [1, 2]], "rotated_rectangles")
    assert failing([[0, 0], [4, 0], [2, 4], [2, 1]], "rotated_rectangles") == {"1110"}
    rng = np.random.default_rng(0)
    for _ in range(50):
        X = rng.integers(0, 6, (4, 2)).tolist()
        if len({tuple(x) for x in X}) == 4:
            corners = all(theory.realize(X, [i == j for j in range(4)], "halfspaces") for i in range(4))
            assert theory.shatters(X, "rotated_rectangles") == corners


def test_five_points_and_rotated_rectangles():
    assert failing([[0, 1], [1, 0], [2, 1], [3, 0], [4, 1]], "rotated_rectangles") == {
        "10001",
        "11001",
        "10011",
        "11011",
    }
    square = failing([[0, 0], [2, 0], [2, 2], [0, 2], [1, 1]], "rotated_rectangles")
    assert len(square) == 7
    assert "11110" in square


def test_seven_points_are_shattered_by_rotated_rectangles():
    assert theory.shatters(HEPTAGON, "rotated_rectangles")
    assert theory.growth_on_sample(HEPTAGON, "rotated_rectangles") == 128
    for y in brute_force.labelings(7):
        assert tuple(theory.realize(HEPTAGON, y, "rotated_rectangles").predict(HEPTAGON)) == y


def test_eight_points_on_a_circle_are_not():
    X = theory.vc_lower_bound("rotated_rectangles", 2, 8, trials=15, strategy="circle", rng=0)
    assert X is None
    assert theory.vc_lower_bound("rotated_rectangles", 2, 7, trials=60, strategy="circle", rng=0) is not None


def test_fifteen_points_of_the_plane():
    X = np.random.default_rng(0).integers(-1000, 1000, (15, 2))
    ok, failures = theory.shatters(X, "halfspaces", return_failures=True)
    assert not ok
    assert len(failures) == 2**15 - 212
    assert theory.growth_on_sample(X, "halfspaces") == theory.growth_function("halfspaces", 15, p=2).value == 212


def test_floats_are_the_binary_fractions_that_they_are():
    tenths = [[Fraction(i, 10), Fraction(3 * i, 10)] for i in (1, 2, 3)]
    assert not theory.shatters(tenths, "halfspaces")
    assert not theory.shatters(
        [[Decimal("0.1"), Decimal("0.3")], [Decimal("0.2"), Decimal("0.6")], [0, 0]], "halfspaces"
    )
    floats = [[float(a), float(b)] for a, b in tenths]
    independent = brute_force.rank([[Fraction(a), Fraction(b), 1] for a, b in floats]) == 3
    assert theory.shatters(floats, "halfspaces") == independent


@pytest.mark.parametrize(
    "cls, X, y, nudged",
    [
        ("halfspaces", [[0, 0], [BIG, BIG], [2 * BIG, 2 * BIG]], [1, 0, 1], (1, [BIG, BIG + 1])),
        ("rotated_rectangles", [[0, 0], [2 * BIG, 2 * BIG], [BIG, BIG]], [1, 1, 0], (2, [BIG, BIG + 1])),
        ("boxes", [[BIG, 0], [BIG + 2, 0], [BIG + 1, 0]], [1, 1, 0], (2, [BIG + 3, 0])),
        ("balls", [[5 * BIG, 0], [0, 5 * BIG], [-5 * BIG, 0], [0, -5 * BIG]], [1, 0, 1, 0], (3, [0, -5 * BIG - 1])),
        ("intervals", [[BIG], [BIG + 2], [BIG + 1]], [1, 1, 0], (2, [BIG + 3])),
        ("stumps", [[BIG], [BIG + 2], [BIG + 1]], [1, 1, 0], (2, [BIG + 3])),
    ],
)
def test_one_unit_in_ten_to_the_seventeen_decides(cls, X, y, nudged):
    assert theory.realize(X, y, cls) is None
    index, point = nudged
    moved = [point if i == index else x for i, x in enumerate(X)]
    assert theory.realize(moved, y, cls).predict(moved).tolist() == [bool(v) for v in y]


@pytest.mark.parametrize("exact", [True, False, "auto"])
def test_who_proposes_does_not_change_the_answer(exact):
    rng = np.random.default_rng(3)
    for _ in range(10):
        X = rng.integers(-3, 4, (9, 2))
        y = rng.integers(0, 2, 9)
        found = theory.realize(X, y, "halfspaces", exact=exact)
        assert (found is not None) == (theory.realize(X, y, "halfspaces") is not None)
    collinear = [[BIG * i, BIG * i] for i in range(5)]
    assert theory.realize(collinear, [1, 0, 1, 0, 1], "halfspaces", exact=exact) is None


def test_a_long_problem():
    rng = np.random.default_rng(5)
    X = rng.standard_normal((300, 4))
    y = X @ [1.0, -2.0, 0.5, 3.0] > 0.3
    assert np.array_equal(theory.realize(X, y, "halfspaces").predict(X), y)
    y[:2] = ~y[:2]
    certificate = theory.refute(X, y, "halfspaces")
    assert len(certificate.indices) <= 6
    total = [0] * 5
    for c, i in zip(certificate.coefficients, certificate.indices, strict=True):
        row = [*(Fraction(float(v)) for v in X[i]), 1]
        total = [t + c * (1 if y[i] else -1) * v for t, v in zip(total, row, strict=True)]
    assert not any(total)


POINTS = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=1, max_size=5, unique=True)


@given(POINTS)
def test_half_spaces_shatter_iff_the_points_are_independent(points):
    X = [list(x) for x in points]
    expected = brute_force.rank([[*x, 1] for x in X]) == len(X)
    assert theory.shatters(X, "halfspaces") == expected == (theory.growth_on_sample(X, "halfspaces") == 2 ** len(X))


@given(POINTS, st.sampled_from(["halfspaces", "boxes", "balls", "rotated_rectangles"]), st.data())
def test_shattering_does_not_depend_on_place_scale_or_order(points, cls, data):
    X = [list(x) for x in points]
    base = failing(X, cls)
    shift = data.draw(st.tuples(st.integers(-(10**20), 10**20), st.integers(-99, 99)))
    assert failing([[a + shift[0], b + shift[1]] for a, b in X], cls) == base
    assert failing([[Fraction(12 * a, 7), Fraction(12 * b, 7)] for a, b in X], cls) == base
    assert failing([[-b, a] for a, b in X], cls) == base
    order = data.draw(st.permutations(range(len(X))))
    assert failing([X[i] for i in order], cls) == {"".join(y[i] for i in order) for y in base}


@given(POINTS, st.sampled_from(["halfspaces", "boxes", "balls", "rotated_rectangles", "stumps"]))
def test_sauer_is_never_exceeded(points, cls):
    d = theory.vc_dimension(cls, **({} if cls == "rotated_rectangles" else {"p": 2})).value
    assert theory.growth_on_sample([list(x) for x in points], cls) <= theory.sauer_shelah(len(points), d)


@given(POINTS, st.sampled_from(["halfspaces", "boxes", "balls", "rotated_rectangles", "stumps"]))
def test_minimal_unshattered_is_minimal(points, cls):
    X = [list(x) for x in points]
    found = theory.minimal_unshattered(X, cls)
    assert (found is None) == theory.shatters(X, cls)
    if found is not None:
        labels, certificate = found
        chosen = list(certificate.indices)
        assert labels.shape == (len(X),)
        assert theory.realize(X, labels, cls) is None
        assert theory.realize([X[i] for i in chosen], labels[chosen], cls) is None
        assert all(theory.shatters([X[i] for i in chosen if i != j], cls) for j in chosen if len(chosen) > 1)
        for i in chosen:
            assert f"#{i}" in certificate.statement


def test_duplicates_warn_and_conflict():
    X = [[0, 0], [1, 2], [0, 0]]
    for cls in ("halfspaces", "boxes", "balls", "rotated_rectangles"):
        with pytest.warns(UserWarning, match="twice"):
            assert not theory.shatters(X, cls)
        assert theory.realize(X, [1, 0, 0], cls) is None
        assert theory.realize(X, [1, 0, 1], cls) is not None
    labels, certificate = theory.minimal_unshattered([[4, 4], [4, 4]], theory.NearestNeighbours())
    assert certificate.indices == (0, 1)
    assert "equal" in certificate.statement
    assert labels[0] != labels[1]


def test_many_points_of_few_labelings():
    X = [[i] for i in range(300)]
    assert theory.growth_on_sample(X, "thresholds") == 301
    assert theory.growth_on_sample(X, "signed_thresholds") == 600
    assert theory.growth_on_sample([[i] for i in range(100)], "intervals") == 1 + 100 * 101 // 2
    assert theory.growth_on_sample([[i, (7 * i) % 70] for i in range(70)], "boxes") > 70**2
    rows = theory.dichotomies(X, "thresholds")
    assert rows.dtype == bool
    assert rows.shape == (301, 300)
    assert len(np.unique(rows, axis=0)) == 301


def test_enumeration_stops_at_its_limit():
    X = [[i, i * i] for i in range(30)]
    with pytest.raises(ValueError, match=r"growth_on_sample: X .*limit = 1048576.*larger limit"):
        theory.growth_on_sample(X, theory.NearestNeighbours())
    with pytest.raises(ValueError, match="limit = 10"):
        theory.dichotomies(X, "halfspaces", limit=10)
    with pytest.raises(ValueError, match=r"shatters: X has 30 points, more than max_n = 20"):
        theory.shatters(X, "boxes")
    assert not theory.shatters(X, "boxes", max_n=30)
    with pytest.raises(ValueError, match="21"):
        theory.minimal_unshattered(X, theory.NearestNeighbours())


def test_no_points_and_one_point():
    empty = np.zeros((0, 2))
    for cls in ("halfspaces", "balls", "boxes", "rotated_rectangles", "stumps", theory.DecisionTrees(1)):
        assert theory.shatters(empty, cls)
        assert theory.growth_on_sample(empty, cls) == 1
        assert theory.realize(empty, [], cls).predict(empty).shape == (0,)
        assert theory.shatters([[3, 4]], cls)
        assert theory.minimal_unshattered([[3, 4]], cls) is None
    assert not theory.shatters([[0, 0]], "homogeneous_halfspaces")
    _labels, certificate = theory.minimal_unshattered([[0, 0]], "homogeneous_halfspaces")
    assert certificate.indices == (0,)
    assert certificate.coefficients == (1,)


def test_regular_polygons():
    for k in (3, 4, 5, 7):
        angles = [0.1 + 2 * math.pi * i / k for i in range(k)]
        assert theory.shatters(
            [[round(10**6 * math.cos(a)), round(10**6 * math.sin(a))] for a in angles], "rotated_rectangles"
        )
