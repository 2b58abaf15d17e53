"""Every class against brute force, labeling by labeling; every witness and certificate against the points."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

import brute_force
from goldfish import theory
from goldfish.theory._points import read_points

REALS = {
    "halfspaces": (brute_force.halfspace, 2),
    "homogeneous_halfspaces": (brute_force.homogeneous_halfspace, 3),
    "balls": (brute_force.ball, 2),
    "balls_and_complements": (brute_force.ball_or_complement, 2),
    "boxes": (brute_force.box, 2),
    "stumps": (brute_force.stump, 2),
    "thresholds": (lambda X, y: brute_force.threshold(X, y, signed=False), 1),
    "signed_thresholds": (lambda X, y: brute_force.threshold(X, y, signed=True), 1),
    "intervals": (lambda X, y: brute_force.union_of_intervals(X, y, 1), 1),
}
OBJECTS = [
    (theory.Intervals(k=2), lambda X, y: brute_force.union_of_intervals(X, y, 2), 1),
    (theory.DecisionTrees(depth=0), lambda X, y: brute_force.tree(X, y, 0), 2),
    (theory.DecisionTrees(depth=1), lambda X, y: brute_force.tree(X, y, 1), 2),
    (theory.DecisionTrees(depth=2), lambda X, y: brute_force.tree(X, y, 2), 2),
    (theory.PolynomialThresholds(degree=2), lambda X, y: brute_force.separable([(1, *x, x[0] ** 2) for x in X], y), 1),
    (
        theory.LinearClass(lambda x: (1, x[0] * x[1])),
        lambda X, y: brute_force.separable([(1, a * b) for a, b in X], y),
        2,
    ),
]
BITS = {
    "conjunctions": brute_force.conjunction,
    "monotone_conjunctions": lambda X, y: brute_force.conjunction(X, y, monotone=True),
    "disjunctions": brute_force.disjunction,
    "parities": brute_force.parity,
    "juntas": brute_force.junta,
}
CASES = [(name, oracle, p, "reals") for name, (oracle, p) in REALS.items()]
CASES += [(cls, oracle, p, "reals") for cls, oracle, p in OBJECTS]
CASES += [(name, oracle, 3, "bits") for name, oracle in BITS.items()]
CASES += [
    (theory.Conjunctions(allow_false=True), lambda X, y: brute_force.conjunction(X, y, allow_false=True), 2, "bits"),
    (
        theory.Conjunctions(monotone=True, allow_false=True),
        lambda X, y: brute_force.conjunction(X, y, monotone=True, allow_false=True),
        3,
        "bits",
    ),
]


def check_certificate(cls, X, y, certificate):
    """The labels fail on the named points, and on no fewer of them."""
    indices = list(certificate.indices)
    assert certificate.proved
    assert certificate.statement
    assert len(set(indices)) == len(indices)
    assert theory.realize([X[i] for i in indices], [y[i] for i in indices], cls) is None
    for left_out in indices:
        rest = [i for i in indices if i != left_out]
        assert not rest or theory.realize([X[i] for i in rest], [y[i] for i in rest], cls) is not None


@pytest.mark.parametrize("cls, oracle, p, domain", CASES, ids=lambda v: v if isinstance(v, str) else None)
def test_every_labeling_is_decided_as_by_brute_force(cls, oracle, p, domain):
    rng = np.random.default_rng(7)
    for _ in range(4):
        X = rng.integers(0, 2 if domain == "bits" else 4, (5, p)).tolist()
        possible = {y for y in brute_force.labelings(5) if oracle(X, y)}
        assert brute_force.as_sets(theory.dichotomies(X, cls)) == possible
        for y in brute_force.labelings(5):
            witness = theory.realize(X, y, cls)
            assert (witness is not None) == (y in possible), (X, y)
            if witness is not None:
                assert tuple(witness.predict(X)) == y
                assert theory.refute(X, y, cls) is None
            else:
                check_certificate(cls, X, y, theory.refute(X, y, cls))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ok, failures = theory.shatters(X, cls, return_failures=True)
            assert ok == theory.shatters(X, cls) == (len(possible) == 32)
        assert brute_force.as_sets(failures) == set(brute_force.labelings(5)) - possible


def test_rectangles_agree_with_a_grid_of_orientations():
    """The grid misses narrow ranges of orientations; on a lattice of eight there are none narrower than it sees."""
    rng = np.random.default_rng(31)
    for _ in range(12):
        X = rng.integers(0, 8, (6, 2)).tolist()
        found = brute_force.as_sets(theory.dichotomies(X, "rotated_rectangles"))
        for y in brute_force.labelings(6):
            if len({tuple(x) for x in X}) == 6:
                assert brute_force.rectangle(X, y) == (y in found), (X, y)
            witness = theory.realize(X, y, "rotated_rectangles")
            assert (witness is not None) == (y in found)
            if witness is None:
                check_certificate("rotated_rectangles", X, y, theory.refute(X, y, "rotated_rectangles"))


@pytest.mark.parametrize(
    "cls", ["halfspaces", "boxes", "rotated_rectangles", "balls", "stumps", theory.DecisionTrees(2)]
)
def test_enumeration_agrees_with_single_decisions_for_floats(cls):
    X = np.random.default_rng(2).standard_normal((6, 2))
    rows = brute_force.as_sets(theory.dichotomies(X, cls))
    assert rows == {y for y in brute_force.labelings(6) if theory.realize(X, y, cls) is not None}


def verify(cls, X, y, certificate):
    from goldfish.theory.classes import named_class

    return named_class("test", cls).verify(read_points("test", X), tuple(map(bool, y)), certificate)


@pytest.mark.parametrize(
    "cls, X, y",
    [
        ("halfspaces", [[0, 0], [1, 1], [2, 2]], [1, 0, 1]),
        ("balls", [[0, 0], [1, 0], [2, 0]], [1, 0, 1]),
        ("boxes", [[0, 0], [1, 1], [2, 2]], [1, 0, 1]),
        ("rotated_rectangles", [[0, 0], [4, 0], [2, 4], [2, 1]], [1, 1, 1, 0]),
        ("intervals", [[0], [1], [2]], [1, 0, 1]),
        ("thresholds", [[0], [1]], [1, 0]),
        ("stumps", [[0, 0], [1, 1], [2, 2]], [1, 0, 1]),
        ("parities", [[1, 0], [0, 1], [1, 1]], [1, 1, 1]),
        ("conjunctions", [[0, 0], [1, 1], [0, 1]], [1, 1, 0]),
        ("disjunctions", [[0, 0], [1, 1], [0, 1]], [0, 0, 1]),
        ("juntas", [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]),
        (theory.DecisionTrees(1), [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]),
        (theory.FiniteClass([[0, 1], [1, 0]]), [[0], [1]], [1, 1]),
        (theory.NearestNeighbours(1, prototypes=[[0], [9]]), [[1], [2]], [0, 1]),
        (theory.NearestNeighbours(3, prototypes=[[0], [1], [2]]), [[0], [2]], [0, 1]),
    ],
    ids=str,
)
def test_certificates_of_other_labels_are_refused(cls, X, y):
    """A certificate proves what it says and nothing else: it does not pass for labels that can be realised."""
    from goldfish.theory.classes import named_class

    points = read_points("test", X)
    certificate = named_class("test", cls).decide(points, tuple(map(bool, y)))
    assert isinstance(certificate, theory.Certificate)
    assert verify(cls, X, y, certificate)
    refused = 0
    for other in brute_force.labelings(len(X)):
        if theory.realize(X, other, cls) is not None:
            assert not verify(cls, X, other, certificate), other
            refused += 1
    assert refused


def test_a_certificate_with_wrong_numbers_is_refused():
    X, y = [[0, 0], [1, 1], [3, 3]], [1, 0, 1]
    good = theory.refute(X, y, "halfspaces")
    assert good.coefficients == (Fraction(1, 3), Fraction(1, 2), Fraction(1, 6))
    bad = theory.Certificate(good.indices, "", (Fraction(1, 4), Fraction(1, 2), Fraction(1, 4)))
    negative = theory.Certificate((0, 1), "", (Fraction(2), Fraction(-1)))
    assert verify("halfspaces", X, y, good)
    assert not verify("halfspaces", X, y, bad)
    assert not verify("halfspaces", X, y, negative)


def test_rectangle_certificates_must_cover_a_quarter_turn():
    X, y = [[0, 0], [4, 0], [2, 4], [2, 1]], [1, 1, 1, 0]
    from goldfish.theory.classes import RotatedRectangles

    certificate = RotatedRectangles().decide(read_points("test", X), tuple(map(bool, y)))
    short = theory.Certificate(certificate.indices, "", evidence=certificate.evidence[:-1])
    assert verify("rotated_rectangles", X, y, certificate)
    assert not verify("rotated_rectangles", X, y, short)


def test_nearest_neighbours_with_fixed_prototypes():
    P, labels = [[0], [1], [3], [7]], [1, 0, 0, 1]
    by_k = theory.NearestNeighbours(k=None, prototypes=P, labels=labels)
    X = [[0], [2], [6]]
    rows = {
        next(iter(theory.NearestNeighbours(k, prototypes=P, labels=labels).masks(read_points("t", X), 9)))
        for k in range(1, 5)
    }
    assert theory.growth_on_sample(X, by_k) == len(rows) <= 4
    one = theory.NearestNeighbours(1, prototypes=P)
    assert theory.growth_on_sample([[0], [0.2], [2.9], [3]], one) == 4
    three = theory.NearestNeighbours(3, prototypes=P)
    for y in brute_force.labelings(3):
        witness = theory.realize(X, y, three)
        assert (witness is not None) == (y in brute_force.as_sets(theory.dichotomies(X, three)))


def test_a_users_wrong_witness_is_found_out():
    class Liar:
        def predict(self, X):
            return np.ones(len(X))

    liar = theory.CallableClass(lambda X, y: Liar(), name="liar")
    with pytest.raises(ValueError, match="liar returned is wrong at point 1"):
        theory.realize([[0], [1]], [1, 0], liar)
    with pytest.raises(TypeError, match="predict"):
        theory.realize([[0]], [1], theory.CallableClass(lambda X, y: 3))


def test_an_object_with_realize_is_a_class():
    class Everything:
        def realize(self, X, y):
            table = {tuple(map(float, x)): v for x, v in zip(X, y, strict=True)}
            return type("Rule", (), {"predict": lambda self, Z: [table[tuple(map(float, z))] for z in Z]})()

    assert theory.shatters([[0.5], [1.5]], Everything())


def test_parametric_classes_find_but_do_not_exclude():
    line = theory.ParametricClass(
        lambda t, X: np.asarray(X, float)[:, 0] >= t, lambda rng: rng.uniform(0, 4), draws=200
    )
    X = [[1], [2], [3]]
    assert theory.growth_on_sample(X, line) == 4
    assert theory.realize(X, [0, 1, 1], line).predict([[5], [0]]).tolist() == [True, False]
    with pytest.warns(UserWarning, match="not a proof"):
        assert theory.realize(X, [1, 0, 0], line) is None
    with pytest.warns(UserWarning, match="not a proof"):
        assert not theory.shatters(X, line)
    with pytest.raises(ValueError, match="exactly"):
        theory.minimal_unshattered(X, line)


def test_witnesses_show_their_parameters():
    rule = theory.realize([[0, 0], [2, 0]], [0, 1], "halfspaces")
    assert all(isinstance(w, int) for w in rule.weights)
    assert len(rule.weights) == 3
    box = theory.realize([[0, 0], [2, 1], [9, 9]], [1, 1, 0], "boxes")
    assert (box.low, box.high) == ((0, 0), (2, 1))
    disk = theory.realize([[0, 0], [2, 0], [9, 9]], [1, 1, 0], "balls")
    assert all(
        sum((a - c) ** 2 for a, c in zip(x, disk.center, strict=True)) <= disk.radius_squared for x in ([0, 0], [2, 0])
    )
    tree = theory.realize([[0], [1]], [0, 1], theory.DecisionTrees(depth=1))
    assert tree.root.feature == 0
    assert tree.root.threshold == Fraction(1, 2)
    assert tree.root.above is True
