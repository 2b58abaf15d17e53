"""How many examples learning takes, and which labelings a class of rules can realise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from goldfish import theory
from goldfish.cli.recitation.worked import Group, Number

_EPS, _DELTA = 0.01, 0.02
_CONJUNCTIONS = 3**10
# Temperature high, humid, windy; did it rain?
_WEATHER, _RAIN = [[1, 1, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]], [1, 0, 1, 1]
_CUBE = [list(row) for row in itertools.product((0, 1), repeat=3)]
_HEPTAGON = [
    (995004, 99833), (542322, 840171), (-318740, 947842), (-939784, 341769), (-853152, -521663), (-124079, -992272),
    (698428, -715680),
]  # fmt: skip
_RECTANGLES = "rotated_rectangles"


def _enough(**options: Any) -> int | float:
    return theory.sample_complexity_finite(_EPS, _DELTA, **{"h": _CONJUNCTIONS, **options}).value


def _polygon(corners: int) -> list[list[int]]:
    turn = [0.1 + 2 * math.pi * i / corners for i in range(corners)]
    return [[round(10**6 * math.cos(a)), round(10**6 * math.sin(a))] for a in turn]


def _failures(points: Sequence[Sequence[int]], cls: Any) -> str:
    """The labelings that cannot be realised, in order."""
    _, rows = theory.shatters(points, cls, return_failures=True)
    return " ".join(sorted("".join("1" if label > 0 else "0" for label in row) for row in np.asarray(rows).astype(int)))


def _convex_quadruples(count: int) -> int:
    """How many of so many random convex quadrilaterals are shattered by rotated rectangles."""
    rng = np.random.default_rng(0)
    angles = np.sort(rng.uniform(0, 2 * np.pi, (count, 4)), axis=1)
    stretched = np.round(1000 * np.stack([2 * np.cos(angles), np.sin(angles)], axis=2)).astype(int)
    return sum(theory.shatters(points.tolist(), _RECTANGLES) for points in stretched)


def _trees() -> Any:
    return np.asarray(theory.dichotomies(_CUBE, theory.DecisionTrees(depth=2)))


def _consistent_trees() -> int:
    places = [_CUBE.index(x) for x in _WEATHER]
    return int(np.sum((_trees()[:, places] > 0).astype(int) == _RAIN, axis=1).tolist().count(4))


def _tree_tables(free: tuple[int, ...], depth: int) -> list[tuple[int, ...]]:
    """The answers to the eight kinds of weather of every tree as written, no question asked twice on a path."""
    tables: list[tuple[int, ...]] = [(0,) * 8, (1,) * 8]
    if depth == 0:
        return tables
    for question in free:
        below = _tree_tables(tuple(other for other in free if other != question), depth - 1)
        for no, yes in itertools.product(below, repeat=2):
            tables.append(tuple((yes if row[question] else no)[i] for i, row in enumerate(_CUBE)))
    return tables


def _consistent_as_written() -> int:
    places = [_CUBE.index(x) for x in _WEATHER]
    return sum([table[i] for i in places] == _RAIN for table in _tree_tables((0, 1, 2), 2))


def _fits(depth: int) -> bool:
    return theory.realize(_WEATHER, _RAIN, theory.DecisionTrees(depth=depth)) is not None


def _shattered(*points: Sequence[int]) -> bool:
    return theory.shatters(list(points), "halfspaces")


def _case(realizable: bool, finite: bool) -> str:
    case = theory.pac_case(realizable, finite)
    return f"{case.number} {case.function.__name__}"


_MOMENT_CURVE = [[t, t * t] for t in (-7, -2, 0, 1, 5, 9)]
_SQUARE = ([0, 0], [1, 0], [0, 1], [1, 1])

GROUPS = (
    Group(
        "Conjunctions over ten bits: 99 % right, 98 % sure",
        "Valiant 1984; Blumer, Ehrenfeucht, Haussler and Warmuth 1987; Hoeffding 1963",
        (
            Number("rules in the class", 59049, lambda: theory.hypothesis_count("conjunctions", n=10)),
            Number("examples that suffice", 1490, _enough),
            Number("by the sharper form of the same argument", 1483, lambda: _enough(tight=True)),
            Number(
                "with the rule that is always false",
                1490,
                lambda: _enough(h=theory.hypothesis_count("conjunctions", n=10, allow_false=True)),
            ),
            Number("if no rule need be right", 77957, lambda: _enough(realizable=False)),
            Number(
                "error that 1490 examples guarantee",
                0.0099987556323,
                lambda: theory.risk_bound_finite(1490, _DELTA, h=_CONJUNCTIONS, tight=False).value,
            ),
            Number(
                "by the sharper form",
                0.0099489342640,
                lambda: theory.risk_bound_finite(1490, _DELTA, h=_CONJUNCTIONS).value,
            ),
        ),
    ),
    Group(
        "Four cases of learning",
        "Vapnik and Chervonenkis 1971; Mohri, Rostamizadeh and Talwalkar, Foundations of Machine Learning, 2018",
        (
            Number(
                "realizable, finite (a tree that fits the weather)",
                "1 sample_complexity_finite",
                lambda: _case(True, True),
            ),
            Number("agnostic, finite", "2 sample_complexity_finite", lambda: _case(False, True)),
            Number(
                "realizable, infinite (separable points, linear rules)",
                "3 sample_complexity_vc",
                lambda: _case(True, False),
            ),
            Number(
                "agnostic, infinite (unknown points, linear rules)",
                "4 sample_complexity_vc",
                lambda: _case(False, False),
            ),
            Number(
                "nearest neighbour's VC dimension, its points being free",
                math.inf,
                lambda: theory.vc_dimension("nearest_neighbours").value,
            ),
        ),
    ),
    Group(
        "Linear rules",
        "Cover 1965; Radon 1921; Vapnik and Chervonenkis 1971",
        (
            Number("two points on a line are shattered", True, lambda: _shattered([0], [1])),
            Number("three points on a line", False, lambda: _shattered([0], [1], [2])),
            Number("three points in the plane", True, lambda: _shattered(*_SQUARE[:3])),
            Number("four points in the plane", False, lambda: _shattered(*_SQUARE)),
            Number(
                "VC dimension on the line and in the plane",
                (2, 3),
                lambda: [theory.vc_dimension("halfspaces", p=p).value for p in (1, 2)],
            ),
            Number(
                "labelings of 3, 4, 5, 6 points in the plane, by formula",
                (8, 14, 22, 32),
                lambda: [theory.growth_function("halfspaces", m, p=2).value for m in (3, 4, 5, 6)],
            ),
            Number(
                "the same, decided one by one",
                (8, 14, 22, 32),
                lambda: [theory.growth_on_sample(_MOMENT_CURVE[:m], "halfspaces") for m in (3, 4, 5, 6)],
            ),
        ),
    ),
    Group(
        "Decision trees over three yes-no features",
        "Counted one by one; Quinlan 1986",
        (
            Number("a tree of depth two fits the weather", True, lambda: _fits(2)),
            Number("a tree of depth one", False, lambda: _fits(1)),
            Number(
                "trees of depth two, as written", 302, lambda: theory.hypothesis_count("decision_trees", n=3, depth=2)
            ),
            Number("of them that fit the weather", 18, _consistent_as_written),
            Number(
                "functions that they compute",
                62,
                lambda: theory.hypothesis_count("decision_trees", n=3, depth=2, distinct=True),
            ),
            Number("of these that fit the weather", 3, _consistent_trees),
            Number("VC dimension of depth two", 4, lambda: theory.vc_dimension_finite(_trees()).dim),
        ),
    ),
    Group(
        "Rotated rectangles",
        "Decided in exact arithmetic; every yes has a rectangle, every no a proof",
        (
            Number(
                "four points in convex position are shattered",
                True,
                lambda: theory.shatters([[0, 0], [3, 0], [4, 3], [1, 2]], _RECTANGLES),
            ),
            Number("so are 50 of 50 at random", 50, lambda: _convex_quadruples(50)),
            Number(
                "one point inside the triangle of the others: what fails",
                "1110",
                lambda: _failures([[0, 0], [4, 0], [2, 4], [2, 1]], _RECTANGLES),
            ),
            Number(
                "five points in a zigzag: what fails",
                "10001 10011 11001 11011",
                lambda: _failures([[0, 1], [1, 0], [2, 1], [3, 0], [4, 1]], _RECTANGLES),
            ),
            Number(
                "a square and its centre: what fails",
                "01010 01110 10100 10110 11010 11100 11110",
                lambda: _failures([[0, 0], [2, 0], [2, 2], [0, 2], [1, 1]], _RECTANGLES),
            ),
            Number(
                "regular polygons of 3, 4, 5 and 7 corners are shattered",
                (True,) * 4,
                lambda: [theory.shatters(_polygon(k), _RECTANGLES) for k in (3, 4, 5, 7)],
            ),
            Number(
                "a regular hexagon (up to rounding): what fails",
                "010101 101010",
                lambda: _failures([[2, 0], [1, 2], [-1, 2], [-2, 0], [-1, -2], [1, -2]], _RECTANGLES),
            ),
            Number("labelings of a certain heptagon", 128, lambda: theory.growth_on_sample(_HEPTAGON, _RECTANGLES)),
            Number("a regular octagon is shattered", False, lambda: theory.shatters(_polygon(8), _RECTANGLES)),
            Number("VC dimension", 7, lambda: theory.vc_dimension(_RECTANGLES).value),
        ),
    ),
)
